//! A workload as the fleet remembers it.

use serde::{Deserialize, Serialize};

use super::WorkloadSpec;
use crate::{Timestamp, UserName};

/// A workload: what should run now, and how a change of it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// What should run.
    pub spec: WorkloadSpec,
    /// Who applied it first. Others change it only when they say that they take it over.
    pub owner: UserName,
    /// When it was applied first.
    pub created_at: Timestamp,
    /// Counts the changes, from 1.
    pub version: u32,
    /// The version that its copies shall be made of. A change of count, or of where copies may go,
    /// keeps it; so does going back to an earlier version.
    pub template: u32,
    /// The newest version whose copies were all seen to be well: what a failed update goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<u32>,
    /// The update under way, or the last one when that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateState>,
    /// A person stopped it: it is kept, and none of it runs.
    #[serde(default)]
    pub stopped: bool,
    /// A person removed it: it goes when its last copy is gone.
    #[serde(default)]
    pub removing: bool,
    /// A person asked that it be balanced anew, at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance_at: Option<Timestamp>,
}

/// How a change of what copies are stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateState {
    /// When it began.
    pub begun_at: Timestamp,
    /// How far it is.
    pub stage: Stage,
}

/// How far an update is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The first new copies are made beside the old ones, and watched.
    Canary,
    /// Copy after copy is replaced.
    Rolling,
    /// A new copy was not well in time. Nothing more is replaced until a person applies, reverts or
    /// restarts.
    Failed {
        /// Which copy, and why.
        reason: String,
    },
}

/// One version of a workload, kept for its history and for going back to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadVersion {
    /// Its number.
    pub version: u32,
    /// The version that copies were made of then.
    pub template: u32,
    /// What should run.
    pub spec: WorkloadSpec,
    /// Who made it so.
    pub by: UserName,
    /// When.
    pub at: Timestamp,
    /// By what.
    pub cause: VersionCause,
}

/// What made a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionCause {
    /// A file was applied.
    Applied,
    /// It was scaled.
    Scaled,
    /// Its copies were asked to be made anew.
    Restarted,
    /// A person went back to this version.
    Reverted {
        /// Which.
        to: u32,
    },
    /// An update failed, and its workload says that it goes back then.
    AutoReverted {
        /// To which version.
        to: u32,
        /// Why the update failed.
        reason: String,
    },
}
