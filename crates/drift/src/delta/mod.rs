//! What changed on one host between two moments, small enough to be kept for ever.
//!
//! A delta tells of each resource that it came or went, with all that it was, or which of its
//! fields changed and from what; so it can be carried out, undone, and shown without any node.

mod bytes;

use serde::{Deserialize, Serialize};

use crate::diff::{Change, FieldChange, Misfit, apply, diff, fields};
use crate::digest::Digest;
use crate::resource::{Resource, ResourceKey};
use crate::tree::{EditError, Edited, Nodes, TreeError, edit, get};

pub use bytes::{decode, encode};

/// What changed between two roots of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The tree before; none where nothing was known of the host.
    pub before: Option<Digest>,
    /// The tree after.
    pub after: Digest,
    /// What makes the second of the first, in the order of keys, each key once.
    pub changes: Vec<DeltaChange>,
}

/// What became of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaChange {
    /// Which.
    pub key: ResourceKey,
    /// What became of it.
    pub what: What,
}

/// What became of one resource. The resource of an arrival or a departure has the key of its
/// change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It came.
    Created(Box<Resource>),
    /// It went; this is what it was.
    Deleted(Box<Resource>),
    /// Fields of it changed; one at least.
    Changed(Vec<FieldChange>),
}

/// Why a delta cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// The tree before cannot be read, or the tree after cannot be made.
    #[error(transparent)]
    Tree(#[from] EditError),
    /// The delta begins at another tree.
    #[error(
        "the delta begins at another tree than the one given: look for the one that begins there"
    )]
    OtherTree,
    /// A resource is not what the delta says it was.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A resource that came was there, or one that went or changed was not.
    #[error("the delta does not fit {0}: it is not what the delta says it was")]
    OtherResource(ResourceKey),
    /// What came out is not what the delta says it makes.
    #[error("the delta makes {made} and says {said}: it is damaged")]
    OtherEnd {
        /// What it makes.
        made: Digest,
        /// What it says.
        said: Digest,
    },
}

impl From<TreeError> for DeltaError {
    fn from(error: TreeError) -> Self {
        Self::Tree(error.into())
    }
}

impl Delta {
    /// What changed between two trees.
    pub fn between(
        before: Option<Digest>,
        after: Digest,
        nodes: &dyn Nodes,
    ) -> Result<Self, TreeError> {
        let changes = diff(before.as_ref(), Some(&after), nodes)?;
        let changes = changes.map(|change| change.map(DeltaChange::of));
        let changes = changes.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { before, after, changes })
    }

    /// The way back: what makes the first tree of the second. None back to where nothing was known.
    pub fn undone(&self) -> Option<Self> {
        let changes = self.changes.iter().map(DeltaChange::undone).collect();
        Some(Self { before: Some(self.after), after: self.before?, changes })
    }
}

/// Carries a delta out on the tree where it begins. The tree after is the one that the delta says,
/// or this fails.
pub fn apply_delta(
    before: Option<&Digest>,
    delta: &Delta,
    nodes: &dyn Nodes,
) -> Result<Edited, DeltaError> {
    if before != delta.before.as_ref() {
        return Err(DeltaError::OtherTree);
    }
    let edited = match before {
        Some(root) => edit(root, states(root, delta, nodes)?, nodes)?,
        None => first(delta)?,
    };
    if edited.root == delta.after {
        return Ok(edited);
    }
    Err(DeltaError::OtherEnd { made: edited.root, said: delta.after })
}

type States = Vec<(ResourceKey, Option<Resource>)>;

/// What each resource is afterwards.
fn states(root: &Digest, delta: &Delta, nodes: &dyn Nodes) -> Result<States, DeltaError> {
    let mut states = States::with_capacity(delta.changes.len());
    for change in &delta.changes {
        let before: Option<Resource> = get(root, &change.key, nodes)?;
        states.push((change.key.clone(), change.carry_out(before)?));
    }
    Ok(states)
}

fn first(delta: &Delta) -> Result<Edited, DeltaError> {
    let states: Result<Vec<_>, _> =
        delta.changes.iter().map(|change| change.carry_out(None)).collect();
    let built = crate::tree::build(states?.into_iter().flatten()).map_err(EditError::from)?;
    Ok(Edited { root: built.root, made: built.nodes, gone: Vec::new() })
}

impl DeltaChange {
    /// `None` for a change without a difference.
    fn of(change: Change) -> Option<Self> {
        let Change { key, before, after } = change;
        let what = match (before, after) {
            (None, Some(after)) => What::Created(Box::new(after)),
            (Some(before), None) => What::Deleted(Box::new(before)),
            (Some(before), Some(after)) => What::Changed(fields(&before, &after)),
            (None, None) => return None,
        };
        Some(Self { key, what })
    }

    /// The resource afterwards, of what it was.
    fn carry_out(&self, before: Option<Resource>) -> Result<Option<Resource>, DeltaError> {
        match (&self.what, before) {
            (What::Created(after), None) => Ok(Some(Resource::clone(after))),
            (What::Deleted(was), Some(before)) if **was == before => Ok(None),
            (What::Changed(fields), Some(before)) => Ok(Some(apply(&before, fields)?)),
            (What::Created(_) | What::Deleted(_) | What::Changed(_), _) => {
                Err(DeltaError::OtherResource(self.key.clone()))
            }
        }
    }

    fn undone(&self) -> Self {
        let what = match &self.what {
            What::Created(after) => What::Deleted(after.clone()),
            What::Deleted(before) => What::Created(before.clone()),
            What::Changed(fields) => {
                What::Changed(fields.iter().map(FieldChange::undone).collect())
            }
        };
        Self { key: self.key.clone(), what }
    }
}
