//! What differs on one host, and when that happened as far as one can say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tamer_drift::diff::Change;
use tamer_drift::finding::{Gap, HELD, HostDrift, Owners, Window, ends, is_due};
use tamer_drift::{Digest, Kind, Resource};
use tamer_model::{Labels, Problem, Timestamp};

use super::looks::{Look, missing};
use super::{Base, CHANGES};
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
    pub(super) async fn look(
        &self,
        look: Look,
        base: &Base,
        now: Timestamp,
    ) -> Result<HostDrift, Problem> {
        let mut incomplete = look.unseen();
        let (mut changes, mut held) = (Vec::new(), Vec::new());
        if let Some(pair) = Pair::of(&look, base.snapshot.at, now) {
            let drift = self.clone();
            let read = self.turn(move || pair.read(drift.nodes(), &drift.inner.settings.owners));
            let read = read.await;
            match read {
                Ok(found) => {
                    self.board().learn(look.host, pair.after, found.ends);
                    (changes, held) = (found.changes, found.held);
                    if found.more > 0 {
                        let more = found.more;
                        incomplete.push(missing(format!("{more} more changes are not told")));
                    }
                }
                // Named, told, asked for again; and the other hosts are told all the same.
                Err(problem) => {
                    self.board().damage(look.host);
                    incomplete.push(missing(problem.message));
                }
            }
        }
        let began = look.before.as_ref().map_or(base.snapshot.at, |before| before.at);
        let window = Window { from: began.min(now), to: now };
        let (mut windows, mut gaps) = (BTreeMap::new(), Vec::new());
        if !changes.is_empty() {
            for past in self.past(look.host, began).await? {
                let Past { record, changes, .. } = past;
                let from = happened_after(&record).unwrap_or(window.from);
                let seen = Window { from: from.max(window.from).min(record.at), to: record.at };
                for change in &changes {
                    windows.entry(change.key.clone()).or_insert(seen);
                }
                gaps.extend(record.gap.map(|gap| Gap {
                    window: Window { from: gap.from, to: gap.to },
                    why: gap.why,
                    changed: Some(gap.changed),
                }));
            }
        }
        let Look { host, name, .. } = look;
        Ok(HostDrift {
            host,
            name,
            labels: Labels::default(),
            facts: BTreeMap::new(),
            changes,
            windows,
            held,
            gaps,
            incomplete,
            window,
        })
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
struct Pair {
    before: Digest,
    after: Digest,
    /// When the baseline was, and when now is.
    at: (Timestamp, Timestamp),
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
    /// None where there are no two pictures, and where it is known what would be found: of a host that
    /// is as it was only the end of a certificate is ever told.
    fn of(look: &Look, baseline: Timestamp, now: Timestamp) -> Option<Self> {
        let (before, after) = (look.before.as_ref()?.root, look.known.root()?);
        let known = look.known.ends().filter(|_| before == after);
        let pair = Self { before, after, at: (baseline, now) };
        match known {
            Some(ends) if !ends.iter().any(|end| pair.is_due(*end)) => None,
            Some(_) | None => Some(pair),
        }
    }

    fn is_due(&self, end: Timestamp) -> bool {
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
