//! Cron expressions.

use std::fmt;
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use tamer_model::{Problem, Timestamp};

use crate::Zone;

/// A cron expression: minute, hour, day of month, month and day of week, with seconds before them if
/// there are six fields. What it means is Vixie's: two days that are both restricted are an "or".
/// Also `@hourly` and the like, `L` (last), `#` (the nth of a month), `W` (nearest weekday) and a `+`
/// before the day of week that makes the days an "and".
///
/// When clocks are changed:
///
/// - An expression with a `*` among its seconds, minutes or hours counts what passes: it is due
///   whenever the clocks show a time that fits it, so not at all in an hour that is skipped, and
///   twice in one that comes twice.
/// - One without names times of the day: each is due once. One that is skipped is due at the end of
///   the gap; of one that comes twice the first counts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cron {
    text: String,
    fields: Box<croner::Cron>,
    /// Whether each of its times of a day is due once.
    names_times: bool,
}

/// The longest expression: lists of all minutes and hours have half of this.
const MAX_BYTES: usize = 512;
const FIELDS: [&str; 6] = ["second", "minute", "hour", "day of month", "month", "day of week"];

impl Cron {
    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `after` at which it is due in `zone`; none when it never is again.
    pub fn due_after(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        if self.names_times {
            self.named_after(zone, after)
        } else {
            self.passing_after(zone, after)
        }
    }

    /// Each time once: the first whose moment is still to come. Moments follow each other as times
    /// do, so nothing before what the clocks show now can be missed.
    fn named_after(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let mut local = zone.local(after)?;
        loop {
            local = self.next(local, false)?;
            let due = zone.first(local)?;
            if due > after {
                return Some(due);
            }
        }
    }

    /// Between two changes of the clocks local time runs as time does, so each such stretch is
    /// searched on its own.
    fn passing_after(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let (mut from, mut inclusive) = (after, false);
        loop {
            let due = self.next(zone.local(from)?, inclusive)?;
            let due = zone.at_the_offset_of(from, due);
            match (due, zone.changed_after(from)) {
                (Some(due), None) => return Some(due),
                (Some(due), Some(change)) if due < change => return Some(due),
                (Some(_), Some(change)) => (from, inclusive) = (change, true),
                (None, _) => return None,
            }
        }
    }

    fn next(&self, local: DateTime, inclusive: bool) -> Option<DateTime> {
        self.fields.find_next_occurrence(&local, inclusive).ok()
    }
}

impl FromStr for Cron {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(bad(format!("it is longer than {MAX_BYTES} bytes")));
        }
        let fields: Vec<_> = text.split_whitespace().collect();
        if !text.starts_with('@') {
            check(&fields)?;
        }
        let parsed =
            parser().parse(text).map_err(|_| bad(format!("{text:?} is no cron expression")))?;
        let times = fields.len().saturating_sub(3);
        let names_times = match text {
            "@hourly" => false,
            _ => !fields[..times].iter().any(|field| field.contains('*')),
        };
        Ok(Self { text: text.to_owned(), fields: Box::new(parsed), names_times })
    }
}

/// Checks field by field, so that the one at fault is named.
fn check(fields: &[&str]) -> Result<(), Problem> {
    let names = match fields.len() {
        5 => &FIELDS[1..],
        6 => &FIELDS[..],
        count => return Err(bad(format!("it has {count} fields, not 5, or 6 with seconds"))),
    };
    for (at, (field, name)) in fields.iter().zip(names).enumerate() {
        // The parser takes the names of days and months anywhere, and lists with nothing in them.
        let of_the_clock = at + 3 < fields.len();
        let letters = of_the_clock && field.contains(|c: char| c.is_alphabetic());
        let hollow = field.split(',').any(str::is_empty);
        let mut alone: Vec<_> = names.iter().map(|_| "*").collect();
        alone[at] = field;
        if letters || hollow || parser().parse(&alone.join(" ")).is_err() {
            return Err(bad(format!("{field:?} is no {name}")));
        }
    }
    Ok(())
}

fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build()
}

fn bad(why: String) -> Problem {
    Problem::field("cron", format!("the cron expression cannot be read: {why}"))
        .remedy("write minute, hour, day of month, month, day of week, as in \"30 2 * * Mon-Fri\"")
}

impl TryFrom<String> for Cron {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
