//! How far a file is, told on a terminal.

use std::path::Path;
use std::time::{Duration, Instant};

use tamer_model::StreamKind;

use crate::output::{human, print};
use crate::view::escape;

/// How often it is told at most.
const PAUSE: Duration = Duration::from_millis(200);

/// A line on standard error that is written over. It is taken away at the end; a file that is
/// quickly there was never told of.
#[derive(Debug)]
pub struct Progress {
    name: String,
    /// None where only its end tells.
    size: Option<u64>,
    /// When it is told next; never where nobody sees it.
    next: Option<Instant>,
    told: bool,
}

impl Progress {
    /// Of a file of so many bytes.
    pub fn new(path: &Path, size: u64) -> Self {
        Self::of(path, Some(size))
    }

    /// Of a file whose length is known, or is not.
    pub fn of(path: &Path, size: Option<u64>) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let seen = print::is_terminal(StreamKind::Stderr);
        Self {
            name: escape::text(&name.unwrap_or_default()),
            size,
            next: seen.then(|| Instant::now() + PAUSE),
            told: false,
        }
    }

    /// So many bytes are there.
    pub fn at(&mut self, done: u64) {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + PAUSE);
        self.told = true;
        let of = self.size.map(|size| format!(" of {}", human::size(size))).unwrap_or_default();
        print::over(&format!("{}: {}{of}", self.name, human::size(done)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told {
            print::over("");
        }
    }
}
