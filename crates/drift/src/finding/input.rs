//! What findings are made of: two moments compared, host by host.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tamer_model::{HostId, HostName, Labels, Subject, Timestamp};

use crate::diff::Change;
use crate::resource::{Kind, Resource, ResourceKey};

/// A baseline, and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// With what is compared.
    pub baseline: Moment,
    /// When the later look was.
    pub now: Timestamp,
    /// Every host that is meant, also those on which nothing differs: who is not here was not looked at,
    /// and nothing is said of it.
    pub hosts: Vec<HostDrift>,
}

/// A moment with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// What people call it.
    pub name: String,
    /// When it was.
    pub at: Timestamp,
}

/// A span of time, both ends within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// What differs on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostDrift {
    /// Which host.
    pub host: HostId,
    /// What people call it.
    pub name: HostName,
    /// Its labels.
    pub labels: Labels,
    /// Its facts as selectors name them: `os`, `distro`, `kernel` …
    pub facts: BTreeMap<String, String>,
    /// What differs, each resource once.
    pub changes: Vec<Change>,
    /// Between which looks a resource changed, where that is known closer than for the host.
    pub windows: BTreeMap<ResourceKey, Window>,
    /// What the host has now of the kinds in [`HELD`], changed or not: certificates whose time runs
    /// out, and the jobs and services that explain changes. May be empty; then neither is told.
    pub held: Vec<Resource>,
    /// When nobody looked.
    pub gaps: Vec<Gap>,
    /// What was not seen whole.
    pub incomplete: Vec<Incomplete>,
    /// Between which looks everything changed that changed.
    pub window: Window,
}

/// The kinds of which [`HostDrift::held`] is asked.
pub const HELD: &[Kind] = &[Kind::Certificate, Kind::Job, Kind::Service];

/// A time in which a host was not observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When.
    pub window: Window,
    /// Why: "the agent did not run".
    pub why: String,
    /// How many resources changed inside, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
}

/// A source that was not seen whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incomplete {
    /// Which: a collector, or a provider.
    pub source: String,
    /// Of what kinds it tells. Nothing of these is said to be deleted.
    pub kinds: BTreeSet<Kind>,
    /// What was the matter.
    pub problem: String,
}

impl Window {
    /// Whether a span that may not have ended has a moment in common with this one.
    pub fn meets(&self, from: Timestamp, to: Option<Timestamp>) -> bool {
        from <= self.to && to.is_none_or(|to| to >= self.from)
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

impl HostDrift {
    /// Between which looks this resource changed.
    pub fn window_of(&self, key: &ResourceKey) -> Window {
        self.windows.get(key).copied().unwrap_or(self.window)
    }

    /// The incomplete source that may hold this resource still. A provider tells of what it is the
    /// source of; a collector of the host's resources of its kinds.
    pub fn hides(&self, key: &ResourceKey) -> Option<usize> {
        let source = key.source().as_str();
        self.incomplete.iter().position(|one| {
            let kind = one.kinds.is_empty() || one.kinds.contains(&key.kind());
            let host = source == "host" && one.kinds.contains(&key.kind());
            host || (one.source == source && kind)
        })
    }
}

impl Subject for HostDrift {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        match key {
            "id" => Some(self.host.to_string().into()),
            "name" => Some(self.name.as_str().into()),
            key => {
                let label = || self.labels.get(key).map(|value| value.as_str());
                self.facts.get(key).map(String::as_str).or_else(label).map(Cow::Borrowed)
            }
        }
    }
}
