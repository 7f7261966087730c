//! Three states of one resource: what it was, what it is, what it should be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

use super::fields::fields;
use super::path::Path;
use crate::resource::{Resource, Value};
use crate::words::words;

/// One field in three states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreeWay {
    /// Which field.
    pub path: Path,
    /// What it was.
    pub baseline: Option<Value>,
    /// What it is.
    pub live: Option<Value>,
    /// What it should be, where something says so; `Some(None)` is: absent.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub desired: Option<Option<Value>>,
    /// How the three stand to each other.
    pub stand: Stand,
}

/// How three states of a field stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stand {
    /// It changed, and is what it should be.
    Reached,
    /// It is as it was, and should be something else: the desire is not carried out yet.
    Pending,
    /// It should be as it was, or nothing says otherwise, and is not.
    Drifted,
    /// It changed, and should have changed to something else.
    Conflict,
}

words!(Stand {
    Reached = "reached",
    Pending = "pending",
    Drifted = "drifted",
    Conflict = "conflict",
});

/// The fields of which the three states are not all the same, in the order of their paths. What
/// is desired is told for some fields; a change below one of these is told with it, and every
/// other field should be as it was. `desired` holds `None` for a field that should be absent.
pub fn three_way(
    baseline: &Resource,
    live: &Resource,
    desired: &BTreeMap<Path, Option<Value>>,
) -> Vec<ThreeWay> {
    let changed = fields(baseline, live).into_iter().map(|change| change.path);
    let free = changed.filter(|path| !desired.keys().any(|told| told.holds(path)));
    let paths: BTreeSet<Path> = free.chain(desired.keys().cloned()).collect();
    paths.into_iter().filter_map(|path| compare(baseline, live, desired, path)).collect()
}

fn compare(
    baseline: &Resource,
    live: &Resource,
    desired: &BTreeMap<Path, Option<Value>>,
    path: Path,
) -> Option<ThreeWay> {
    let desired = desired.get(&path).cloned();
    let (baseline, live) = (baseline.at(&path), live.at(&path));
    let stand = stand(&baseline, &live, desired.as_ref().unwrap_or(&baseline))?;
    Some(ThreeWay { path, baseline, live, desired, stand })
}

fn stand(baseline: &Option<Value>, live: &Option<Value>, desired: &Option<Value>) -> Option<Stand> {
    match (live == baseline, live == desired, desired == baseline) {
        (true, true, _) => None,
        (false, true, _) => Some(Stand::Reached),
        (true, false, _) => Some(Stand::Pending),
        (false, false, true) => Some(Stand::Drifted),
        (false, false, false) => Some(Stand::Conflict),
    }
}

/// What is written is told, `null` too.
fn told<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Value>>, D::Error> {
    Option::<Value>::deserialize(from).map(Some)
}
