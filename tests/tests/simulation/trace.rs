//! What happened in a run, with its simulated times: the last of it for people, all of it as a
//! digest by which two runs are seen to be the same.

use std::collections::VecDeque;
use std::fmt::Display;
use std::hash::Hasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Lines that are kept; earlier ones are in the digest alone.
const LINES: usize = 400;
/// Broken promises that are told; what follows the first few follows from them.
const BROKEN: usize = 5;

/// Clones are the same one.
#[derive(Clone)]
pub struct Trace(Arc<Mutex<Told>>);

struct Told {
    began: Instant,
    lines: VecDeque<String>,
    count: u64,
    digest: std::hash::DefaultHasher,
    broken: Vec<String>,
    /// Everything is printed as it happens, too.
    loud: bool,
}

impl Trace {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Told {
            began: Instant::now(),
            lines: VecDeque::new(),
            count: 0,
            digest: std::hash::DefaultHasher::new(),
            broken: Vec::new(),
            loud: std::env::var_os("TAMER_TELL").is_some(),
        })))
    }

    /// This happened.
    pub fn tell(&self, what: impl Display) {
        let mut told = self.told();
        let line = format!("{:>9.3}s  {what}", told.began.elapsed().as_secs_f64());
        told.digest.write(line.as_bytes());
        told.count += 1;
        if told.loud {
            println!("{line}");
        }
        if told.lines.len() == LINES {
            told.lines.pop_front();
        }
        told.lines.push_back(line);
    }

    /// A promise was broken.
    pub fn broken(&self, promise: impl Display) {
        self.tell(format_args!("BROKEN: {promise}"));
        let mut told = self.told();
        if told.broken.len() < BROKEN {
            let at = told.began.elapsed().as_secs_f64();
            told.broken.push(format!("{promise} (at {at:.3}s)"));
        }
    }

    /// The promises that were broken so far.
    pub fn promises_broken(&self) -> Vec<String> {
        self.told().broken.clone()
    }

    /// How much happened, and a digest of all of it.
    pub fn digest(&self) -> (u64, u64) {
        let told = self.told();
        (told.count, told.digest.finish())
    }

    /// The last of what happened.
    pub fn last(&self) -> String {
        let told = self.told();
        let lines: Vec<_> = told.lines.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
