//! From one picture of a host to the next, and back.

use std::collections::BTreeSet;

use tamer_drift::canonical;
use tamer_drift::delta::{self, Delta, DeltaError, apply_delta};
use tamer_drift::diff::diff;
use tamer_drift::tree::{self, Summary, TreeError};
use tamer_drift::{Digest, Kind, Resource};
use tamer_model::{Code, Problem};

use super::wrong;
use crate::drift::nodes::Nodes;
use crate::drift::record::Packed;

/// Changes of one step that are kept as a delta. With more of them the nodes before are kept.
const MAX_DELTA_CHANGES: u64 = 20_000;
/// Bytes of a delta that a record holds, compressed.
const MAX_DELTA: usize = 256 << 10;
/// Bytes of one that was read again: what a frame of so many may grow to.
const MAX_PLAIN: usize = 64 << 20;
/// zstd's level for deltas: they are short and read seldom.
const LEVEL: i32 = 9;

/// From one picture of a host to the next.
#[derive(Debug, Default)]
pub struct Step {
    /// Resources that differ; all of them where there is no picture before.
    pub changed: u64,
    /// The kinds of those that differ from a picture before.
    pub kinds: BTreeSet<Kind>,
    pub delta: Option<Packed>,
    /// How many resources there are.
    pub total: Option<u64>,
    /// The picture before cannot be read.
    pub before_lost: bool,
}

/// The nodes of a host's tree that are not here, at most `limit`.
///
/// # Errors
/// `InvalidField` when what is here of it is no tree.
pub fn lacking(
    nodes: &Nodes,
    root: Digest,
    beside: Option<Digest>,
    limit: usize,
) -> Result<Vec<Digest>, Problem> {
    if let Some(beside) = beside {
        match tree::missing_beside::<Resource>(&root, &beside, nodes, limit) {
            // The one beside it is damaged, or this one is: look at all of this one.
            Err(TreeError::Missing(_) | TreeError::Damaged(_)) => {}
            found => return found.map_err(wrong),
        }
    }
    tree::missing::<Resource>(&root, nodes, limit).map_err(wrong)
}

/// What differs between a host's picture and the next one, which is here whole.
///
/// # Errors
/// `InvalidField` when the next one is no tree, `NotFound` when some of it is damaged.
pub fn step(nodes: &Nodes, before: Option<Digest>, root: Digest) -> Result<Step, Problem> {
    let Some(before) = before else {
        let Summary { entries, .. } = tree::verify::<Resource>(&root, nodes).map_err(wrong)?;
        return Ok(Step { changed: entries, total: Some(entries), ..Step::default() });
    };
    match differences(nodes, before, root) {
        Ok(step) => Ok(step),
        Err(TreeError::Missing(_) | TreeError::Damaged(_)) => {
            // If it is the next one, this says so.
            let step = step(nodes, None, root)?;
            Ok(Step { before_lost: true, ..step })
        }
        Err(malformed @ TreeError::Malformed { .. }) => Err(wrong(malformed)),
    }
}

fn differences(nodes: &Nodes, before: Digest, root: Digest) -> Result<Step, TreeError> {
    let mut step = Step { total: Some(tree::count::<Resource>(&root, nodes)?), ..Step::default() };
    for change in diff(Some(&before), Some(&root), nodes)? {
        step.kinds.insert(change?.key.kind());
        step.changed += 1;
    }
    if step.changed <= MAX_DELTA_CHANGES {
        step.delta = pack(&Delta::between(Some(before), root, nodes)?);
    }
    Ok(step)
}

/// As it is kept: a frame of zstd where that is shorter. None when it is too long to be kept.
fn pack(delta: &Delta) -> Option<Packed> {
    let plain = delta::encode(delta);
    let frame = zstd::bulk::compress(&plain, LEVEL).ok();
    let bytes = frame.filter(|frame| frame.len() < plain.len()).unwrap_or(plain);
    (bytes.len() <= MAX_DELTA).then_some(Packed(bytes))
}

/// The delta that was kept.
///
/// # Errors
/// `StoreFailed` when it is damaged.
pub fn unpack(Packed(bytes): &Packed) -> Result<Delta, Problem> {
    let damaged = |why: String| {
        Problem::new(Code::StoreFailed, format!("a delta of the history is damaged: {why}"))
            .remedy("check the store with `tamer-coordinator store verify`")
    };
    // Its first byte is a version when it is plain, and zstd's magic when it is not.
    let plain = match bytes.first() {
        Some(&canonical::VERSION) => Ok(bytes.clone()),
        Some(_) | None => zstd::bulk::decompress(bytes, MAX_PLAIN),
    };
    let plain = plain.map_err(|error| damaged(error.to_string()))?;
    delta::decode(&plain).map_err(|error| damaged(error.to_string()))
}

/// The picture before a delta, made of the one after it, and written.
///
/// # Errors
/// `NotFound` when a node of the one after is damaged, `StoreFailed` when the delta does not fit it.
pub fn undo(nodes: &Nodes, after: Digest, delta: &Delta) -> Result<Option<Digest>, Problem> {
    let Some(back) = delta.undone() else { return Ok(None) };
    let edited = apply_delta(Some(&after), &back, nodes).map_err(|error| match error {
        DeltaError::Tree(tree::EditError::Tree(error)) => wrong(error),
        DeltaError::Tree(tree::EditError::Entry(problem)) => problem,
        DeltaError::OtherTree
        | DeltaError::Misfit(_)
        | DeltaError::OtherResource(_)
        | DeltaError::OtherEnd { .. } => Problem::new(Code::StoreFailed, error.to_string())
            .remedy("the history before this change is lost"),
    })?;
    edited.made.iter().try_for_each(|(digest, node)| nodes.write(*digest, node))?;
    Ok(Some(edited.root))
}
