//! What differs between two moments.

mod apply;
mod fields;
mod path;
mod read;
mod three_way;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::resource::{Resource, ResourceKey};
use crate::tree::{Differences, Nodes, Pair, TreeError, differences};

pub use apply::{Misfit, apply};
pub use fields::{FieldChange, fields};
pub use path::{Part, Path, Root};
pub use three_way::{Stand, ThreeWay, three_way};

/// One resource that differs: it came, it went, or it is another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which resource.
    pub key: ResourceKey,
    /// What it was; absent when it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Resource>,
    /// What it is; absent when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Resource>,
}

impl Change {
    /// The fields that differ; none where the resource came or went as a whole.
    pub fn fields(&self) -> Vec<FieldChange> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => fields(before, after),
            (None, _) | (_, None) => Vec::new(),
        }
    }
}

/// The resources that differ between two hosts' trees, in the order of their keys; `None` is a host
/// without any. Takes time in proportion to what differs, and ends after an error.
pub fn diff<'a>(
    before: Option<&Digest>,
    after: Option<&Digest>,
    nodes: &'a dyn Nodes,
) -> Result<Changes<'a>, TreeError> {
    differences(before, after, nodes).map(Changes)
}

/// What [`diff`] finds.
pub struct Changes<'a>(Differences<'a, Resource>);

impl Iterator for Changes<'_> {
    type Item = Result<Change, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Pair { before, after } = match self.0.next()? {
            Ok(pair) => pair,
            Err(error) => return Some(Err(error)),
        };
        let key = after.as_ref().or(before.as_ref())?.key.clone();
        Some(Ok(Change { key, before, after }))
    }
}
