//! One batch on all agents, several times over.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use tamer_proto::wire;
use tamer_proto::wire::batch_event::Event;
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::{Process, Setting, median};
use tonic::Streaming;
use tonic::transport::Channel;

use crate::tally::Tally;

/// A batch that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// Bytes that each agent prints in [`Kind::Output`].
const OUTPUT: usize = 1024;

/// What the batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Nothing,
    /// Each agent prints 1 KiB.
    Output,
    /// Nothing, and all agents tell their ends at one moment.
    AtOnce,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Output, Self::AtOnce];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "a no-op",
            Self::Output => "1 KiB of output each",
            Self::AtOnce => "all ends told at one moment",
        }
    }

    fn argv(self) -> Vec<String> {
        match self {
            Self::Nothing | Self::AtOnce => vec!["true".to_owned()],
            Self::Output => vec!["print".to_owned(), OUTPUT.to_string()],
        }
    }
}

/// What the runs of one kind took.
pub struct Measured {
    pub kind: Kind,
    pub agents: usize,
    pub runs: usize,
    /// A task each, from the request to its stored result being told to the watcher, in µs.
    pub tasks: Histogram<u64>,
    /// From the request until the last agent had its task, in µs.
    pub handed: Histogram<u64>,
    /// From the request (of [`Kind::AtOnce`]: from the moment the ends were told) until the last
    /// agent heard that its end is stored, in µs.
    pub stored: Histogram<u64>,
    /// The same until the watcher was told the last one.
    pub told: Histogram<u64>,
    /// CPU of a run, in seconds: of the coordinator, and of agents and watcher.
    pub cpu: (f64, f64),
}

impl Measured {
    /// Results a second into the store, of the median run.
    pub fn rate(&self) -> f64 {
        self.agents as f64 / (self.stored.value_at_quantile(0.5) as f64 / 1e6)
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |times: &Histogram<u64>| times.value_at_quantile(0.5) as f64 / 1e3;
        write!(
            f,
            "{}: p50 of {} runs: last handed over {:.0} ms, last stored {:.0} ms, last told {:.0} ms",
            self.kind.name(),
            self.runs,
            ms(&self.handed),
            ms(&self.stored),
            ms(&self.told)
        )
    }
}

/// Runs a batch of this kind on all agents, `runs` times.
pub async fn measure(
    setting: &Setting,
    tally: &Tally,
    kind: Kind,
    agents: usize,
    runs: usize,
) -> Result<Measured> {
    let times = || Histogram::<u64>::new(3);
    let mut measured = Measured {
        kind,
        agents,
        runs,
        tasks: times()?,
        handed: times()?,
        stored: times()?,
        told: times()?,
        cpu: (0.0, 0.0),
    };
    let own = Process(std::process::id());
    let (mut coordinator_cpu, mut own_cpu) = (Vec::new(), Vec::new());
    for run in 0..runs {
        let from = (setting.process.cpu()?, own.cpu()?);
        tokio::time::timeout(LIMIT, once(setting, tally, &mut measured))
            .await
            .with_context(|| format!("{}: run {run} did not end in {LIMIT:?}", kind.name()))??;
        coordinator_cpu.push((setting.process.cpu()? - from.0).as_secs_f64());
        own_cpu.push((own.cpu()? - from.1).as_secs_f64());
    }
    if runs > 0 {
        measured.cpu = (median(coordinator_cpu), median(own_cpu));
    }
    Ok(measured)
}

async fn once(setting: &Setting, tally: &Tally, measured: &mut Measured) -> Result<()> {
    let (kind, agents) = (measured.kind, measured.agents);
    let mut control = setting.control.clone();
    tally.begin(kind == Kind::AtOnce);
    let asked = tally.now();
    let batch = create(&mut control, String::new(), kind.argv()).await?;
    let request = wire::WatchBatchRequest { id: batch, output: kind == Kind::Output };
    let events = control.watch_batch(request).await?.into_inner();
    let release = async {
        let handed = tally.all_handed(agents).await;
        let from = if kind == Kind::AtOnce { tally.release() } else { asked };
        (handed, from, tally.all_stored(agents).await)
    };
    let tasks = &mut measured.tasks;
    let watch = watch(events, agents, |_| Ok(tasks.record(tally.now() - asked)?));
    let ((handed, from, stored), told) = tokio::join!(release, watch);
    told?;
    measured.handed.record(handed - asked)?;
    measured.stored.record(stored - from)?;
    // The watcher hears of a result when it is stored; the batch's own end comes after.
    measured.told.record(tally.now() - from)?;
    Ok(())
}

/// Starts a batch of a command on the hosts of a selector, and returns its id.
pub async fn create(
    control: &mut ControlClient<Channel>,
    selector: String,
    argv: Vec<String>,
) -> Result<String> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).ok().context("random bytes")?;
    let request = wire::CreateBatchRequest {
        selector,
        command: Some(wire::CommandSpec { argv, ..Default::default() }),
        request_id: u128::from_be_bytes(id).to_string(),
        ..Default::default()
    };
    Ok(control.create_batch(request).await?.into_inner().id)
}

/// Follows a batch to its end; `each` is called once for each host whose task ended. All must have
/// succeeded.
pub async fn watch(
    mut events: Streaming<wire::BatchEvent>,
    agents: usize,
    mut each: impl FnMut(&wire::Task) -> Result<()>,
) -> Result<()> {
    let mut ended = HashSet::new();
    while let Some(event) = events.message().await? {
        if let Some(Event::Task(task)) = event.event
            && let Some(end) = &task.end
        {
            let succeeded = end.outcome() == wire::Outcome::Succeeded;
            ensure!(succeeded, "{} ended as {}", task.name, task.state);
            if ended.insert(task.host.clone()) {
                each(&task)?;
            }
        }
    }
    ensure!(ended.len() == agents, "{} of {agents} answered", ended.len());
    Ok(())
}
