//! What goes wrong in an engine, and how its panics become errors.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use thiserror::Error;

use crate::Key;

/// An engine could not do what it was asked to.
#[derive(Debug, Error)]
pub(crate) enum EngineError {
    #[error("the disk is full; free space on it, then restart")]
    Full(#[source] io::Error),
    #[error("the disk failed")]
    Io(#[from] io::Error),
    #[error("the record of {0} is damaged; restore the store from a backup with `store import`")]
    Damaged(Key),
    #[error("a key that is not one is stored; restore the store from a backup with `store import`")]
    DamagedKey,
    #[error("the record of {0} was written by a newer version; upgrade this program")]
    Newer(Key),
    #[error("the sled engine failed")]
    Sled(#[source] ::sled::Error),
    #[error("the redb engine failed")]
    Redb(#[source] Box<::redb::Error>),
    #[error("the engine stopped with: {0}")]
    Panicked(String),
}

impl EngineError {
    pub(super) fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(error),
            _ => Self::Io(error),
        }
    }
}

impl From<::sled::Error> for EngineError {
    fn from(error: ::sled::Error) -> Self {
        match error {
            ::sled::Error::Io(error) => Self::from_io(error),
            ::sled::Error::CollectionNotFound(_)
            | ::sled::Error::Unsupported(_)
            | ::sled::Error::ReportableBug(_)
            | ::sled::Error::Corruption { .. } => Self::Sled(error),
        }
    }
}

impl From<::redb::Error> for EngineError {
    fn from(error: ::redb::Error) -> Self {
        match error {
            ::redb::Error::Io(error) => Self::from_io(error),
            error => Self::Redb(Box::new(error)),
        }
    }
}

/// Calls into an engine. sled answers some damage with a panic; here that is an error like others,
/// so that it ends what was asked for and not the process. What the panic left behind is never
/// trusted: a panic while opening drops the engine, one while committing stops all commits.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(EngineError::Panicked(message(panic.as_ref()))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
