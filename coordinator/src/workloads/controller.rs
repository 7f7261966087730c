//! The workload controller: the one writer of placements, of what hosts tell of them, and of how
//! workloads' updates stand.
//!
//! A loop: collect what happened, tell the scheduler, have it plan, commit the plan in groups under
//! preconditions, and only then tell agents and the scheduler what is stored. A plan made on an old
//! view is refused by the store: what it was made on is read again, and it is made anew. While a
//! commit is on its way to the disk, the next events gather and share the next one.

mod act;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tamer_model::{HostId, PlacementId, PlacementStatus, Problem, Timestamp};
use tamer_scheduler::{Plan, Queue};
use tamer_store::{Revision, Store, WatchError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::follow::HostsFollowed;
use super::handle::Workloads;
use super::hear::{self, Report};
use super::hosts::Hosts;
use super::load::load;
use super::orders::{self, Outbox};
use crate::batch::watch::Following;
use crate::clock;
use crate::fleet::Fleet;
use crate::session::Sessions;
use crate::state::{keys, unstorable};

/// Notices taken at once. Each is one message of an agent, so what waits here is bounded by this
/// times the size of a message, and is small: an agent tells of the copies of one host.
const NOTICES: usize = 1024;
/// Placements that one plan makes, at most: some tens of commits that share a sync. What is left is
/// planned next, after what happened meanwhile.
const STEP: usize = 4096;
/// How long to wait after a conflict, for the watch to bring what somebody else wrote.
const CONFLICT: Duration = Duration::from_millis(20);
/// How long to wait after the store failed, at first and at most; doubled each time.
const FAILED: Duration = Duration::from_secs(1);
const FAILED_LONGEST: Duration = Duration::from_secs(30);
/// How often it is looked whether hosts that were set aside do well again.
const LOOK: Duration = Duration::from_secs(1);

/// What a session tells the controller.
#[derive(Debug)]
pub enum Notice {
    /// A session began; its agent keeps these placements running.
    Up { host: HostId, session: u64, held: Vec<PlacementId> },
    /// How placements stand, by the coordinator's clock. `complete`: with this the agent has told of
    /// all that it has.
    Told {
        host: HostId,
        session: u64,
        complete: bool,
        reports: Vec<(PlacementId, PlacementStatus)>,
    },
}

/// Keeps workloads as they shall be.
pub struct Controller {
    store: Store,
    fleet: Fleet,
    sessions: Sessions,
    queue: Queue,
    workloads: Workloads,
    notices: mpsc::Receiver<Notice>,
    hosts: Hosts,
    /// Hosts of which something may be another than the scheduler was told.
    touched: BTreeSet<HostId>,
    /// The sessions that were told all that their hosts shall keep.
    greeted: HashMap<HostId, u64>,
    /// When to plan though nothing happens.
    wake: Option<Timestamp>,
    /// When trouble is looked at again.
    look: Option<Timestamp>,
    /// Nothing is planned before this: the store refused or failed.
    hold: Option<Timestamp>,
    /// How long the last wait was for a store that failed.
    waited: Duration,
    /// The board may not be what is stored: it is read again.
    stale: bool,
    /// There is more to plan at once.
    again: bool,
    /// Copies of workloads that are not there were not looked for since everything was read.
    unchecked: bool,
}

enum Event {
    Workloads(Result<Vec<tamer_store::Event>, WatchError>),
    Hosts(super::follow::Touched),
    Notices,
    Wake,
    Stop,
}

impl Controller {
    /// Reads everything, and returns the controller, what everybody else has of it, and the line on
    /// which sessions tell it what they hear. A session whose notice does not fit waits, and so its
    /// agent does.
    pub async fn new(
        store: Store,
        fleet: Fleet,
        sessions: Sessions,
        queue: Queue,
    ) -> Result<(Self, Workloads, mpsc::Sender<Notice>), Problem> {
        let (board, at) = load(&store, queue).await?;
        let workloads = Workloads::new(store.clone(), board, at);
        let (line, notices) = mpsc::channel(NOTICES);
        let mut controller = Self {
            store,
            fleet,
            sessions,
            queue,
            workloads: workloads.clone(),
            notices,
            hosts: Hosts::default(),
            touched: BTreeSet::new(),
            greeted: HashMap::new(),
            wake: None,
            look: None,
            hold: None,
            waited: Duration::ZERO,
            stale: false,
            again: true,
            unchecked: true,
        };
        controller.every_host();
        controller.refresh();
        Ok((controller, workloads, line))
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let hosts = HostsFollowed::new(self.store.clone(), self.fleet.clone());
        let mut watch: Option<Following> = None;
        let mut notices = Vec::with_capacity(NOTICES);
        loop {
            if watch.is_none() || self.stale {
                watch = self.begin(watch).await;
            }
            let wake = self.next_wake();
            // Every branch is cancel-safe: receivers and watches keep what they have not returned.
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => Event::Stop,
                // What people say goes before what hosts do, and that before a flood of reports.
                events = next(&mut watch) => Event::Workloads(events),
                touched = hosts.next() => Event::Hosts(touched),
                n = self.notices.recv_many(&mut notices, NOTICES) => if n == 0 { Event::Stop } else { Event::Notices },
                () = at(wake) => Event::Wake,
            };
            match event {
                Event::Stop => return,
                Event::Workloads(Ok(events)) => self.follow(events).await,
                Event::Workloads(Err(WatchError::Closed)) => return,
                Event::Workloads(Err(problem)) => {
                    warn!(%problem, "the watch on workloads ended; reading them again");
                    (watch, self.stale) = (None, true);
                }
                Event::Hosts(touched) => self.touch(touched).await,
                Event::Notices => self.hear(notices.drain(..)).await,
                Event::Wake => {}
            }
            self.look().await;
            self.converge().await;
        }
    }

    /// Follows the workloads; first reads everything again when the board may be wrong. None when the
    /// store fails; it is tried again after a wait.
    async fn begin(&mut self, watch: Option<Following>) -> Option<Following> {
        if self.hold.is_some_and(|hold| hold > clock::now()) {
            return watch;
        }
        match self.try_begin().await {
            Ok(following) => Some(following),
            Err(problem) => {
                error!(%problem, "workloads cannot be read; trying again");
                self.store_failed();
                None
            }
        }
    }

    async fn try_begin(&mut self) -> Result<Following, Problem> {
        if self.stale {
            let (board, at) = load(&self.store, self.queue).await?;
            *self.workloads.write() = board;
            self.workloads.shows(at);
            (self.stale, self.unchecked) = (false, true);
            self.hosts.begin_anew();
            self.every_host();
            self.refresh();
            self.workloads.everything_changed();
        }
        let from = self.workloads.shown();
        let watch = self.store.watch(keys::workloads(), from.next()).await;
        Ok(Following::new(watch.map_err(|error| unstorable(&error))?))
    }

    /// Takes in what people did to workloads.
    async fn follow(&mut self, events: Vec<tamer_store::Event>) {
        let last = events.iter().map(|event| event.revision).max();
        for event in events {
            if let Err(problem) = self.take_in(event).await {
                error!(%problem, "a workload cannot be read");
                self.stale = true;
            }
        }
        self.workloads.shows(last.unwrap_or(Revision::ZERO));
        self.again = true;
    }

    /// Hosts that something happened to.
    async fn touch(&mut self, touched: super::follow::Touched) {
        self.fleet.reached(touched.at).await;
        match touched.all {
            true => self.every_host(),
            false => self.touched.extend(touched.hosts),
        }
    }

    fn every_host(&mut self) {
        let (view, board) = (self.fleet.view(), self.workloads.read());
        self.touched = self.hosts.all(&view, &board);
    }

    /// Takes in what sessions told.
    async fn hear(&mut self, notices: impl Iterator<Item = Notice>) {
        // In the order of hosts, so that the same notices lead to the same messages.
        let (mut reports, mut up, mut complete_in) = (Vec::new(), BTreeMap::new(), Vec::new());
        for notice in notices {
            match notice {
                Notice::Up { host, session, held } => {
                    up.insert(host, (session, held));
                }
                Notice::Told { host, session, complete, reports: told } => {
                    let of = |(id, status)| Report { host, id, status };
                    reports.extend(told.into_iter().map(of));
                    if complete {
                        complete_in.push((host, session));
                    }
                }
            }
        }
        for (host, (session, held)) in up {
            self.greet(host, session, &held);
        }
        let heard = hear::hear(&self.workloads.read(), reports, clock::now());
        let mut outbox = Outbox::default();
        for (host, id) in heard.unknown {
            outbox.gone(host, id, "the fleet does not know it");
        }
        outbox.send(&self.sessions, &self.greeted);
        self.perform(heard.deeds).await;
        // Only now the board shows what they told.
        for (host, session) in complete_in {
            self.hosts.has_told(host, session);
            self.touched.insert(host);
        }
    }

    /// Tells an agent all that its host shall keep; from now on, only what changes.
    fn greet(&mut self, host: HostId, session: u64, held: &[PlacementId]) {
        self.touched.insert(host);
        let live = self.sessions.get(host).filter(|live| live.number == session);
        let Some(live) = live else { return };
        if live.wire_minor >= orders::SPOKEN_SINCE {
            orders::greet(&self.workloads.read(), host, held, &live);
            self.greeted.insert(host, session);
        }
    }

    /// Sees whether hosts that were set aside do well again.
    async fn look(&mut self) {
        let now = clock::now();
        let troubled = self.workloads.read().troubles().len() > 0;
        match (troubled, self.look) {
            (false, _) => self.look = None,
            (true, Some(look)) if look > now => {}
            (true, _) => {
                self.look = Some(now.plus(LOOK));
                let overcome = hear::overcome(&self.workloads.read(), now);
                self.perform(overcome).await;
            }
        }
    }

    /// Tells the scheduler how hosts are, and does what it plans.
    async fn converge(&mut self) {
        self.refresh();
        let now = clock::now();
        self.again = false;
        if self.stale || self.hold.is_some_and(|hold| hold > now) {
            return;
        }
        if self.hold.take().is_some() {
            self.workloads.write().touch_all();
        }
        self.sweep().await;
        let plan = self.workloads.write().step(now, STEP);
        self.wake = plan.wake;
        let Plan { make, stop, workloads, unplaced, wake: _, more } = plan;
        self.workloads.changed(unplaced.iter().map(|one| &one.workload), []);
        let done = self.carry_out(make, stop, workloads, now).await;
        // What is stored now may let more be done; what was refused is tried after the wait.
        self.again = (done || more) && self.hold.is_none();
    }

    fn refresh(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() {
            return;
        }
        let changed = {
            let (view, mut board) = (self.fleet.view(), self.workloads.write());
            self.hosts.refresh(&touched, &view, &self.sessions, &mut board, clock::now())
        };
        self.greeted.retain(|host, _| self.hosts.knows(*host) || !touched.contains(host));
        self.workloads.changed([], changed);
    }

    fn next_wake(&self) -> Option<Timestamp> {
        if self.again {
            return Some(Timestamp::default());
        }
        let planned = self.wake.filter(|_| self.hold.is_none());
        [planned, self.look, self.hold].into_iter().flatten().min()
    }

    /// Waits longer each time the store fails.
    fn store_failed(&mut self) {
        self.waited = (self.waited * 2).clamp(FAILED, FAILED_LONGEST);
        self.hold = Some(clock::now().plus(self.waited));
        self.stale = true;
    }
}

async fn next(watch: &mut Option<Following>) -> Result<Vec<tamer_store::Event>, WatchError> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

/// Waits until a time of the clock; for ever without one.
async fn at(wake: Option<Timestamp>) {
    match wake {
        Some(wake) => tokio::time::sleep(wake.since(clock::now())).await,
        None => std::future::pending().await,
    }
}
