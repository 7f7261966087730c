//! What tasks do, one file a kind: commands, scripts, files that are put and brought, orders to
//! providers, commands in instances, and sequences of these. `tasks` calls it with a [`Job`] that
//! the journal has taken, and writes down the end that comes of it.

mod accept;
mod command;
mod content;
mod exec;
mod fetch;
mod halt;
mod job;
mod push;
mod script;
mod sequence;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tamer_model::{Code, DEFAULT_OUTPUT_LIMIT, Outcome, Problem, TaskEnd, Work};
use tamer_provider::registry::Registry;

pub use accept::{Accept, Kind};
pub use content::{Held as HeldLink, Link, MAX_TRANSFERS};
pub use halt::{Cause, Failure, Halt};
pub use job::{Job, Parts, Progress, marker};

use crate::journal::Deed;
use crate::providers;
use content::{Cache, Litter, Transfers};

/// Between two looks for what work has left behind.
const SWEEP: Duration = Duration::from_secs(3600);

/// What all work on this host shares. Clones are the same.
#[derive(Debug, Clone)]
pub struct Workshop {
    /// The agent's folder.
    folder: PathBuf,
    providers: Registry,
    accept: Accept,
    transfers: Transfers,
    scripts: Cache,
    litter: Litter,
}

impl Workshop {
    /// With its files in the agent's `folder`; contents move over the connections of `link`. Cleans
    /// up behind an earlier life of the agent; blocks for that.
    pub fn open(folder: &Path, providers: Registry, link: Link, accept: Accept) -> Self {
        let transfers = Transfers::new(link);
        let scripts = Cache::new(folder.join("contents"), transfers.clone());
        let litter = Litter::new(folder.join("litter"));
        let shop =
            Self { folder: folder.to_owned(), providers, accept, transfers, scripts, litter };
        // What is not there needs no removing, and what stays is in nobody's way.
        let _ = std::fs::remove_dir_all(shop.script_folder());
        shop.litter.sweep(SystemTime::now());
        shop
    }

    /// Removes what work has left behind, now and then, for ever.
    pub async fn tidy(self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            let litter = self.litter.clone();
            // It cannot fail: what stays is told where it is found.
            let swept = content::off_thread(move || {
                litter.sweep(SystemTime::now());
                Ok(())
            });
            let _ = swept.await;
        }
    }

    /// The work, or the end of a task that this host does not take.
    pub fn accept(&self, work: Work) -> Result<Work, Box<TaskEnd>> {
        self.accept.check(work)
    }

    fn script_folder(&self) -> PathBuf {
        self.folder.join("scripts")
    }
}

/// Does the work, and tells how it ended.
pub async fn perform(shop: &Workshop, job: &mut Job, work: Work) -> TaskEnd {
    match work {
        Work::Sequence(steps) => {
            job.begun();
            sequence::run(shop, job, steps).await
        }
        work => one(shop, job, work).await,
    }
}

/// What a task does first, for the journal.
pub fn first_deed(work: &Work) -> Deed {
    match work {
        Work::Command(_) => Deed::Process,
        Work::Instance(_) | Work::Exec { .. } => Deed::Provider,
        Work::Script(_) | Work::Push(_) | Work::Fetch(_) => Deed::File,
        Work::Sequence(steps) => steps.first().map_or(Deed::Process, first_deed),
    }
}

/// How many bytes of each stream are kept of what the work writes. Steps share the most of them.
pub fn output_limit(work: &Work) -> u32 {
    match work {
        Work::Command(command) => command.output_limit,
        Work::Script(script) => script.command.output_limit,
        Work::Exec { exec, .. } => exec.output_limit,
        Work::Instance(_) | Work::Push(_) | Work::Fetch(_) => DEFAULT_OUTPUT_LIMIT,
        Work::Sequence(steps) => steps.iter().map(output_limit).max().unwrap_or_default(),
    }
}

/// Does one piece of work, which is no sequence.
async fn one(shop: &Workshop, job: &mut Job, work: Work) -> TaskEnd {
    let since = std::time::Instant::now();
    if let Err(end) = job.about_to(first_deed(&work)).await {
        return *end;
    }
    let end = match work {
        // One that could not be started took no time.
        Work::Command(command) => return command::run(job, &command).await,
        Work::Instance(order) => {
            job.begun();
            let stop = job.stop.clone();
            providers::perform(&shop.providers, order, stop, &mut job.output).await
        }
        Work::Script(script) => script::run(shop, job, &script).await,
        Work::Push(push) => push::run(shop, job, &push).await,
        Work::Fetch(fetch) => fetch::run(shop, job, &fetch).await,
        Work::Exec { instance, exec } => exec::run(&shop.providers, job, &instance, &exec).await,
        Work::Sequence(_) => {
            let problem = Problem::new(Code::InvalidField, "a sequence holds another one");
            TaskEnd::failed(problem)
        }
    };
    let took = since.elapsed().as_millis() as u64;
    TaskEnd { started_at: Some(job.at), duration_ms: end.duration_ms.or(Some(took)), ..end }
}

fn succeeded() -> TaskEnd {
    TaskEnd {
        outcome: Outcome::Succeeded,
        reason: None,
        problem: None,
        started_at: None,
        duration_ms: None,
        unsent: None,
        usage: None,
        fetched: None,
    }
}
