//! One source of the picture: what is known of it, and when it is looked at next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tamer_drift::tree::Picture;
use tamer_drift::{Digest, Resource, ResourceKey, canonical};
use tamer_model::Timestamp;
use tokio::time::Instant;

use super::collect::{Collector, News};
use super::found::Found;
use super::settings::Settings;
use super::still::Still;
use super::told::SourceReport;

/// Hints that come within this time are one look.
pub const GATHER: Duration = Duration::from_millis(200);
/// A look is followed by a pause of so many times what it took, also when there are hints: a source
/// that changes all the time has a fifth of the time.
const REST: u32 = 4;
/// The same for looks that no hint asks for.
const LONG_REST: u32 = 19;

/// One source.
pub struct Source {
    /// Who looks.
    pub collector: Arc<dyn Collector>,
    /// What is told of it.
    pub report: SourceReport,
    /// What the picture has of it: each resource with the digest of its content.
    pub known: BTreeMap<ResourceKey, Digest>,
    /// Whether it was looked at in this life of the agent, however that ended.
    pub looked: bool,
    /// Whether there is nothing to look at, and never was.
    pub absent: bool,
    /// Whether events tell everything of it.
    covered: bool,
    still: Still,
    /// When the look began that somebody has now.
    looking: Option<Timestamp>,
    /// Whether something happened since the look began.
    again: bool,
    due: Instant,
    /// Until when it rests.
    rests: Instant,
}

impl Source {
    /// A source that is to be looked at now. `earlier` is what was told of it in another life.
    pub fn new(
        collector: Arc<dyn Collector>,
        earlier: Option<&SourceReport>,
        now: Instant,
    ) -> Self {
        let about = collector.about();
        let report = SourceReport {
            name: about.name.clone(),
            kinds: about.kinds.clone(),
            problem: Some("it was not looked at yet since the agent started".to_owned()),
            took_ms: 0,
            resources: 0,
            at: earlier.and_then(|earlier| earlier.at),
            still: None,
        };
        Self {
            collector,
            report,
            known: BTreeMap::new(),
            looked: false,
            absent: false,
            covered: false,
            still: Still::default(),
            looking: None,
            again: false,
            due: now,
            rests: now,
        }
    }

    /// When it is to be looked at; not while somebody does.
    pub fn due(&self) -> Option<Instant> {
        self.looking.is_none().then_some(self.due)
    }

    /// Somebody looks.
    pub fn begin(&mut self, at: Timestamp) {
        self.looking = Some(at);
        self.again = false;
    }

    /// Something happened to it at this time, as a watch of it tells.
    pub fn hint(&mut self, now: Instant, at: Timestamp) {
        if self.covered && self.looking.is_none() {
            self.still.hint(at);
        }
        self.mark(now);
    }

    /// Something may have happened to it.
    pub fn mark(&mut self, now: Instant) {
        // The look that runs may have passed by already.
        self.again |= self.looking.is_some();
        self.due = self.due.min((now + GATHER).max(self.rests));
    }

    /// A look has ended that took so long. `covered`: its files are watched.
    pub fn end(&mut self, now: Instant, took: Duration, covered: bool, settings: &Settings) {
        self.looking = None;
        self.looked = true;
        self.covered = covered && self.collector.about().news == News::Events;
        self.report.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.rests = now + took * REST;
        let pause = match self.covered {
            true => settings.full,
            false => settings.poll.max(took * LONG_REST).min(settings.full),
        };
        self.due = now + pause;
        if self.again {
            self.mark(now);
        }
    }

    /// Takes over what was found. What is not there of what was looked at is gone; everything else
    /// stays as it was. Says how many resources are another way now.
    pub fn take(&mut self, found: Found, picture: &mut Picture<Resource>, at: Timestamp) -> u64 {
        let mut found = found.checked(self.collector.about());
        let gone: Vec<_> = self.known.keys().filter(|key| found.is_gone(key)).cloned().collect();
        for key in &gone {
            picture.remove(key);
            self.known.remove(key);
        }
        let mut changed = gone.len() as u64;
        for resource in found.take_resources() {
            let digest = canonical::digest(&resource);
            if self.known.get(&resource.key) == Some(&digest) {
                continue;
            }
            match picture.put(&resource) {
                Ok(()) => {
                    self.known.insert(resource.key, digest);
                    changed += 1;
                }
                Err(problem) => found.refuse(resource.key, problem.message),
            }
        }
        self.report.problem = found.problem();
        if found.is_complete() {
            self.report.at = Some(at);
        }
        self.still.looked(self.looking.unwrap_or(at), found.is_complete(), changed > 0);
        self.report.resources = self.known.len() as u64;
        changed
    }

    /// A picture is made; `taken`: the one before was told.
    pub fn publish(&mut self, taken: bool) {
        self.report.still = self.still.publish(taken);
    }

    /// Nothing was found, and why. Everything stays as it was. Once it was there it is missed.
    pub fn fail(&mut self, why: String, absent: bool) {
        self.absent = absent && self.known.is_empty() && self.report.at.is_none();
        self.report.problem = Some(why);
        self.report.resources = self.known.len() as u64;
    }
}
