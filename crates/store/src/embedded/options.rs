//! What can be chosen about an embedded store.

use std::{fmt, path::PathBuf, str::FromStr};

use thiserror::Error;

/// The engines that keep a store on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// sled 0.34, made durable; the default.
    #[default]
    Sled,
    /// redb, a copy-on-write tree in one file.
    Redb,
}

/// A name that is no engine's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no store engine `{0}`; choose `sled` or `redb`")]
pub struct UnknownEngine(pub String);

/// How to open an embedded store.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder. It holds secrets, belongs to the store alone, and is made when absent.
    pub dir: PathBuf,
    /// The engine; a folder keeps the one it was made with.
    pub engine: EngineKind,
    /// Commits that add data are refused as `Full` while the disk has less free space than this,
    /// in bytes; 64 MiB unless told. It is what deletes, and the engine's own upkeep, run on; with
    /// less than a few dozen MiB a full disk shows as a failed commit and needs a restart.
    pub reserve_bytes: u64,
    /// The engine's cache, in bytes; 64 MiB unless told.
    pub cache_bytes: usize,
    /// How much of the past can be watched.
    pub history: HistoryBounds,
}

/// How many changes are kept for watches. Whichever bound is reached first, the oldest go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBounds {
    /// The most revisions; 65 536 unless told.
    pub revisions: usize,
    /// The most bytes of keys, values and bookkeeping; 64 MiB unless told. The latest revision is
    /// always kept.
    pub bytes: usize,
}

impl Options {
    /// The usual ones, for this folder and engine.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, engine: EngineKind) -> Self {
        Self {
            dir: dir.into(),
            engine,
            reserve_bytes: 64 * 1024 * 1024,
            cache_bytes: 64 * 1024 * 1024,
            history: HistoryBounds::default(),
        }
    }
}

impl Default for HistoryBounds {
    fn default() -> Self {
        Self { revisions: 65_536, bytes: 64 * 1024 * 1024 }
    }
}

impl EngineKind {
    /// Its name in configuration and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "sled" => Ok(Self::Sled),
            "redb" => Ok(Self::Redb),
            other => Err(UnknownEngine(other.to_owned())),
        }
    }
}
