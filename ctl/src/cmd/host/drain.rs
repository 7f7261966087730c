//! `tamerctl host drain`.

use std::time::Duration;

use tamer_model::Problem;

use crate::Session;
use crate::api::{Api, Drain, Views};
use crate::cmd::follow::{Story, Wait, follow};
use crate::cmd::pairs;
use crate::cmd::workload::placements;
use crate::contract::{DrainProgress, Time};
use crate::errors::Failure;
use crate::output::{Line, Tone, human, print};
use crate::view::escape;

/// What the long help ends with.
pub const EXAMPLES: &str = "\
Examples:
  tamerctl host drain web-01 --reason 'a new disk'
  tamerctl host drain web-01 --deadline 10m
  tamerctl host drain web-01 --now
  tamerctl host drain web-01 --cancel
  tamerctl host uncordon web-01

A drain keeps to the update policies of the workloads: no more copies are moved at once than they
allow. After the deadline what is left is stopped all the same. A drained host takes no new work
until it is uncordoned. Ctrl-C leaves the drain going.";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id
    host: String,
    /// Stop what is left after this long [default: as long as it takes]
    #[arg(long, value_name = "SPAN", value_parser = pairs::span)]
    deadline: Option<Duration>,
    /// Stop everything at once, whatever update policies say
    #[arg(long, conflicts_with = "deadline")]
    now: bool,
    /// Keep the copies of workloads that run on every host
    #[arg(long)]
    keep_every_host: bool,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// End the drain; the host stays cordoned
    #[arg(long, conflicts_with_all = ["deadline", "now", "keep_every_host", "reason", "wait", "detach", "timeout"])]
    cancel: bool,
    #[command(flatten)]
    wait: Wait,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { host, deadline, now, keep_every_host, reason, cancel, wait } = args;
    let deadline_ms = if now { Some(0) } else { deadline.map(pairs::millis) };
    let reason = reason.unwrap_or_default();
    let drain = Drain { host, deadline_ms, keep_every_host, cancel, reason };
    let mut api = session.api().await?;
    let mut progress = api.drain_host(&drain).await?;
    if !cancel && wait.is_wanted() {
        let mut draining = Draining { host: drain.host, progress };
        follow(&mut draining, wait, api, session).await?;
        progress = draining.progress;
        session.show(&progress, |wide| lines(&progress, wide))?;
        return match progress.drained {
            true => Ok(()),
            // Somebody ended it.
            false => Err(Failure::Targets),
        };
    }
    session.show(&progress, |wide| lines(&progress, wide))
}

struct Draining {
    host: String,
    progress: DrainProgress,
}

impl Story for Draining {
    type Event = DrainProgress;

    async fn open(&mut self, api: &mut Api) -> Result<Views<DrainProgress>, Problem> {
        api.watch_drain(&self.host).await
    }

    fn take(&mut self, progress: DrainProgress) -> Result<(), Problem> {
        self.progress = progress;
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.progress.drained || !self.progress.draining
    }

    fn line(&self) -> String {
        stand(&self.progress, Time::now())
    }

    fn elsewhere(&self) -> String {
        let host = &self.host;
        let see = format!("see what is left: `tamerctl placement ls --host {host} --watch`");
        format!("the drain goes on; {see}; to end it: `tamerctl host drain {host} --cancel`")
    }
}

/// How far it is, on one line.
fn stand(progress: &DrainProgress, now: Time) -> String {
    let host = escape::text(&progress.host);
    if progress.drained {
        return format!("{host} is drained");
    }
    if !progress.draining {
        return format!("{host} is not being drained; a cordon stays until `host uncordon {host}`");
    }
    let left = match progress.left {
        1 => "1 copy is left".to_owned(),
        left => format!("{left} copies are left"),
    };
    let until = match progress.deadline {
        Some(deadline) if deadline > now => {
            format!(", stopped in {} at the latest", human::span(deadline.since(now)))
        }
        Some(_) => ", being stopped".to_owned(),
        None => String::new(),
    };
    format!("{host} is being drained: {left}{until}")
}

fn lines(progress: &DrainProgress, wide: bool) -> Vec<Line> {
    let now = Time::now();
    let tone = if progress.drained { Tone::Good } else { Tone::Busy };
    let mut lines = vec![Line::new(tone, stand(progress, now))];
    if progress.draining && !progress.drained && !progress.placements.is_empty() {
        lines.push(Line::default());
        lines.extend(placements(&progress.placements, true, now, wide, print::columns()));
    }
    lines
}
