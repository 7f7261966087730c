//! Records as people are told them.

use tamer_proto::wire;

use crate::drift::{BaselineRecord, RuleRecord, SnapshotRecord};
use crate::state::encode;

/// Accepted findings that a view names.
const ACCEPTED: usize = 100;

/// A snapshot, and the baselines that need it.
pub fn snapshot(record: &SnapshotRecord, baselines: Vec<String>) -> wire::SnapshotView {
    wire::SnapshotView {
        id: record.id.to_string(),
        name: record.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        tags: record.tags.clone().into_iter().collect(),
        at: record.at.as_millis(),
        by: record.by.to_string(),
        selector: record.selector.to_string(),
        root: record.root.as_bytes().to_vec(),
        hosts: record.hosts,
        resources: record.resources,
        missing: record.missing_count,
        took_ms: record.took_ms,
        oldest_at: record.oldest_at.as_millis(),
        incomplete: record.incomplete,
        imported: record.imported,
        baselines,
    }
}

/// A version of a baseline.
pub fn baseline(record: &BaselineRecord, hosts: u32, cleared: bool) -> wire::BaselineView {
    let accepted = record.accepted.iter().take(ACCEPTED).map(ToString::to_string);
    wire::BaselineView {
        name: record.name.to_string(),
        version: record.version,
        snapshot: record.snapshot.to_string(),
        selector: record.selector.to_string(),
        at: record.at.as_millis(),
        by: record.by.to_string(),
        note: record.note.clone(),
        before: record.before.unwrap_or_default(),
        accepted: accepted.collect(),
        hosts,
        cleared,
    }
}

/// A rule.
pub fn rule(record: &RuleRecord) -> wire::RuleView {
    wire::RuleView {
        id: record.rule.name.to_string(),
        document: json(&record.rule),
        by: record.by.to_string(),
        at: record.at.as_millis(),
    }
}

/// A document, as text.
pub fn json<T: serde::Serialize>(value: &T) -> String {
    String::from_utf8(encode(value)).expect("JSON is UTF-8")
}
