//! When something is due.

use serde::{Deserialize, Serialize};
use tamer_model::Timestamp;

use crate::{Cron, Zone};

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Once, then.
    At(Timestamp),
    /// Whenever the clocks of the zone fit.
    Cron(Cron),
}

impl When {
    /// The first time after `after` at which it is due; none when it never is again.
    pub fn due_after(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(*at).filter(|at| *at > after),
            Self::Cron(cron) => cron.due_after(zone, after),
        }
    }

    /// The last time in (`after`, `until`] at which it is due.
    pub(crate) fn last_due(
        &self,
        zone: &Zone,
        after: Timestamp,
        until: Timestamp,
    ) -> Option<Timestamp> {
        let due_after = |at| self.due_after(zone, at).filter(|due| *due <= until);
        let mut last = due_after(after)?;
        // Something is due after `low` and not after `high`: halving finds the last one in forty
        // steps, however many there were.
        let (mut low, mut high) = (after.as_millis(), until.as_millis());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match due_after(Timestamp::from_millis(middle)) {
                Some(due) => (last, low) = (due, middle),
                None => high = middle,
            }
        }
        Some(last)
    }
}
