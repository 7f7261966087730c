//! What `tamer-schedule` promises: transcripts of the nights when clocks are changed, and
//! properties.

mod expressions;
mod nights;
mod properties;
mod steps;
mod windows;

use tamer_model::{ScheduleName, Timestamp};
use tamer_schedule::{Cron, When, Zone};

pub(crate) const HOUR: u64 = 3_600_000;

pub(crate) fn at(text: &str) -> Timestamp {
    Zone::UTC.read(text).expect(text)
}

pub(crate) fn millis(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn zone(name: &str) -> Zone {
    name.parse().expect(name)
}

pub(crate) fn cron(text: &str) -> When {
    When::Cron(text.parse::<Cron>().unwrap_or_else(|problem| panic!("{text}: {problem}")))
}

pub(crate) fn name() -> ScheduleName {
    "nightly".parse().expect("a name")
}

/// Everything that is due after `from` and not after `until`.
pub(crate) fn all_due(
    when: &When,
    zone: &Zone,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Timestamp> {
    let next = |at: &Timestamp| when.due_after(zone, *at).filter(|due| *due <= until);
    std::iter::successors(next(&from), next).collect()
}
