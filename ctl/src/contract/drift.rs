//! What is told of drift beside the report, whose JSON `tamer_drift` keeps.

use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tamer_drift::delta::DeltaChange;
use tamer_drift::diff::Change;
use tamer_model::{Code, Problem};
use tamer_proto::wire;

use super::{Time, told};

/// One step of what a host was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct HistoryEntry {
    pub at: Time,
    /// The host's id.
    pub host: String,
    /// The digest of all it held after it; null when nothing is known of that.
    pub checksum: Option<String>,
    /// Resources that changed.
    pub changed: u32,
    /// Some of them, of many: what came or went as it was, of others the fields that changed.
    pub changes: Vec<DeltaChange>,
    /// When nobody looked, before it.
    pub gap: Option<Unwatched>,
    /// A new chain: what was before is not known to be what was here.
    pub began: bool,
    /// What of ours ran there at that time: `batch b-…`.
    pub origin: Option<String>,
}

/// A time in which nobody looked at a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Unwatched {
    pub from: Time,
    pub to: Time,
    pub why: String,
    /// Resources that changed inside.
    pub changed: u64,
}

/// The set of findings is another one than it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct DriftAlarm {
    pub at: Time,
    /// The digest of the set.
    pub set: String,
    /// Ids, at most 1,000.
    pub new: Vec<String>,
    /// Ids, at most 1,000.
    pub gone: Vec<String>,
    pub same: u32,
    /// Everything that is meant was seen.
    pub observed: bool,
}

/// A finding that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Aside {
    pub finding: String,
    /// Null: not any longer.
    pub until: Option<Time>,
}

impl TryFrom<wire::HistoryEntry> for HistoryEntry {
    type Error = Problem;

    fn try_from(entry: wire::HistoryEntry) -> Result<Self, Problem> {
        let wire::HistoryEntry { at, host, root, changed, changes, gap, began, origin } = entry;
        Ok(Self {
            at: Time::of(at),
            host,
            checksum: told(HEXLOWER.encode(&root)),
            changed,
            changes: changes.iter().map(|text| read(text)).collect::<Result<_, _>>()?,
            gap: gap.map(Into::into),
            began,
            origin: told(origin),
        })
    }
}

/// A change between two snapshots.
pub(super) fn change(document: &str) -> Result<Change, Problem> {
    read(document)
}

/// One that cannot be read is an error: a history without it would be another.
fn read<T: DeserializeOwned>(document: &str) -> Result<T, Problem> {
    serde_json::from_str(document).map_err(|error| {
        let message = format!("a change cannot be read: {error}");
        Problem::new(Code::VersionUnsupported, message)
            .remedy("use a tamerctl of the coordinator's version: `tamerctl status` shows it")
    })
}

impl From<wire::InventoryGap> for Unwatched {
    fn from(gap: wire::InventoryGap) -> Self {
        let wire::InventoryGap { from, to, why, changed } = gap;
        Self { from: Time::of(from), to: Time::of(to), why, changed }
    }
}

impl From<wire::DriftAlarm> for DriftAlarm {
    fn from(alarm: wire::DriftAlarm) -> Self {
        let wire::DriftAlarm { set, new, gone, same, at, observed } = alarm;
        Self { at: Time::of(at), set: HEXLOWER.encode(&set), new, gone, same, observed }
    }
}

impl From<wire::AcknowledgeDriftResponse> for Aside {
    fn from(response: wire::AcknowledgeDriftResponse) -> Self {
        let wire::AcknowledgeDriftResponse { finding, until } = response;
        Self { finding, until: Time::told(until) }
    }
}
