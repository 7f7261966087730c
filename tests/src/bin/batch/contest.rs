//! Who runs `true` on all hosts, in turns, and the table.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tamer_tests::bench::median;

/// Somebody who can run `true` on every host.
pub trait Contestant {
    /// What is measured, for the table.
    fn name(&self) -> String;

    /// The aim of its median, where it has one.
    fn aim(&self) -> &'static str {
        ""
    }

    /// Runs it on every host. The time from the request to the last answer.
    ///
    /// # Errors
    /// When not every host answered.
    fn once(&mut self) -> Result<Duration>;
}

/// What the table's ratios are to: our command as a whole process.
pub const OURS: &str = "`tamerctl run -- true`, whole command";

/// All of them, with so many hosts each.
pub struct Contest {
    hosts: usize,
    entered: Vec<(Box<dyn Contestant>, Vec<f64>)>,
}

impl Contest {
    pub fn new(hosts: usize) -> Self {
        Self { hosts, entered: Vec::new() }
    }

    pub fn enter(&mut self, contestant: Box<dyn Contestant>) {
        self.entered.push((contestant, Vec::new()));
    }

    /// Lets each run so many times, in turns. The first turn warms up and does not count.
    pub fn run(&mut self, runs: usize) -> Result<()> {
        for turn in 0..=runs {
            let began = Instant::now();
            for (contestant, times) in &mut self.entered {
                let time = contestant.once().with_context(|| contestant.name())?;
                if turn > 0 {
                    times.push(time.as_secs_f64() * 1e3);
                }
            }
            eprintln!("{} hosts: turn {turn} of {runs}: {:.1?}", self.hosts, began.elapsed());
        }
        Ok(())
    }

    pub fn print(&self) {
        let middle = |times: &[f64]| median(times.to_vec());
        let ours = self.entered.iter().find(|(contestant, _)| contestant.name() == OURS);
        let ours = ours.map(|(_, times)| middle(times));
        println!("\n| {} hosts | median | fastest | slowest | to ours | aim |", self.hosts);
        println!("| --- | --- | --- | --- | --- | --- |");
        for (contestant, times) in &self.entered {
            let least = times.iter().copied().fold(f64::INFINITY, f64::min);
            let most = times.iter().copied().fold(0.0, f64::max);
            let ratio = ours.map(|ours| format!("{:.2}", middle(times) / ours)).unwrap_or_default();
            println!(
                "| {} | {:.1} ms | {least:.1} ms | {most:.1} ms | {ratio} | {} |",
                contestant.name(),
                middle(times),
                contestant.aim()
            );
        }
    }
}
