//! What the coordinator tells, as this program knows it: made from the wire in one place, and the
//! stable `json` contract at the same time. A key never changes its meaning and is never dropped.

mod action;
mod audit;
mod baseline;
mod batch;
mod changes;
mod drift;
mod host;
mod instance;
mod mend;
mod preview;
mod rule;
mod schedule;
mod snapshot;
mod stand;
mod stats;
mod status;
mod task;
mod time;
mod token;
mod workload;

pub use action::{BatchAction, Command, Undo};
pub use audit::Audit;
pub use baseline::{Baseline, Cleared};
pub use batch::{Batch, BatchDetail, BatchState, Counts};
pub use changes::{Damage, Exported, HostChanges, RemovedSnapshot, Verified};
pub use drift::{Aside, DriftAlarm, HistoryEntry, Unwatched};
pub use host::{Cordon, Disk, Drain, Host, Provider, ProviderStatus};
pub use instance::{Checkpoint, Instance, InstanceDetail, Port};
pub use mend::{FixPlan, PlannedMend};
pub use preview::Preview;
pub use rule::{RemovedRule, Rule};
pub use schedule::{Occurrence, Schedule, Timing, Upcoming};
pub use snapshot::{HostPicture, Snapshot, SnapshotDetail, SnapshotHost};
pub use stand::{Mark, Origin, Standing};
pub use stats::{LogLine, Sample};
pub use status::{HostCounts, Status};
pub use task::{Attempt, Task, TaskState, unsent_word};
pub use time::Time;
pub use token::{NewToken, Token};
pub use workload::{
    Account, Applied, Candidate, Copies, DrainProgress, FieldChange, Placement, PlacementStatus,
    PlannedStep, Removed, Score, ScorePart, Unplaced, Update, Workload, WorkloadChange,
    WorkloadDetail, WorkloadPlan, WorkloadVersion,
};

/// Proto3 has no absent text: the empty one stands for it.
fn told(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
