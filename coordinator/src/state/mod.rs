//! The fleet's records in the store: where each lives and how it is written.

pub mod keys;
mod record;

pub use record::{
    AuthorityRecord, Credential, FleetMeta, PendingHost, Revoked, StoredOutput, Target,
    TokenRecord, Unstorable, decode, encode, unstorable,
};

/// The version of the whole layout. A coordinator refuses a store of a later one.
pub const FORMAT: u32 = 1;
