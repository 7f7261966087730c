//! Nothing differs from the baseline, and somebody asks.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tamer_drift::finding::Verdict;
use tamer_tests::bench::{Setting, median};

use crate::fleet::{Baseline, Fleet};

/// Looks that are timed.
const LOOKS: u32 = 11;

/// What was measured.
pub struct Same {
    /// Until the baseline was set, its snapshot synced and all.
    pub set: Duration,
    /// The first look.
    pub first: Duration,
    /// Each later one: the middle and the longest.
    pub later: (Duration, Duration),
    /// The coordinator's CPU for each of those.
    pub cpu: Duration,
    /// The same question again: the answer is kept for a moment.
    pub again: Duration,
}

/// Sets the baseline to what is known, and looks again and again.
pub async fn measure(setting: &Setting, hosts: usize) -> Result<(Baseline, Same)> {
    let mut fleet = Fleet::of(setting).await?;
    let began = Instant::now();
    let baseline = fleet.set_baseline().await?;
    let set = began.elapsed();
    ensure!(baseline.hosts as usize == hosts, "the baseline has {} hosts", baseline.hosts);
    let (first, _) = look(&mut fleet, 0).await?;
    let (cpu, mut times) = (setting.process.cpu()?, Vec::new());
    for number in 1..=LOOKS {
        times.push(look(&mut fleet, number).await?.0.as_secs_f64());
    }
    let cpu = (setting.process.cpu()? - cpu) / LOOKS;
    let longest = times.iter().copied().fold(0.0, f64::max);
    let later = (Duration::from_secs_f64(median(times)), Duration::from_secs_f64(longest));
    let (again, _) = look(&mut fleet, LOOKS).await?;
    Ok((baseline, Same { set, first, later, cpu, again }))
}

/// Asks in words that nobody has used, all of which mean every host: so no answer is kept.
async fn look(fleet: &mut Fleet, number: u32) -> Result<(Duration, usize)> {
    let told = fleet.drift(&format!("look!=number-{number}")).await?;
    let words = &told.report.summary.words;
    ensure!(told.observed && told.report.verdict == Verdict::None, "something differs: {words}");
    Ok((told.took, told.bytes))
}
