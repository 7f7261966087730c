//! What differs on one host, and when that happened as far as one can say.

use std::sync::Arc;
use std::time::Duration;

use tamer_drift::diff::Change;
use tamer_drift::finding::{Gap, HELD, HostDrift, Owners, Window, ends, is_due};
use tamer_drift::{Digest, Kind, Resource};
use tamer_model::{Problem, Timestamp};

use super::CHANGES;
use super::looks::missing;
use crate::drift::history::Past;
use crate::drift::record::DeltaRecord;
use crate::drift::{Drift, Nodes, trees};

/// Resources of one host that are looked at though they did not change.
const HELD_RESOURCES: usize = 5_000;

/// How long before a look a change may have happened that it shows: agents look at everything every
/// ten minutes, and where there is no event only then.
const LOOK: Duration = Duration::from_secs(15 * 60);
/// How far a time by an agent's clock may be off once it is one of ours.
const CLOCKS: Duration = Duration::from_secs(2);

impl Drift {
    /// Reads two pictures of a host, and tells of it what is found.
    pub(super) async fn read(&self, pair: Pair, told: &mut HostDrift) -> Result<(), Problem> {
        let drift = self.clone();
        let read = self.turn(move || pair.read(drift.nodes(), &drift.inner.settings.owners)).await;
        match read {
            Ok(Read { changes, more, held, ends }) => {
                self.board().learn(told.host, pair.after, ends);
                (told.changes, told.held) = (changes, held);
                if more > 0 {
                    told.incomplete.push(missing(format!("{more} more changes are not told")));
                }
            }
            // Named, told, asked for again; and the other hosts are told all the same.
            Err(problem) => {
                self.board().damage(told.host);
                told.incomplete.push(missing(problem.message));
            }
        }
        if told.changes.is_empty() {
            return Ok(());
        }
        for past in self.past(told.host, pair.began).await? {
            let Past { record, changes, .. } = past;
            let from = happened_after(&record).unwrap_or(told.window.from);
            let from = from.max(told.window.from).min(record.at);
            for change in &changes {
                let seen = Window { from, to: record.at };
                told.windows.entry(change.key.clone()).or_insert(seen);
            }
            told.gaps.extend(record.gap.map(|gap| Gap {
                window: Window { from: gap.from, to: gap.to },
                why: gap.why,
                changed: Some(gap.changed),
            }));
        }
        Ok(())
    }
}

/// Leaves out changes beyond so many, and says so.
pub(super) fn cut(drift: &mut HostDrift, most: usize) {
    let more = drift.changes.len().saturating_sub(most);
    if more > 0 {
        drift.changes.truncate(most);
        drift.incomplete.push(missing(format!("{more} more changes are not told")));
    }
}

/// Two pictures of a host of which something has to be read.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) before: Digest,
    pub(super) after: Digest,
    /// When the first of them was whole.
    pub(super) began: Timestamp,
    /// When the baseline was, and when now is.
    pub(super) at: (Timestamp, Timestamp),
}

/// What was read of them.
struct Read {
    changes: Vec<Change>,
    /// How many more there are.
    more: u64,
    held: Vec<Resource>,
    /// When the certificates of the later one end.
    ends: Arc<[Timestamp]>,
}

impl Pair {
    /// Whether the end of a certificate is told.
    pub(super) fn is_due(&self, end: Timestamp) -> bool {
        is_due(end, self.at.0, self.at.1)
    }

    fn read(&self, nodes: &Nodes, owners: &Owners) -> Result<Read, Problem> {
        let (before, after) = (Some(self.before), Some(self.after));
        let (changes, more) = trees::changes(nodes, before, after, CHANGES)?;
        let certificates =
            trees::of_kinds(nodes, self.after, &[Kind::Certificate], HELD_RESOURCES)?;
        let is_told = |end: &Timestamp| self.is_due(*end);
        let times: Arc<[Timestamp]> = certificates.iter().filter_map(ends).collect();
        // Of thousands of hosts only that is kept which says something: what ends, and whose presence
        // explains a change.
        let mut held = Vec::new();
        if !changes.is_empty() || times.iter().any(is_told) {
            let says =
                |one: &Resource| ends(one).as_ref().is_some_and(is_told) || owners.look_for(one);
            held = trees::of_kinds(nodes, self.after, HELD, HELD_RESOURCES)?;
            held.retain(says);
        }
        Ok(Read { changes, more, held, ends: times })
    }
}

/// After when a change of the history happened, as far as that is known.
fn happened_after(record: &DeltaRecord) -> Option<Timestamp> {
    let earlier = |at: Timestamp, by: Duration| {
        Timestamp::from_millis(at.as_millis().saturating_sub(by.as_millis() as u64))
    };
    let still = record.still.map(|at| earlier(at, CLOCKS));
    still.or_else(|| record.since.map(|at| earlier(at, LOOK)))
}
