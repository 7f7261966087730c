//! The table: what was measured, beside what it is measured against.

use std::time::{Duration, Instant};

use anyhow::Result;
use tamer_tests::bench::median;

/// One line.
pub struct Row {
    pub what: String,
    pub ours: String,
    pub beside: String,
    pub ratio: Option<f64>,
    pub aim: &'static str,
}

impl Row {
    pub fn new(what: impl Into<String>, ours: impl Into<String>) -> Self {
        Self { what: what.into(), ours: ours.into(), beside: String::new(), ratio: None, aim: "" }
    }

    pub fn beside(mut self, beside: impl Into<String>) -> Self {
        self.beside = beside.into();
        self
    }

    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    pub fn aim(mut self, aim: &'static str) -> Self {
        self.aim = aim;
        self
    }

    pub fn print(&self) {
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        println!("| {} | {} | {} | {ratio} | {} |", self.what, self.ours, self.beside, self.aim);
    }
}

/// Times in milliseconds.
pub struct Times(Vec<f64>);

impl Times {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    pub fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1e3);
    }

    /// Measures what is done.
    pub fn of<T>(&mut self, done: impl FnOnce() -> Result<T>) -> Result<T> {
        let began = Instant::now();
        let value = done()?;
        self.add(began.elapsed());
        Ok(value)
    }

    pub fn median(&self) -> f64 {
        median(self.0.clone())
    }

    pub fn p95(&self) -> f64 {
        let mut times = self.0.clone();
        times.sort_by(f64::total_cmp);
        times[(times.len() * 95).div_ceil(100) - 1]
    }

    pub fn shown(&self) -> String {
        format!("p50 {:.1} ms, p95 {:.1} ms", self.median(), self.p95())
    }

    /// The median of the differences of pairs, in milliseconds.
    pub fn over(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours - theirs).collect())
    }
}

pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1048576.0
}
