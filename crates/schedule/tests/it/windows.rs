//! Windows, held against arithmetic with the minutes of a week.

use proptest::prelude::Strategy;
use proptest::{prop_assert, prop_assert_eq, proptest};
use tamer_schedule::{Opening, Window, Zone};

use crate::{at, millis};

const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY: u64 = 1440;
const WEEK: u64 = 7 * DAY;

/// A day of the week, and two times of it in minutes.
type Span = (usize, u64, u64);

fn span() -> impl Strategy<Value = Span> {
    (0..7usize, 0..DAY, 0..=DAY).prop_filter("a span", |(_, from, to)| from != to)
}

fn text(spans: &[Span]) -> String {
    let time = |minutes: u64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let words =
        spans.iter().map(|(d, from, to)| format!("{} {}-{}", NAMES[*d], time(*from), time(*to)));
    words.collect::<Vec<_>>().join("; ")
}

fn is_open(spans: &[Span], minute: u64) -> bool {
    spans.iter().any(|(day, from, to)| {
        let begin = *day as u64 * DAY + from;
        let length = if to > from { to - from } else { to + DAY - from };
        (minute + WEEK - begin) % WEEK < length
    })
}

proptest! {
    #[test]
    fn it_is_open_when_a_span_says_so(
        spans in proptest::collection::vec(span(), 1..6),
        minute in 0..WEEK,
    ) {
        let window: Window = text(&spans).parse().expect("a window");
        // A Monday.
        let monday = at("2026-11-23T00:00Z").as_millis();
        let moment = |minute: u64| millis(monday + minute * 60_000);
        let open_from = |minute: u64| (0..=WEEK).find(|more| !is_open(&spans, (minute + more) % WEEK));
        let expected = match open_from(minute) {
            Some(0) => Opening::Closed,
            Some(more) => Opening::Until(moment(minute + more)),
            None => Opening::Always,
        };
        prop_assert_eq!(window.at(&Zone::UTC, moment(minute)), expected, "{}", window);
        let opens = window.opens_after(&Zone::UTC, moment(minute)).expect("it opens every week");
        prop_assert!(opens > moment(minute) && window.is_open(&Zone::UTC, opens), "{}", window);
        // What is closed now stays so until then.
        let first = (0..WEEK).find(|more| is_open(&spans, (minute + more) % WEEK));
        if expected == Opening::Closed {
            prop_assert_eq!(Some(opens), first.map(|more| moment(minute + more)), "{}", window);
        }
    }
}

#[test]
fn all_week_never_closes() {
    for text in
        ["00:00-24:00", "Mon-Sun 00:00-12:00; 12:00-00:00", "Fri-Thu 05:00-04:59; 04:00-06:00"]
    {
        let window: Window = text.parse().expect(text);
        assert_eq!(window.at(&Zone::UTC, at("2026-11-25T12:00Z")), Opening::Always, "{text}");
    }
}

#[test]
fn what_is_no_window_is_refused() {
    for (text, why) in [
        ("", "no times"),
        ("Mon", "no times"),
        ("22:00-22:00", "no time at all"),
        ("24:00-04:00", "no time at all"),
        ("22:00-24:01", "\"24:01\" is no time"),
        ("22-04", "\"22\" is no time"),
        ("7:00-09:00", "\"7:00\" is no time"),
        ("Mo 22:00-04:00", "\"Mo\" is no day"),
        ("Mon,,Tue 22:00-04:00", "\"\" is no day"),
        ("22:00-04:00;", "no times"),
    ] {
        let problem = text.parse::<Window>().expect_err(text);
        assert_eq!(problem.field.as_deref(), Some("window"), "{text}");
        assert!(problem.message.contains(why), "{text}: {problem}");
    }
    "22:00-04:00;".repeat(17).parse::<Window>().expect_err("too many");
}
