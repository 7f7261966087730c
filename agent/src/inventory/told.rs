//! What is told of a picture.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tamer_drift::tree::Memory;
use tamer_drift::{Digest, Kind};
use tamer_model::Timestamp;

/// The most sources that are told; the wire takes 64.
pub const MOST_SOURCES: usize = 64;

/// A picture as it is told, with the nodes of its tree.
#[derive(Debug, Clone)]
pub struct Told {
    /// The chain it belongs to. Another one means that an earlier picture was lost.
    pub epoch: [u8; 16],
    /// One more with every picture that is told for the first time.
    pub counter: u64,
    /// The name of its tree.
    pub root: Digest,
    /// The root that was told with the counter before.
    pub before: Option<Digest>,
    /// When it was whole.
    pub at: Timestamp,
    /// How long the longest look took, in milliseconds.
    pub took_ms: u64,
    /// How many resources it has.
    pub resources: u64,
    /// What it is made of.
    pub sources: Vec<SourceReport>,
    /// What was not observed before it.
    pub gap: Option<Gap>,
    /// Its nodes.
    pub nodes: Memory,
}

/// How one source stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// The kinds it is about.
    pub kinds: BTreeSet<Kind>,
    /// What is missing; none when all of it was looked at.
    pub problem: Option<String>,
    /// How long its last look took, in milliseconds.
    pub took_ms: u64,
    /// How many resources it has.
    pub resources: u64,
    /// When all of it was last looked at.
    pub at: Option<Timestamp>,
    /// Until when it was as the picture before says; none when that is not known. Of this life alone.
    #[serde(skip)]
    pub still: Option<Timestamp>,
}

/// A time in which nobody looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// From when; 0 when that is not known.
    pub from: Timestamp,
    /// To when; none while the first look since then has not ended.
    pub to: Option<Timestamp>,
    /// Why.
    pub why: String,
    /// How many resources were another way at its end than at its beginning.
    pub changed: u64,
}

impl Gap {
    /// Nobody looked since then.
    pub fn since(from: Timestamp, why: impl Into<String>) -> Self {
        Self { from, to: None, why: why.into(), changed: 0 }
    }

    /// An earlier one that nobody heard of, and this one.
    pub fn after(self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        let why = if earlier.why.contains(&self.why) {
            earlier.why
        } else {
            format!("{}; then: {}", earlier.why, self.why)
        };
        Self {
            from: earlier.from.min(self.from),
            to: self.to,
            why,
            changed: earlier.changed + self.changed,
        }
    }
}

impl SourceReport {
    /// Whether they say the same but for how long it took and when.
    pub fn says_as(&self, other: &Self) -> bool {
        let Self { name, kinds, problem, took_ms: _, resources, at: _, still: _ } = self;
        *name == other.name
            && *kinds == other.kinds
            && *problem == other.problem
            && *resources == other.resources
    }
}
