//! What the fleet is made of: ids, names, labels, selectors, facts, hosts, instances, batches and
//! tasks.
//!
//! Every program and every pure crate imports this one; it imports nothing of ours, does no I/O,
//! reads no clock and draws no randomness: bytes and times are arguments. A value of these types
//! was validated when it was made, so nothing below an edge checks twice.

mod audit;
mod batch;
mod batch_spec;
mod command;
mod facts;
mod files;
mod fingerprint;
mod host;
mod id;
mod identity;
mod instance;
mod label;
mod name;
mod output;
mod problem;
mod rollout;
#[cfg(feature = "schema")]
mod schema;
mod selector;
mod task;
mod text;
mod time;
mod units;
mod version;
mod workload;

pub use audit::{AuditOutcome, AuditRecord};
pub use batch::{
    Action, Batch, BatchCounts, BatchState, CancelRequest, MAX_STEPS, Origin, Parse, TargetKind,
};
pub use batch_spec::{BatchSpec, Earlier, EndKind, InstanceTerms, MAX_NAMED, TargetSpec};
pub use command::{
    CommandSpec, DEFAULT_GRACE, DEFAULT_OUTPUT_LIMIT, MAX_COMMAND_BYTES, MAX_OUTPUT_LIMIT,
};
pub use facts::{Disk, Facts, Os, ProviderHint};
pub use files::{
    Content, DEFAULT_FETCH_LIMIT, FetchFile, MAX_CONTENT_BYTES, MAX_SCRIPT_BYTES, PushFile,
    ScriptSpec,
};
pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub use host::{Cordon, Drain, Host, HostState, HostStatus, JoinedBy};
pub use id::{
    BatchId, CoordinatorId, FindingId, FleetId, HostId, InstanceId, InvalidId, JournalId,
    PlacementId, SnapshotId, TokenId,
};
pub use identity::{Identity, InvalidIdentity, Role};
pub use instance::{
    Ability, Availability, Capabilities, Checkpoint, CheckpointKind, CheckpointName,
    CreateInstance, ExecSpec, FleetInstance, Instance, InstanceAction, InstanceExec, InstanceKind,
    InstanceName, InstanceOrder, InstanceRef, InstanceSpec, InstanceState, InstanceStats, Limits,
    LogOptions, MANAGED_LABEL, MAX_GRACE_MS, MAX_INSTANCE_LABELS, MAX_SPEC_BYTES,
    MAX_STREAM_INSTANCES, Mount, MountKind, NativeId, Operation, OptionValue, Port, Protocol,
    ProviderName, ProviderStatus, PullImage, PullPolicy, Resource, ResourceKind, ResourceRef,
    RestartPolicy, StreamRequest, TerminalSize,
};
pub use label::{LabelKey, LabelValue, Labels, MAX_LABELS};
pub use name::{
    BaselineName, DeviceName, HostName, InvalidName, LeaseName, RuleName, ScheduleName,
    SnapshotName, UserName, WorkloadName,
};
pub use output::{KeptOutput, KeptStream, StreamKind};
pub use problem::{Code, Problem};
pub use rollout::{
    Amount, InvalidAmount, Lease, MAX_LEASES, MAX_MARKS, Mark, Offline, OnTrip, Order, Pause,
    Retry, Retryable, Rollout, Stand, WaveSizes,
};
#[cfg(feature = "schema")]
pub use schema::workload_schema;
pub use selector::{MAX_SELECTOR_BYTES, Selector, Subject};
pub use task::{
    HeldTask, Outcome, PastAttempt, Spot, TaskEnd, TaskId, TaskRecord, TaskState, Unsent, Usage,
    Work,
};
pub use time::Timestamp;
pub use units::{Cpu, InvalidUnit, Size, Span};
pub use version::compare as compare_versions;
pub use workload::{
    Affinity, AffinityTo, Cause, Check, CopyName, FILE_VERSION, Health, HttpCheck, Lost,
    MAX_COPIES, MAX_FILE_BYTES, MAX_FILE_WORKLOADS, Packing, Patience, Phase, Placement,
    PlacementOrder, PlacementStatus, Rebalance, Resources, Restart, Run, Spread, Stage, StopCause,
    TcpCheck, Update, UpdateOrder, UpdateState, VersionCause, Why, Winner, Wish, Workload,
    WorkloadFile, WorkloadSpec, WorkloadVersion, check_file_size, read,
};
