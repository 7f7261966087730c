//! How a batch shall proceed, and where it stands. The deciding is in `tamer-rollout`.

mod amount;
mod lease;
mod spec;
mod stand;

pub use amount::{Amount, InvalidAmount};
pub use lease::{Lease, MAX_LEASES};
pub use spec::{Offline, OnTrip, Order, Pause, Retry, Retryable, Rollout, WaveSizes};
pub use stand::{MAX_MARKS, Mark, Stand};
