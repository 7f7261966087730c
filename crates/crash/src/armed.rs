//! A program under test: it looks for an order at every point.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{ORDER_FILE, TRACE};

/// Passes a point, or dies there. Costs the look at one atomic without a file of orders, and the
/// reading of a small file with one.
pub fn point(name: &'static str) {
    static ORDERS: OnceLock<Option<Orders>> = OnceLock::new();
    if let Some(orders) = ORDERS.get_or_init(Orders::of_environment)
        && orders.pass(name)
    {
        // No handler runs and nothing is flushed; the signal tells it from every other death.
        std::process::abort();
    }
}

/// The file of orders, and what was passed since the last of them.
struct Orders {
    file: PathBuf,
    trace: PathBuf,
    passed: Mutex<Passed>,
}

/// How often each point was passed under one order. There are some thirty points in all.
#[derive(Default)]
struct Passed {
    order: String,
    counts: HashMap<&'static str, u32>,
}

impl Orders {
    fn of_environment() -> Option<Self> {
        std::env::var_os(ORDER_FILE).map(|file| Self::in_file(file.into()))
    }

    fn in_file(file: PathBuf) -> Self {
        let mut trace = file.clone().into_os_string();
        trace.push(TRACE);
        Self { file, trace: trace.into(), passed: Mutex::default() }
    }

    /// Counts a passing; true when it is the one to die at.
    fn pass(&self, name: &'static str) -> bool {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        // No file, no order.
        let Ok(order) = fs::read_to_string(&self.file) else { return false };
        if passed.order != order {
            *passed = Passed { order, counts: HashMap::new() };
        }
        let count = passed.counts.entry(name).or_default();
        *count += 1;
        let this = format!("{name}:{count}");
        self.note(&this);
        passed.order.split_whitespace().nth(1) == Some(this.as_str())
    }

    /// Adds a line to the trace. It is the test's: one that cannot be written shows there.
    fn note(&self, line: &str) {
        let file = OpenOptions::new().create(true).append(true).open(&self.trace);
        let _ = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ordered_passing_is_told_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("order");
        let orders = Orders::in_file(file.clone());
        assert!(!orders.pass("a"), "nothing was ordered");
        fs::write(&file, "1 a:2").expect("written");
        assert_eq!([orders.pass("a"), orders.pass("b"), orders.pass("a")], [false, false, true]);
        assert!(!orders.pass("a"), "the third passing");
        // The same words under another run count anew.
        fs::write(&file, "2 a:1").expect("written");
        assert!(orders.pass("a"));
        let trace = fs::read_to_string(folder.path().join("order.passed")).expect("a trace");
        assert_eq!(trace, "a:1\nb:1\na:2\na:3\na:1\n");
    }
}
