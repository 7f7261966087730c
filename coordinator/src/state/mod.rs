//! The fleet's records in the store: where each lives and how it is written.

pub mod keys;
mod output;
mod record;

pub use output::StoredOutput;
pub use record::{
    AppliedRecord, AppliedWorkload, Applying, AuthorityRecord, Credential, FleetMeta, KeptRecord,
    PendingHost, Revoked, Target, TargetInstance, TokenRecord, Unstorable, decode, encode,
    unstorable,
};

/// The version of the whole layout. A coordinator refuses a store of a later one, and writes its own
/// into one of an earlier. 2 added instances, and batches that are no commands; 3 added rollouts,
/// attempts, targets in chunks, and output that is compressed; 4 added what is below `work/`; 5 what is
/// below `drift/`. What an earlier one wrote reads as the later.
pub const FORMAT: u32 = 5;
