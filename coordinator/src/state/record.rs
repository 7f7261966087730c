//! Records that only the coordinator reads, and the one way all records are written.
//!
//! A record is JSON: it is read again by `store export` and by people. What a later version adds is
//! ignored by an earlier one within the same [`super::FORMAT`].

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tamer_certs::SecretHash;
use tamer_model::{
    Code, Facts, Fingerprint, FleetId, HostId, HostName, InstanceId, InstanceName, InstanceRef,
    Labels, Problem, Spot, Timestamp, UserName, WorkloadName,
};
use tamer_store::{CommitError, Key, ReadError};

/// What a store says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FleetMeta {
    /// The version of the layout.
    pub format: u32,
    /// Whose state this is.
    pub fleet: FleetId,
    /// When the fleet was made.
    pub created_at: Timestamp,
}

/// The fleet's certificate authority, as PEM. No `Debug`: it holds the key to the fleet.
#[derive(Serialize, Deserialize)]
pub struct AuthorityRecord {
    pub certificate: String,
    pub key: String,
}

/// A join token, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenRecord {
    /// The digest of its secret.
    pub hash: SecretHash,
    pub created_by: UserName,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub uses: u32,
    pub used: u32,
    /// Put on the hosts that join with it.
    pub labels: Labels,
}

/// A host that asked to join without a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingHost {
    /// The id it will have.
    pub id: HostId,
    pub name: HostName,
    pub key: Fingerprint,
    pub facts: Facts,
    pub agent_version: String,
    pub asked_at: Timestamp,
    /// Where it asked from.
    pub peer: String,
}

/// A host that was removed: neither its certificates nor its keys are good for anything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Revoked {
    pub name: HostName,
    pub by: UserName,
    pub at: Timestamp,
    pub keys: Vec<Credential>,
}

/// A public key of a removed host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credential {
    pub key: Fingerprint,
}

/// What is kept of a batch that has ended, added up once: its records change no more.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct KeptRecord {
    /// Bytes of its tasks' output, as they are stored.
    pub output_bytes: u64,
}

/// What came of a request to apply workloads, for who repeats it. Kept for a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRecord {
    pub at: Timestamp,
    pub workloads: Vec<AppliedWorkload>,
}

/// What an apply did with one workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedWorkload {
    pub name: WorkloadName,
    pub what: Applying,
    /// Its version from then on.
    pub version: u32,
}

/// What an apply does with a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applying {
    Created,
    Changed,
    Unchanged,
}

impl Applying {
    /// In one word, as it is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// One of the hosts or instances that a batch was frozen for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    pub host: HostId,
    /// Its name at that time.
    pub name: HostName,
    /// Which of the host's targets this is, from 0.
    #[serde(default)]
    pub item: u16,
    /// The instance that is meant, if it is not the host itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<TargetInstance>,
}

/// An instance that a batch was frozen for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TargetInstance {
    pub id: InstanceId,
    /// Its name at that time.
    pub name: InstanceName,
    /// How its host knows it.
    pub reference: InstanceRef,
}

impl Target {
    /// Its place in the batch.
    pub fn spot(&self) -> Spot {
        Spot { host: self.host, item: self.item }
    }

    /// What it is, whichever batch it is a target of.
    pub fn identity(&self) -> (HostId, Option<InstanceId>) {
        (self.host, self.instance.as_ref().map(|instance| instance.id))
    }

    /// How people name it: `host`, or `host/instance`.
    pub fn label(&self) -> String {
        match &self.instance {
            Some(instance) => format!("{}/{}", self.name, instance.name),
            None => self.name.to_string(),
        }
    }
}

/// Writes a record.
pub fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    let written = serde_json::to_vec(record);
    let mut bytes = written.expect("records are maps with text keys, which JSON can always hold");
    // The store keeps it for a while, for those who follow changes, and tens of thousands of them.
    bytes.shrink_to_fit();
    bytes
}

/// Reads a record; `key` is for the error.
pub fn decode<T: DeserializeOwned>(key: &Key, value: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(value).map_err(|error| {
        Problem::new(Code::StoreFailed, format!("the record {key} cannot be read: {error}"))
            .remedy("check the store with `tamer-coordinator store verify`, or restore a backup")
    })
}

/// What a caller is told when the store does not do its part.
pub trait Unstorable {
    /// As a problem.
    fn problem(self) -> Problem;
}

impl Unstorable for ReadError {
    fn problem(self) -> Problem {
        unstorable(&self)
    }
}

impl Unstorable for CommitError {
    fn problem(self) -> Problem {
        match self {
            Self::Conflict { key } => {
                Problem::new(Code::Conflict, format!("{key} was changed meanwhile"))
                    .remedy("look again and repeat the command")
            }
            Self::Full(_) => unstorable(&self).remedy("free space on the coordinator's disk"),
            Self::Invalid(_) | Self::Unavailable(_) | Self::OutcomeUnknown(_) | Self::Closed => {
                unstorable(&self)
            }
        }
    }
}

/// The problem of a store that failed, with its whole chain of reasons.
pub fn unstorable(error: &dyn std::error::Error) -> Problem {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    Problem::new(Code::StoreFailed, text)
}
