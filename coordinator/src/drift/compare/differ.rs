//! What differs on one host, and when that happened as far as one can say.

use std::collections::BTreeMap;
use std::time::Duration;

use tamer_drift::diff::Change;
use tamer_drift::finding::{Gap, HELD, HostDrift, Window};
use tamer_drift::{Digest, Resource};
use tamer_model::{Problem, Timestamp};

use super::Base;
use super::looks::{Look, missing};
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
        most: usize,
    ) -> Result<HostDrift, Problem> {
        let mut incomplete = look.unseen();
        let before = look.before.as_ref().map(|before| before.root);
        let after = look.known.root();
        let (mut changes, mut held) = (Vec::new(), Vec::new());
        if let (Some(before), Some(after)) = (before, after) {
            let shelf = self.nodes().clone();
            let read = self.turn(move || read(&shelf, before, after, most)).await;
            match read {
                Ok((found, more, resources)) => {
                    (changes, held) = (found, resources);
                    if more > 0 {
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
        let Look { host, name, labels, facts, .. } = look;
        Ok(HostDrift {
            host,
            name,
            labels,
            facts,
            changes,
            windows,
            held,
            gaps,
            incomplete,
            window,
        })
    }
}

type Found = (Vec<Change>, u64, Vec<Resource>);

fn read(nodes: &Nodes, before: Digest, after: Digest, most: usize) -> Result<Found, Problem> {
    let (changes, more) = trees::changes(nodes, Some(before), Some(after), most)?;
    let held = trees::of_kinds(nodes, after, HELD, HELD_RESOURCES)?;
    Ok((changes, more, held))
}

/// After when a change of the history happened, as far as that is known.
fn happened_after(record: &DeltaRecord) -> Option<Timestamp> {
    let earlier = |at: Timestamp, by: Duration| {
        Timestamp::from_millis(at.as_millis().saturating_sub(by.as_millis() as u64))
    };
    let still = record.still.map(|at| earlier(at, CLOCKS));
    still.or_else(|| record.since.map(|at| earlier(at, LOOK)))
}
