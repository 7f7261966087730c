//! The orders of one program, as `tamer-crash` reads them.

use std::fs;
use std::path::{Path, PathBuf};

use tamer_crash::{ORDER_FILE, TRACE};

/// Where one program finds when it is to die, and writes what it passed.
#[derive(Debug, Clone)]
pub struct Orders {
    file: PathBuf,
    trace: PathBuf,
}

impl Orders {
    /// Those of the program of this name.
    pub fn of(folder: &Path, name: &str) -> Self {
        let file = folder.join(format!("{name}.order"));
        let mut trace = file.clone().into_os_string();
        trace.push(TRACE);
        Self { file, trace: trace.into() }
    }

    /// The environment that the program is started with.
    pub fn environment(&self) -> (String, String) {
        (ORDER_FILE.to_owned(), self.file.display().to_string())
    }

    /// From now on every passing is written down, and one of them, `NAME:N`, is the last.
    pub fn give(&self, run: u64, point: Option<&str>) {
        let _ = fs::remove_file(&self.trace);
        // Whole or not at all: the program reads at any time.
        let draft = self.file.with_extension("new");
        let text = format!("{run} {}", point.unwrap_or("none"));
        fs::write(&draft, text).expect("the order is written");
        fs::rename(&draft, &self.file).expect("the order is given");
    }

    /// Nothing happens at any point any more.
    pub fn take_back(&self) {
        let _ = fs::remove_file(&self.file);
    }

    /// What was passed since the last order.
    pub fn passed(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.trace).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
