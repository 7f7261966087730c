//! The table.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::batch::{Kind, Measured};
use crate::floor::Floor;
use crate::live;

const MIB: f64 = 1024.0 * 1024.0;

/// The coordinator's resident memory, in bytes.
pub struct Memory {
    /// Without an agent.
    pub before: u64,
    /// With all of them, before the first batch.
    pub joined: u64,
    /// After the batches.
    pub after: u64,
    /// The most there ever was.
    pub most: u64,
}

/// Everything that was measured.
pub struct Figures {
    pub agents: usize,
    pub floor: Floor,
    pub joined_in: Duration,
    pub batches: Vec<Measured>,
    pub lives: Vec<live::Measured>,
    /// Whole commands, in milliseconds.
    pub run: f64,
    pub status: f64,
    pub memory: Memory,
    /// The idle coordinator's share of a core.
    pub idle: f64,
    /// A real agent's bytes and share of a core.
    pub agent: Option<(u64, f64)>,
}

impl Figures {
    pub fn print(&self) {
        println!("| what | figure | aim |\n| --- | --- | --- |");
        self.floor();
        row(
            &format!("join from nothing, {} agents", self.agents),
            &format!(
                "{:.1} s ({:.0}/s)",
                self.joined_in.as_secs_f64(),
                self.agents as f64 / self.joined_in.as_secs_f64()
            ),
            "",
        );
        self.batches.iter().filter(|measured| measured.runs > 0).for_each(batch);
        self.lives.iter().for_each(live_rows);
        row("`tamerctl run -- true`, whole command", &format!("p50 {:.0} ms", self.run), "");
        row("`tamerctl status`, whole command", &format!("p50 {:.1} ms", self.status), "< 30 ms");
        self.coordinator();
        if let Some((bytes, share)) = self.agent {
            let figure =
                format!("{:.1} MiB resident, {:.3} % of a core", bytes as f64 / MIB, share * 100.0);
            row("a real agent, idle", &figure, "< 15 MiB, 0.1 %");
        }
    }

    fn floor(&self) {
        let echo = format!("p50 {:.0} µs", self.floor.echo_us);
        row("floor: TLS 1.3 echo of 128 B, round trip", &echo, "");
        row(
            &format!("floor: {} such round trips, all at once", self.agents),
            &format!("{:.1} ms", self.floor.fan_ms(self.agents)),
            "",
        );
        let spawn = format!("p50 {:.0} µs", self.floor.spawn_us);
        row("floor: fork and exec of `true`", &spawn, "");
    }

    fn coordinator(&self) {
        let Memory { before, joined, after, most } = self.memory;
        let mib = |bytes: u64| bytes as f64 / MIB;
        row(
            "coordinator, memory",
            &format!(
                "{:.1} MiB before, {:.1} with all, {:.1} after the batches, {:.1} at most",
                mib(before),
                mib(joined),
                mib(after),
                mib(most)
            ),
            "400 MiB at 10,000",
        );
        let each = joined.saturating_sub(before) as f64 / 1024.0 / self.agents as f64;
        row("coordinator, memory a session", &format!("{each:.1} KiB"), "< 38 KiB");
        row("coordinator, CPU while idle", &format!("{:.2} % of a core", self.idle * 100.0), "");
    }
}

fn batch(measured: &Measured) {
    let Measured { kind, agents, tasks, handed, stored, told, cpu, .. } = measured;
    let name = kind.name();
    let from = if *kind == Kind::AtOnce { "" } else { " after the request" };
    row(&format!("{name}: last task handed over"), &spread(handed), "2 s at 10,000");
    row(&format!("{name}: last result stored{from}"), &spread(stored), "4 s at 10,000");
    row(&format!("{name}: watcher has heard all{from}"), &spread(told), "");
    if *kind == Kind::AtOnce {
        row("results into the store", &format!("{:.0}/s", measured.rate()), "20,000/s");
    } else {
        let each = format!("p50 {:.1} ms, p99 {:.1} ms", ms(tasks, 0.5), ms(tasks, 0.99));
        row(&format!("{name}: a task, from the request to its told result"), &each, "");
    }
    let each = cpu.0 * 1e6 / *agents as f64;
    row(
        &format!("{name}: CPU a run"),
        &format!(
            "coordinator {:.0} ms ({each:.0} µs a task); agents and watcher {:.0} ms",
            cpu.0 * 1e3,
            cpu.1 * 1e3
        ),
        "",
    );
}

fn live_rows(measured: &live::Measured) {
    let live::Measured { how, agents, latency, written, seen, sent, cpu } = measured;
    let live::How { watchers, lines, .. } = how;
    let watching = if *watchers == 1 { "one watcher" } else { "two watchers" };
    let name = format!("{agents} agents × {lines} lines/s, {watching}");
    row(
        &format!("{name}: from the agent's read to the watcher"),
        &format!(
            "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms; {:.2} % of the lines live",
            ms(latency, 0.5),
            ms(latency, 0.99),
            latency.max() as f64 / 1e3,
            *seen as f64 / *written as f64 * 100.0
        ),
        "p99 < 250 ms",
    );
    row(
        &format!("{name}: what the agents sent; the coordinator's CPU"),
        &format!(
            "{} messages, {:.1} MiB; {:.0} % of a core",
            sent.messages,
            sent.bytes as f64 / MIB,
            cpu * 100.0
        ),
        "the same with two",
    );
}

fn spread(times: &Histogram<u64>) -> String {
    format!("p50 {:.0} ms, max {:.0} ms", ms(times, 0.5), times.max() as f64 / 1e3)
}

fn ms(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1e3
}

fn row(what: &str, figure: &str, aim: &str) {
    println!("| {what} | {figure} | {aim} |");
}
