//! Which files `plan` and `apply` are given.

use std::path::PathBuf;

/// Files by flag and by their names alone: a shell makes `-f one.toml two.toml` of `-f *.toml`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Sources {
    /// A file, a folder of files, or - for standard input; TOML, YAML or JSON. What all of them say
    /// is planned and applied together, or not at all
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// More of them
    #[arg(value_name = "PATH")]
    more: Vec<PathBuf>,
}

impl Sources {
    /// All of them.
    pub fn paths(self) -> Vec<PathBuf> {
        let Self { mut files, more } = self;
        files.extend(more);
        files
    }
}
