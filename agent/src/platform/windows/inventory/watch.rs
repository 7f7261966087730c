//! Watching files on Windows, where none are watched.

use std::io;
use std::path::PathBuf;

use crate::inventory::Marked;

/// Watches nothing: who reads is asked at intervals.
pub struct Watch(());

impl Watch {
    /// There is nothing to begin.
    pub fn new() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Nothing is watched, unless nothing is wanted.
    pub fn want(&mut self, _: usize, marks: &[PathBuf]) -> bool {
        marks.is_empty()
    }

    /// Never.
    pub async fn changed(&mut self) -> io::Result<Marked> {
        std::future::pending().await
    }
}
