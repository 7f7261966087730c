//! What a picture makes of the record and of the history. Pure.

use tamer_drift::Digest;
use tamer_model::Timestamp;

use super::Upload;
use crate::drift::chain::{Unseen, both};
use crate::drift::record::{DeltaRecord, GapRecord, HostRecord, Short, SourceSeen};
use crate::drift::told::Told;
use crate::drift::trees::Step;

pub(super) fn told_of(record: &HostRecord) -> Told {
    let HostRecord { epoch, counter, root, at, took_ms, resources, sources, step: _ } =
        record.clone();
    Told { epoch, counter, root, at, took_ms, resources, sources, gap: None }
}

pub(super) fn record_of(told: &Told) -> HostRecord {
    let Told { epoch, counter, root, at, took_ms, resources, sources, gap: _ } = told.clone();
    HostRecord { epoch, counter, root, at, took_ms, resources, sources, step: 0 }
}

/// Whether a record says nothing new. Times move with every pass, and are no news.
pub(super) fn same(known: &HostRecord, new: &HostRecord) -> bool {
    let still = |record: &HostRecord| {
        let sources = record.sources.iter();
        sources.map(|one| (one.name.clone(), one.complete, one.problem.clone())).collect::<Vec<_>>()
    };
    known.root == new.root
        && known.epoch == new.epoch
        && known.counter == new.counter
        && still(known) == still(new)
}

/// Until when everything that changed was as the picture before says. That is what the agent says of
/// the picture that it told before; when that is not the one that is known here, nobody can say.
pub(super) fn still_of(known: &HostRecord, told: &Told, step: &Step) -> Option<Timestamp> {
    let next = told.epoch == known.epoch && told.counter == known.counter + 1;
    if !next || step.kinds.is_empty() {
        return None;
    }
    let is_of = |source: &&SourceSeen| {
        let mut kinds = source.kinds.iter().filter_map(|kind| kind.parse().ok());
        kinds.any(|kind| step.kinds.contains(&kind))
    };
    // One that does not say it makes all of them unknown.
    told.sources.iter().filter(is_of).map(|source| source.still).min().flatten()
}

/// What the history keeps of it; nothing when nothing happened.
pub(super) fn delta_of(
    upload: &Upload,
    before: Option<Digest>,
    step: Step,
    (since, still): (Option<Timestamp>, Option<Timestamp>),
) -> Option<DeltaRecord> {
    let Upload { told, link, .. } = upload;
    let changes = before != Some(told.root);
    if !changes && link.gap.is_none() && !link.began {
        return None;
    }
    let lost = step.before_lost.then(|| Unseen {
        from: since.unwrap_or(told.at).min(told.at),
        to: told.at,
        why: "the picture before was damaged here".to_owned(),
    });
    let gap = both(link.gap.clone(), lost).map(|gap| GapRecord {
        from: gap.from,
        to: gap.to,
        why: gap.why,
        changed: step.changed,
    });
    Some(DeltaRecord {
        at: told.at,
        before: before.filter(|_| changes && step.delta.is_none() && !step.before_lost).map(Short),
        changed: step.changed,
        delta: step.delta,
        since: since.filter(|_| !link.began),
        still: still.filter(|_| !link.began),
        gap,
        began: link.began,
    })
}
