//! One normalised fact that a scan found: what it is called, what is known of it, how it is
//! compared.

mod check;
mod json;
mod key;
mod kind;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tamer_model::Timestamp;

pub use check::{MAX_DEPTH, MAX_RESOURCE_BYTES};
pub use key::{MAX_ID_BYTES, ResourceKey, Source};
pub use kind::Kind;
pub use value::Value;

/// One normalised fact that a scan found. Everything here is compared: what moves by itself
/// (uptime, counters, use of a disk) a collector leaves out or marks as volatile elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// What it is called, for ever.
    pub key: ResourceKey,
    /// What people call it; may change.
    pub name: String,
    /// What is known of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Value>,
    /// Marks that people or programs gave it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made, where its source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was last changed, where its source says so and it moves with a change alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    /// What it cannot be without, on the same host.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub depends_on: BTreeSet<ResourceKey>,
    /// What it is a part of, on the same host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ResourceKey>,
}

impl Resource {
    /// A resource of which nothing is known but its name.
    pub fn new(key: ResourceKey, name: impl Into<String>) -> Self {
        Self {
            key,
            name: name.into(),
            properties: BTreeMap::new(),
            tags: BTreeMap::new(),
            created: None,
            updated: None,
            depends_on: BTreeSet::new(),
            parent: None,
        }
    }

    /// The same with a property more.
    #[must_use]
    pub fn with(mut self, property: impl Into<String>, value: impl Into<Value>) -> Self {
        self.properties.insert(property.into(), value.into());
        self
    }
}
