//! Time zones, by their names.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use tamer_model::{Problem, Timestamp};

/// A time zone of the IANA database, as in `Europe/Berlin`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone whose clocks are never changed.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Its name.
    pub fn as_str(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Reads a time: `2026-11-21 22:00` by the clocks of this zone, or one that says its own offset,
    /// as `2026-11-21T22:00Z`.
    ///
    /// # Errors
    ///
    /// A text that is no time; a time that the zone's clocks skip or show twice and that has no
    /// offset to tell which is meant.
    pub fn read(&self, text: &str) -> Result<Timestamp, Problem> {
        let text = text.trim();
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return told(at).ok_or_else(|| bad_time(text, "it is before 1970"));
        }
        let local: DateTime = text.parse().map_err(|_| bad_time(text, "it is no date and time"))?;
        let meant = self.0.to_ambiguous_timestamp(local);
        let trouble = match meant.offset() {
            AmbiguousOffset::Unambiguous { .. } => None,
            AmbiguousOffset::Gap { .. } => Some("the clocks skip it"),
            AmbiguousOffset::Fold { .. } => Some("the clocks show it twice"),
        };
        if let Some(trouble) = trouble {
            return Err(bad_time(text, &format!("in {self} {trouble} that day")));
        }
        let at = meant.unambiguous().ok().and_then(told);
        at.ok_or_else(|| bad_time(text, "it is before 1970, or too far away"))
    }

    /// What its clocks show then: `2026-11-21 22:00:00+01:00`.
    pub fn show(&self, at: Timestamp) -> String {
        instant(at).map_or_else(
            || format!("{} ms", at.as_millis()),
            |at| at.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
        )
    }

    /// What its clocks show then, to the second.
    pub(crate) fn local(&self, at: Timestamp) -> Option<DateTime> {
        let local = self.0.to_datetime(instant(at)?);
        local.with().subsec_nanosecond(0).build().ok()
    }

    /// The first moment at which its clocks show this time or a later one: of two, the first; for
    /// one that they skip, the end of the gap.
    pub(crate) fn first(&self, local: DateTime) -> Option<Timestamp> {
        let meant = self.0.to_ambiguous_timestamp(local);
        match meant.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                meant.earlier().ok().and_then(told)
            }
            AmbiguousOffset::Gap { .. } => {
                // Read with the offset of after the gap, it is a moment before it.
                let before = meant.earlier().ok()?;
                self.0.following(before).next().and_then(|change| told(change.timestamp()))
            }
        }
    }

    /// When its clocks are changed next.
    pub(crate) fn changed_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.0.following(instant(at)?).next().and_then(|change| told(change.timestamp()))
    }

    /// The moment at which its clocks show `local`, if they are not changed between `near` and then.
    pub(crate) fn at_the_offset_of(&self, near: Timestamp, local: DateTime) -> Option<Timestamp> {
        let offset = self.0.to_offset(instant(near)?);
        offset.to_timestamp(local).ok().and_then(told)
    }

    /// The first moment of a day.
    pub(crate) fn midnight(&self, date: Date) -> Option<Timestamp> {
        self.first(date.at(0, 0, 0, 0))
    }
}

impl FromStr for Zone {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        if text.eq_ignore_ascii_case("utc") {
            return Ok(Self::UTC);
        }
        database().get(text).map(Self).map_err(|_| {
            let text: String = text.chars().take(64).collect();
            Problem::field("zone", format!("there is no time zone {text:?}"))
                .remedy("use a name of the IANA database, as Europe/Berlin, or UTC")
        })
    }
}

impl TryFrom<String> for Zone {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.as_str().to_owned()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The database that comes with the crate, never that of the machine.
fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

fn instant(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(i64::try_from(at.as_millis()).ok()?).ok()
}

fn told(at: jiff::Timestamp) -> Option<Timestamp> {
    u64::try_from(at.as_millisecond()).ok().map(Timestamp::from_millis)
}

fn bad_time(text: &str, why: &str) -> Problem {
    let text: String = text.chars().take(64).collect();
    Problem::field("at", format!("{text:?} cannot be used: {why}"))
        .remedy("write 2026-11-21T22:00, or with an offset 2026-11-21T22:00+01:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Zone {
        "europe/berlin".parse().expect("a zone")
    }

    #[test]
    fn a_zone_has_its_own_spelling_and_others_are_refused() {
        assert_eq!(berlin().as_str(), "Europe/Berlin");
        assert_eq!("utc".parse::<Zone>(), Ok(Zone::UTC));
        let json = serde_json::to_string(&berlin()).expect("json");
        assert_eq!(serde_json::from_str::<Zone>(&json).expect("zone"), berlin());
        for bad in ["", "Berlin", "CEST+1", "../etc/passwd", "Europe/Berlin "] {
            let problem = bad.parse::<Zone>().expect_err(bad);
            assert_eq!(problem.field.as_deref(), Some("zone"), "{bad}");
        }
    }

    #[test]
    fn times_are_read_by_the_clocks_of_the_zone() {
        for (text, utc) in [
            ("2026-11-21 22:00", "2026-11-21 21:00:00+00:00"),
            ("2026-07-01T22:00:30", "2026-07-01 20:00:30+00:00"),
            ("2026-07-01T22:00Z", "2026-07-01 22:00:00+00:00"),
            // The hour that comes twice, told apart by its offset.
            ("2026-10-25T02:30+02:00", "2026-10-25 00:30:00+00:00"),
            ("2026-10-25T02:30+01:00", "2026-10-25 01:30:00+00:00"),
        ] {
            let at = berlin().read(text).expect(text);
            assert_eq!(Zone::UTC.show(at), utc, "{text}");
        }
    }

    #[test]
    fn a_time_that_is_not_one_moment_is_refused() {
        for (text, why) in [
            ("2026-03-29 02:30", "skip it"),
            ("2026-10-25 02:30", "twice"),
            ("tomorrow", "no date"),
            ("2026-02-30 10:00", "no date"),
            ("1969-01-01T00:00Z", "before 1970"),
        ] {
            let problem = berlin().read(text).expect_err(text);
            assert!(problem.message.contains(why), "{text}: {problem}");
        }
    }
}
