//! The owner of the picture.

mod open;
mod publish;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tamer_drift::Resource;
use tamer_drift::tree::Picture;
use tamer_model::ProviderName;
use tamer_provider::registry::Watcher;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::collect::{Collector, Fault};
use super::found::Found;
use super::handle::Request;
use super::memory::Head;
use super::settings::Settings;
use super::source::Source;
use super::store::Store;
use super::told::SourceReport;
use super::{LANES, Marked};
use crate::clock;
use crate::platform::Watch;

use self::publish::Publishing;

/// The picture of this host. Made and run by `run`.
pub struct Inventory {
    settings: Settings,
    store: Store,
    head: Head,
    picture: Picture<Resource>,
    sources: Vec<Source>,
    /// What the picture has of sources that are not looked at any more.
    others: Option<SourceReport>,
    /// None where files cannot be watched.
    watch: Option<Watch>,
    providers: Watcher,
    board: Board,
    requests: mpsc::Receiver<Request>,
    looks: JoinSet<Looked>,
    publishing: Publishing,
}

/// A look that has ended.
struct Looked {
    source: usize,
    took: Duration,
    found: Result<Found, Fault>,
    marks: Vec<PathBuf>,
}

/// What happened.
enum Event {
    Looked(Looked),
    Marked(Marked),
    Provider(ProviderName),
    Asked(Request),
    Due,
}

impl Inventory {
    /// Keeps it until the agent stops.
    pub async fn run(mut self, finish: CancellationToken) {
        loop {
            self.look_at_what_is_due();
            self.publish_if_due().await;
            let due = self.due();
            // Cancel-safe: a set of tasks, a queue, watches and timers, which keep what is not taken.
            let event = tokio::select! {
                biased;
                () = finish.cancelled() => break,
                Some(Ok(looked)) = self.looks.join_next() => Event::Looked(looked),
                Some(request) = self.requests.recv() => Event::Asked(request),
                marked = marked(&mut self.watch) => Event::Marked(marked),
                Some((name, _)) = self.providers.changed() => Event::Provider(name),
                () = sleep_until(due) => Event::Due,
            };
            self.take(event);
        }
        // Looks that run are dropped, and what they started ends with them.
        self.looks.shutdown().await;
        self.leave().await;
    }

    fn take(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Looked(looked) => self.looked(looked),
            Event::Marked(Marked::Some(readers)) => {
                for reader in readers {
                    self.sources[reader].hint(now, clock::now());
                }
            }
            Event::Marked(Marked::All) => {
                tracing::debug!("events of files were lost; everything is looked at");
                self.sources.iter_mut().for_each(|source| source.mark(now));
            }
            Event::Provider(name) => {
                let name = name.as_str();
                let of = self
                    .sources
                    .iter_mut()
                    .filter(|one| one.collector.about().source.as_str() == name);
                of.for_each(|source| source.mark(now));
            }
            Event::Asked(Request::Stored(root)) => self.stored(root),
            Event::Due => {}
        }
    }

    /// Begins looks while there are lanes for them, those first that have waited longest.
    fn look_at_what_is_due(&mut self) {
        let now = Instant::now();
        while self.looks.len() < LANES {
            let due = self.sources.iter().enumerate();
            let due = due.filter_map(|(at, source)| Some((source.due()?, at)));
            let Some((_, at)) = due.filter(|(due, _)| *due <= now).min() else { return };
            self.sources[at].begin(clock::now());
            self.looks.spawn(look(at, self.sources[at].collector.clone()));
        }
    }

    /// When there is something to do, if nothing happens before.
    fn due(&self) -> Instant {
        let free = self.looks.len() < LANES;
        let looks = self.sources.iter().filter(|_| free).filter_map(Source::due);
        looks
            .chain(self.publishing.due(self))
            .min()
            .unwrap_or_else(|| Instant::now() + self.settings.full)
    }

    fn looked(&mut self, looked: Looked) {
        let Looked { source: at, took, found, marks } = looked;
        let (now, wall) = (Instant::now(), clock::now());
        let source = &mut self.sources[at];
        let (before, was_absent) = (source.report.clone(), source.absent);
        let changed = match found {
            Ok(found) => {
                source.absent = false;
                source.take(found, &mut self.picture, wall)
            }
            Err(fault) => {
                source.fail(fault.why, fault.absent);
                0
            }
        };
        let covered = self.watch.as_mut().is_some_and(|watch| watch.want(at, &marks));
        source.end(now, took, covered, &self.settings);
        if changed > 0 || !source.report.says_as(&before) || source.absent != was_absent {
            self.publishing.changed(changed);
        }
    }
}

/// One look, within its time. One that breaks is a fault.
async fn look(source: usize, collector: Arc<dyn Collector>) -> Looked {
    let begin = Instant::now();
    let limit = collector.about().limits.time;
    let looked = timeout(limit, AssertUnwindSafe(collector.collect()).catch_unwind()).await;
    let found = match looked {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(Fault::new("the look broke; the agent's log says where")),
        Err(_) => Err(Fault::new(format!("it was not done within {} s", limit.as_secs()))),
    };
    Looked { source, took: begin.elapsed(), found, marks: collector.marks() }
}

/// The next hint of the watched files; never, where none are watched.
async fn marked(watch: &mut Option<Watch>) -> Marked {
    let Some(watching) = watch else { return std::future::pending().await };
    match watching.changed().await {
        Ok(marked) => marked,
        Err(error) => {
            tracing::warn!(%error, "files are not watched any more; they are looked at in intervals");
            *watch = None;
            Marked::All
        }
    }
}
