//! The table.

use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

/// One line of the table.
pub struct Row {
    what: String,
    ours: String,
    floor: String,
    aim: &'static str,
}

impl Row {
    pub fn new(what: impl Into<String>, ours: impl Into<String>, aim: &'static str) -> Self {
        Self { what: what.into(), ours: ours.into(), floor: String::new(), aim }
    }

    pub fn beside(self, floor: impl Into<String>) -> Self {
        Self { floor: floor.into(), ..self }
    }
}

pub fn print(rows: &[Row]) {
    println!("| measure | ours | the floor | aim |\n| --- | --- | --- | --- |");
    for Row { what, ours, floor, aim } in rows {
        println!("| {what} | {ours} | {floor} | {aim} |");
    }
}

/// How often each second.
pub fn rate(count: u32, took: Duration) -> String {
    format!("{:.0}/s", f64::from(count) / took.as_secs_f64())
}

pub fn ms(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}

pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Times something again and again.
pub fn timed<T>(runs: u32, mut work: impl FnMut(u32) -> Result<T>) -> Result<Histogram<u64>> {
    let mut times = Histogram::new(3)?;
    for run in 0..runs {
        let began = Instant::now();
        std::hint::black_box(work(run)?);
        times.record(u64::try_from(began.elapsed().as_nanos())?)?;
    }
    Ok(times)
}

/// The middle and the longest of some times.
pub fn spread(times: &Histogram<u64>) -> String {
    let at = |nanos: u64| nanos as f64 / 1e6;
    format!("p50 {:.2} ms, max {:.2} ms", at(times.value_at_quantile(0.5)), at(times.max()))
}
