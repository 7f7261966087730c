//! The fleet's records in the store: where each lives and how it is written.

pub mod keys;
mod record;

pub use record::{
    AuthorityRecord, Credential, FleetMeta, PendingHost, Revoked, StoredOutput, Target,
    TargetInstance, TokenRecord, Unstorable, decode, encode, unstorable,
};

/// The version of the whole layout. A coordinator refuses a store of a later one, and writes its own
/// into one of an earlier. 2 added instances, and batches that are no commands; whatever 1 wrote
/// reads as 2.
pub const FORMAT: u32 = 2;
