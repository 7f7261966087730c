//! Where files of the system are looked for.

use std::path::{Path, PathBuf};

/// The root of what is looked at: `/`, or a folder that a test made.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

impl Place {
    /// The machine itself.
    pub fn root() -> Self {
        Self(PathBuf::from("/"))
    }

    /// A folder that looks like one.
    #[cfg(test)]
    pub fn below(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// A path below it; written without a slash at its beginning.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }
}
