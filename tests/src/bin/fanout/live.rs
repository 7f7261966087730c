//! Live output: how long a line takes from the agent's read to whoever watches, and what a second
//! watcher costs.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as ToCoordinator;
use tamer_proto::wire::batch_event::Event;
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::Setting;
use tonic::transport::Channel;

use crate::batch::create;
use crate::session::Mouth;
use crate::slim::Slim;
use crate::tally::{Sent, Tally};

/// Bytes of a line: its moment in 20 digits, filling, a line feed. A thousand a second stay under
/// what an agent may send live.
const LINE: usize = 64;
const DIGITS: usize = 20;
/// How long a real agent gathers output before it sends it.
const COALESCE: Duration = Duration::from_millis(10);

/// How it is measured.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Watchers at once, each on a connection of its own.
    pub watchers: usize,
    /// Lines a second of each agent.
    pub lines: u64,
    /// For so many seconds.
    pub seconds: u64,
}

/// What was measured.
pub struct Measured {
    pub how: How,
    pub agents: usize,
    /// From the agent's read of a line until a watcher had it, in µs, of all watchers.
    pub latency: Histogram<u64>,
    /// Lines that all agents wrote, and those that reached the watcher that missed most.
    pub written: u64,
    pub seen: u64,
    /// What the agents sent.
    pub sent: Sent,
    /// The coordinator's share of a core meanwhile.
    pub cpu: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "live, {} watchers: p50 {:.1} ms, p99 {:.1} ms, {} of {} lines, {} messages from agents",
            self.how.watchers,
            self.latency.value_at_quantile(0.5) as f64 / 1e3,
            self.latency.value_at_quantile(0.99) as f64 / 1e3,
            self.seen,
            self.written,
            self.sent.messages
        )
    }
}

/// Has the live agents write for a while, with so many watchers.
pub async fn measure(setting: &Setting, fleet: &Slim, how: How) -> Result<Measured> {
    let mut control = setting.control.clone();
    fleet.tally.begin(false);
    let before = fleet.tally.sent();
    let argv = ["lines".to_owned(), how.lines.to_string(), how.seconds.to_string()];
    // Each watcher's connection is there before the first line is.
    let mut watchers = Vec::new();
    for _ in 0..how.watchers {
        watchers.push(ControlClient::new(setting.coordinator.as_admin().await?));
    }
    let cpu = setting.process.cpu()?;
    let id = create(&mut control, Slim::LIVE.to_owned(), argv.to_vec()).await?;
    let watched = watchers.into_iter().map(|watcher| follow(watcher, id.clone(), &fleet.tally));
    let limit = Duration::from_secs(how.seconds + 60);
    let watched = tokio::time::timeout(limit, futures_util::future::try_join_all(watched))
        .await
        .with_context(|| format!("live output did not end in {limit:?}"))??;
    let cpu = (setting.process.cpu()? - cpu).as_secs_f64() / how.seconds as f64;
    let after = fleet.tally.sent();
    let mut latency = Histogram::<u64>::new(3)?;
    for (one, _) in &watched {
        latency.add(one)?;
    }
    let seen = watched.iter().map(|(_, lines)| *lines).min().context("a watcher")?;
    ensure!(seen > 0, "no line reached every watcher");
    let sent =
        Sent { messages: after.messages - before.messages, bytes: after.bytes - before.bytes };
    let written = fleet.live as u64 * how.lines * how.seconds;
    Ok(Measured { how, agents: fleet.live, latency, written, seen, sent, cpu })
}

/// Watches a batch with its output: the latencies of the lines, and how many came. A line that is
/// told again, because the watcher had fallen behind, counts once.
async fn follow(
    mut control: ControlClient<Channel>,
    id: String,
    tally: &Tally,
) -> Result<(Histogram<u64>, u64)> {
    let mut latency = Histogram::<u64>::new(3)?;
    let mut lines = 0;
    let mut next = std::collections::HashMap::new();
    let request = wire::WatchBatchRequest { id, output: true };
    let mut events = control.watch_batch(request).await?.into_inner();
    while let Some(event) = events.message().await? {
        let Some(Event::Output(chunk)) = event.event else { continue };
        let seen: &mut u64 = next.entry(chunk.host).or_default();
        let skip = seen.saturating_sub(chunk.offset) as usize;
        *seen = (*seen).max(chunk.offset + chunk.data.len() as u64);
        let now = tally.now();
        for line in chunk.data.get(skip..).unwrap_or_default().chunks_exact(LINE) {
            let read = std::str::from_utf8(&line[..DIGITS])?.parse::<u64>()?;
            latency.record(now.saturating_sub(read))?;
            lines += 1;
        }
    }
    Ok((latency, lines))
}

/// Writes `rate` lines a second for so many seconds, as a real agent tells them: gathered for ten
/// milliseconds, then sent. Returns what is kept of it.
pub async fn write(
    mouth: &Mouth,
    task: Option<wire::TaskId>,
    rate: u64,
    seconds: u64,
) -> Result<Vec<u8>> {
    let began = mouth.tally.now();
    let moment = |line: u64| began + line * 1_000_000 / rate.max(1);
    // Not all agents of a fleet flush at one moment.
    tokio::time::sleep(COALESCE.mul_f64(fastrand::f64())).await;
    let mut flush = tokio::time::interval(COALESCE);
    let (mut line, mut kept) = (0, Vec::new());
    while line < rate * seconds {
        flush.tick().await;
        let now = mouth.tally.now();
        let first = line;
        let mut data = Vec::new();
        while line < rate * seconds && moment(line) <= now {
            data.extend_from_slice(format!("{:0DIGITS$}{:.>43}\n", moment(line), line).as_bytes());
            line += 1;
        }
        if !data.is_empty() {
            kept.clone_from(&data);
            let output = wire::TaskOutput {
                task: task.clone(),
                stream: wire::StreamKind::Stdout.into(),
                offset: first * LINE as u64,
                data: data.into(),
            };
            mouth.say(ToCoordinator::TaskOutput(output)).await?;
        }
    }
    Ok(kept)
}
