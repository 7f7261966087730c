//! What the keeper does while the technology is there: events, checks, looks and lists.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, pending};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tamer_model::NativeId;
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::keeper::{End, check};
use crate::{EventStream, Fault, FaultKind, Probe, ProviderEvent, Result};

/// Instances looked at at once; the others wait for the next settling.
const LOOKS: usize = 8;

/// What happened.
enum Step {
    Event(Option<Result<ProviderEvent>>),
    Done(Done),
    /// A call found nobody there.
    Suspect,
    /// Something was marked to be looked at.
    Marked,
    /// A time has come.
    Due,
}

/// What was found out.
enum Done {
    Checked(Result<Probe>),
    Listed(Result<()>),
    Looked(NativeId, Result<()>),
}

struct Serving<'a> {
    shared: &'a Arc<Shared>,
    /// How often everything is listed.
    list_every: Duration,
    /// When to check, list and look; none while that is under way or not wanted.
    check_at: Option<Instant>,
    list_at: Option<Instant>,
    look_at: Option<Instant>,
    /// Wanted again, while one is under way.
    check_again: bool,
    list_again: bool,
    looking: BTreeSet<NativeId>,
    /// At most one check, one list and [`LOOKS`] looks.
    work: FuturesUnordered<BoxFuture<'static, Done>>,
}

/// Serves the technology until it is lost.
pub(super) async fn serve(shared: &Arc<Shared>, mut events: Option<EventStream>) -> End {
    let mut serving = Serving::new(shared, events.is_some());
    loop {
        let due = serving.due();
        // Cancel-safe: the streams keep what was not taken, a notification that was not taken
        // stays, and sleeping again until the same time changes nothing. What comes seldom goes
        // first, so that a flood of events hides nothing.
        let step = tokio::select! {
            biased;
            () = sleep_until(due) => Step::Due,
            () = shared.suspect.notified() => Step::Suspect,
            Some(done) = serving.work.next() => Step::Done(done),
            () = shared.dirty.marked() => Step::Marked,
            event = next(&mut events) => Step::Event(event),
        };
        if let Some(end) = serving.take(step) {
            return end;
        }
    }
}

async fn next(events: &mut Option<EventStream>) -> Option<Result<ProviderEvent>> {
    match events {
        Some(events) => events.next().await,
        None => pending().await,
    }
}

impl<'a> Serving<'a> {
    fn new(shared: &'a Arc<Shared>, events: bool) -> Self {
        let settings = &shared.settings;
        let list_every = if events { settings.list_every } else { settings.poll_every };
        let now = Instant::now();
        Self {
            shared,
            list_every,
            check_at: Some(now + settings.check_every),
            list_at: Some(now + list_every),
            // Something may have been marked while nobody served.
            look_at: Some(now + settings.settle),
            check_again: false,
            list_again: false,
            looking: BTreeSet::new(),
            work: FuturesUnordered::new(),
        }
    }

    /// When something is due next; a check is due or under way at any time.
    fn due(&self) -> Instant {
        let far = || Instant::now() + self.shared.settings.check_every;
        let times = [self.check_at, self.list_at, self.look_at];
        times.into_iter().flatten().min().unwrap_or_else(far)
    }

    /// Decides what to do about what happened.
    fn take(&mut self, step: Step) -> Option<End> {
        match step {
            Step::Event(None) => return Some(End::Unsure),
            Step::Event(Some(Err(fault))) => {
                tracing::debug!(%fault, "events ended");
                return Some(End::Unsure);
            }
            Step::Event(Some(Ok(ProviderEvent::Instance(id)))) => self.shared.dirty.add(id),
            Step::Event(Some(Ok(ProviderEvent::Lost))) => self.shared.dirty.add_all(),
            Step::Event(Some(Ok(ProviderEvent::Other))) => {}
            Step::Suspect => self.want_check(),
            Step::Marked => self.want_look(),
            Step::Due => self.begin_due(),
            Step::Done(Done::Checked(Ok(probe))) => {
                self.shared.here(probe);
                let pause = if self.check_again { Duration::ZERO } else { self.check_every() };
                self.check_again = false;
                self.check_at = Some(Instant::now() + pause);
            }
            Step::Done(Done::Checked(Err(fault))) => return Some(End::Away(fault)),
            Step::Done(Done::Listed(outcome)) => {
                let pause = if self.list_again { Duration::ZERO } else { self.list_every };
                self.list_again = false;
                self.list_at = Some(Instant::now() + pause);
                self.failed("list", outcome);
            }
            Step::Done(Done::Looked(id, outcome)) => {
                self.looking.remove(&id);
                self.failed("get", outcome);
            }
        }
        None
    }

    /// A reading that failed: whether the technology is there is for a check to say.
    fn failed(&mut self, what: &str, outcome: Result<()>) {
        let Err(fault) = outcome else { return };
        match fault.kind {
            FaultKind::NotFound => {}
            FaultKind::Unavailable | FaultKind::Timeout => self.want_check(),
            _ => tracing::warn!(
                provider = %self.shared.provider.name(), %fault, what, "instances cannot be read"
            ),
        }
    }

    fn check_every(&self) -> Duration {
        self.shared.settings.check_every
    }

    fn want_check(&mut self) {
        match &mut self.check_at {
            Some(at) => *at = Instant::now(),
            None => self.check_again = true,
        }
    }

    fn want_look(&mut self) {
        let settled = Instant::now() + self.shared.settings.settle;
        self.look_at.get_or_insert(settled);
    }

    fn begin_due(&mut self) {
        let now = Instant::now();
        let due = |at: &mut Option<Instant>| at.take_if(|at| *at <= now).is_some();
        if due(&mut self.check_at) {
            let shared = self.shared.clone();
            self.work.push(
                async move { Done::Checked(check(&shared, shared.settings.check).await) }.boxed(),
            );
        }
        if due(&mut self.look_at) {
            self.look();
        }
        if due(&mut self.list_at) {
            let list = self.shared.list();
            self.work.push(async move { Done::Listed(list.await.map(drop)) }.boxed());
        }
    }

    /// Looks at what was marked, or lists everything when that was.
    fn look(&mut self) {
        let stale = self.shared.dirty.take();
        if stale.all {
            match &mut self.list_at {
                Some(at) => *at = Instant::now(),
                None => self.list_again = true,
            }
        }
        for id in stale.ids {
            // One that is being looked at may have been read before it changed.
            if self.looking.len() >= LOOKS || self.looking.contains(&id) {
                self.shared.dirty.add(id);
                continue;
            }
            self.looking.insert(id.clone());
            let shared = self.shared.clone();
            let look = async move {
                let outcome: std::result::Result<(), Fault> = shared.look(&id).await.map(drop);
                Done::Looked(id, outcome)
            };
            self.work.push(look.boxed());
        }
    }
}
