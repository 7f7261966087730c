//! Reading a window.

use tamer_model::Problem;

use super::Span;

/// The minutes of a day.
pub const DAY: u16 = 24 * 60;
/// Two for each day of the week, and two more.
const MAX_SPANS: usize = 16;
const MAX_BYTES: usize = 512;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The spans of a window.
pub fn spans(text: &str) -> Result<Vec<Span>, Problem> {
    if text.len() > MAX_BYTES {
        return Err(bad(format!("it is longer than {MAX_BYTES} bytes")));
    }
    let spans = text.split(';').map(|part| span(part.trim())).collect::<Result<Vec<_>, _>>()?;
    if spans.len() > MAX_SPANS {
        return Err(bad(format!("it has more than {MAX_SPANS} spans")));
    }
    Ok(spans)
}

fn span(text: &str) -> Result<Span, Problem> {
    let (on, times) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
    let (from, to) = times
        .split_once('-')
        .ok_or_else(|| bad(format!("{text:?} has no times, as in 22:00-04:00")))?;
    let (from, to) = (time(from)?, time(to)?);
    if from == to || from == DAY {
        return Err(bad(format!("{times:?} is no time at all; a whole day is 00:00-24:00")));
    }
    Ok(Span { days: days(on.trim())?, from, to })
}

fn days(text: &str) -> Result<[bool; 7], Problem> {
    if text.is_empty() {
        return Ok([true; 7]);
    }
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        days[at] = true;
        // Fri-Mon goes over the end of the week.
        while at != last {
            at = (at + 1) % 7;
            days[at] = true;
        }
    }
    Ok(days)
}

fn day(text: &str) -> Result<usize, Problem> {
    let word = text.trim().to_lowercase();
    DAYS.iter()
        .position(|day| *day == word)
        .ok_or_else(|| bad(format!("{text:?} is no day of the week; write Mon, Tue, Wed …")))
}

/// Minutes since midnight.
fn time(text: &str) -> Result<u16, Problem> {
    let two = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let parts = text.split_once(':').and_then(|(hour, minute)| Some((two(hour)?, two(minute)?)));
    match parts {
        Some((hour, minute)) if minute < 60 && hour * 60 + minute <= DAY => Ok(hour * 60 + minute),
        Some(_) | None => Err(bad(format!("{text:?} is no time of a day, as in 09:30"))),
    }
}

fn bad(why: String) -> Problem {
    Problem::field("window", format!("the window cannot be read: {why}"))
        .remedy("write spans as in \"Mon-Fri 22:00-04:00; Sat,Sun 00:00-24:00\"")
}
