//! The physical floor on this machine: what no fleet can be faster than.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use tamer_tests::bench::{Echo, median};

/// What was measured.
pub struct Floor {
    /// A round trip of 128 bytes over TLS 1.3, in microseconds.
    pub echo_us: f64,
    /// Fork, exec and wait of `true`, in microseconds.
    pub spawn_us: f64,
    fan_us_each: f64,
}

impl Floor {
    /// How long `n` round trips take that are all begun at once, in milliseconds.
    pub fn fan_ms(&self, n: usize) -> f64 {
        self.fan_us_each * n as f64 / 1e3
    }
}

/// Connections of the fan-out; more would measure the scheduler.
const FAN: usize = 200;

pub fn measure() -> Result<Floor> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // On a thread of its own: the caller is inside a runtime already.
    let echo = std::thread::spawn(move || runtime.block_on(echo()));
    let (echo_us, fan_us_each) = echo.join().ok().context("the echo's thread")??;
    let spawns = (0..200)
        .map(|_| {
            let began = Instant::now();
            Command::new("true").status()?;
            Ok(began.elapsed().as_secs_f64() * 1e6)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Floor { echo_us, spawn_us: median(spawns), fan_us_each })
}

async fn echo() -> Result<(f64, f64)> {
    let mut echoes = Echo::connect(FAN).await?;
    let mut one = Vec::new();
    for _ in 0..2000 {
        let began = Instant::now();
        echoes[0].round_trip().await?;
        one.push(began.elapsed().as_secs_f64() * 1e6);
    }
    let mut all = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        futures_util::future::try_join_all(echoes.iter_mut().map(Echo::round_trip)).await?;
        all.push(began.elapsed().as_secs_f64() * 1e6 / FAN as f64);
    }
    Ok((median(one), median(all)))
}
