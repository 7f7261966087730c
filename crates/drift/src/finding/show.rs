//! Values, times and counts as people read them.

use tamer_model::Timestamp;

use super::report::Finding;
use crate::resource::Value;

/// The most characters of a value in a sentence.
const SHORT: usize = 60;
const SECOND_MS: u64 = 1000;
const DAY_S: u64 = 24 * 60 * 60;

/// A time in UTC: `2026-11-21 16:52:49Z`.
pub fn time(at: Timestamp) -> String {
    let seconds = at.as_millis() / SECOND_MS;
    let (year, month, day) = date(seconds / DAY_S);
    let rest = seconds % DAY_S;
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// A value in a sentence: one line, at most 60 characters, and no secrets.
pub fn value(value: &Value) -> String {
    let text = match value {
        Value::Text(text) if text.is_empty() => "nothing".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Hidden(_) => "a secret".to_owned(),
        Value::Bool(_) | Value::Int(_) => value.to_string(),
        Value::List(all) => each(all.iter()),
        Value::Set(all) => each(all.iter()),
        Value::Map(all) => {
            let pairs = all.iter().map(|(key, one)| format!("{key}={}", self::value(one)));
            pairs.collect::<Vec<_>>().join(", ")
        }
    };
    short(&text)
}

/// A value that may be absent.
pub fn side(side: Option<&Value>) -> String {
    side.map_or_else(|| "nothing".to_owned(), value)
}

/// `1 host`, `212 hosts`.
pub fn count(number: u64, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {one}{ending}")
}

/// A text as one line of at most 60 characters.
pub fn short(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= SHORT {
        return line;
    }
    let cut: String = line.chars().take(SHORT - 1).collect();
    format!("{cut}…")
}

/// A text that begins as a sentence does.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A few names, and how many more.
pub(super) fn names<'a>(all: impl ExactSizeIterator<Item = &'a str>, most: usize) -> String {
    names_of(all, most, 0)
}

/// A few of a finding's hosts, and how many more.
pub(super) fn hosts(finding: &Finding, most: usize) -> String {
    let all = finding.hosts.iter().map(|member| member.name.as_str());
    names_of(all, most, finding.hosts_left_out)
}

/// A few names, and how many more: those that are not shown, and those that are not here.
fn names_of<'a>(all: impl ExactSizeIterator<Item = &'a str>, most: usize, left_out: u64) -> String {
    let more = super::make::number(all.len().saturating_sub(most)).saturating_add(left_out);
    let shown = all.take(most).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn each<'a>(all: impl Iterator<Item = &'a Value>) -> String {
    all.map(value).collect::<Vec<_>>().join(", ")
}

/// The day after so many days since 1970-01-01, by Howard Hinnant's `civil_from_days`.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (millis, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_400_000, "2000-02-29 00:00:00Z"),
            (1_795_279_969_123, "2026-11-21 16:52:49Z"),
            (4_107_542_400_000, "2100-03-01 00:00:00Z"),
        ] {
            assert_eq!(time(Timestamp::from_millis(millis)), text);
        }
    }

    #[test]
    fn secrets_and_long_texts_stay_out_of_sentences() {
        assert_eq!(value(&Value::Hidden([7; 16])), "a secret");
        assert_eq!(value(&Value::Text("a\nb".into())), "a b");
        assert_eq!(value(&Value::Text("x".repeat(500))).chars().count(), 60);
    }
}
