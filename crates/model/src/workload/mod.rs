//! Workloads: what should run, and its copies.
//!
//! A [`WorkloadSpec`] is what a person writes in a file, reads back, and what is stored: one form,
//! with its own version ([`FILE_VERSION`]). A [`Workload`] is the record of it; a [`Placement`] is
//! one copy assigned to one host, and a [`PlacementStatus`] what that host tells of it.

mod copy;
mod file;
mod order;
mod place;
mod placement;
mod policy;
mod read;
mod record;
mod spec;
mod status;

pub use copy::CopyName;
pub use file::{FILE_VERSION, MAX_FILE_WORKLOADS, WorkloadFile};
pub use order::PlacementOrder;
pub use place::{Affinity, AffinityTo, Packing, Resources, Spread};
pub use placement::{Cause, Placement, StopCause, Why, Wish};
pub use policy::{
    Check, Health, HttpCheck, Lost, Patience, Rebalance, Restart, TcpCheck, Update, UpdateOrder,
    Winner,
};
pub use read::{MAX_FILE_BYTES, check_file_size, read};
pub use record::{Stage, UpdateState, VersionCause, Workload, WorkloadVersion};
pub use spec::{MAX_COPIES, Run, WorkloadSpec};
pub use status::{Phase, PlacementStatus};
