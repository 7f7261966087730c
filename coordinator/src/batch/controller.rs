//! The batch controller: the one writer of task records and of the ends of batches.
//!
//! A loop: collect what happened, decide about every task it touches, commit all decisions in as
//! few commits as fit, and only then act on them: send, acknowledge, publish. Nothing is sent that
//! was not written first, and no end is acknowledged to an agent before it is stored. While a
//! commit is on its way to the disk, the next events gather and share the next one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tamer_model::{
    Batch, BatchId, Code, HostId, JournalId, KeptOutput, LeaseName, Problem, Spot, Stand, TaskEnd,
    TaskId, TaskRecord, TaskState, Timestamp,
};
use tamer_proto::wire::coordinator_message::Message;
use tamer_proto::{start_task, wire};
use tamer_store::{Change, Commit, CommitError, Range, Revision, Store, WatchError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::decide::{HostIs, Known, Step, Told, decide};
use super::feed::{Feeds, News};
use super::group::{Decided, group};
use super::open::{Open, Slot};
use super::plan::{self, Room};
use super::watch::Following;
use super::{make, targets};
use crate::clock;
use crate::fleet::Fleet;
use crate::session::Sessions;
use crate::state::{Unstorable, encode, keys};

/// Notices taken at once: what one pass decides about.
const NOTICES: usize = 1024;
/// How often hosts are looked at for changes of state.
const TICK: Duration = Duration::from_millis(500);

/// What a session tells the controller.
#[derive(Debug)]
pub enum Notice {
    /// A session began; its agent's journal holds these tasks.
    Up { host: HostId, session: u64, held: Vec<(TaskId, bool)> },
    /// A task was started.
    Started { task: TaskId, journal: JournalId, at: Timestamp },
    /// A task ended. The agent tells it until it hears that the end is stored.
    Ended { task: TaskId, end: Box<TaskEnd>, output: KeptOutput },
}

/// Drives the batches that have not ended.
pub struct Controller {
    store: Store,
    fleet: Fleet,
    sessions: Sessions,
    feeds: Feeds,
    notices: mpsc::Receiver<Notice>,
    open: BTreeMap<BatchId, Open>,
    /// Attempts in flight that something happened to.
    dirty: BTreeSet<TaskId>,
}

enum Event {
    Notices,
    Batches(Result<Vec<tamer_store::Event>, WatchError>),
    Tick,
    Wake,
    Stop,
}

impl Controller {
    /// A controller and the line on which sessions tell it what they hear. The line holds one pass;
    /// a session whose notice does not fit waits, and so its agent does.
    pub fn new(
        store: Store,
        fleet: Fleet,
        sessions: Sessions,
        feeds: Feeds,
    ) -> (Self, mpsc::Sender<Notice>) {
        let (line, notices) = mpsc::channel(NOTICES);
        let (open, dirty) = (BTreeMap::new(), BTreeSet::new());
        (Self { store, fleet, sessions, feeds, notices, open, dirty }, line)
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut watch = None;
        let mut notices = Vec::with_capacity(NOTICES);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if watch.is_none() {
                watch = self
                    .begin()
                    .await
                    .inspect_err(|problem| error!(%problem, "batches cannot be read; trying again"))
                    .ok();
            }
            let wake = self.wake();
            // Every branch is cancel-safe: receivers and watches keep what they have not returned.
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => Event::Stop,
                // What people say goes before a flood of results.
                events = next(&mut watch) => Event::Batches(events),
                () = at(wake) => Event::Wake,
                n = self.notices.recv_many(&mut notices, NOTICES) => if n == 0 { Event::Stop } else { Event::Notices },
                _ = tick.tick() => Event::Tick,
            };
            let mut decided = Vec::new();
            match event {
                Event::Stop => return,
                Event::Notices => decided = self.hear(notices.drain(..)),
                Event::Batches(Ok(events)) => self.follow(events).await,
                Event::Batches(Err(problem)) => {
                    warn!(%problem, "the watch on batches ended; reading them again");
                    watch = None;
                }
                Event::Tick => self.all_dirty(),
                Event::Wake => {}
            }
            decided.extend(self.decide());
            self.perform(decided).await;
            self.proceed().await;
            self.finish().await;
        }
    }

    /// Plans until there is nothing to do but to wait: what is done may open the next wave at once.
    async fn proceed(&mut self) {
        loop {
            let (mut decided, stands) = self.plan();
            decided.extend(self.decide());
            self.stand(stands).await;
            if decided.is_empty() {
                return;
            }
            self.perform(decided).await;
        }
    }

    /// When the next batch wants to be planned though nothing happens.
    fn wake(&self) -> Option<Timestamp> {
        self.open.values().filter_map(|open| open.wake).min()
    }

    /// Reads every batch that has not ended, and follows the batches from there.
    async fn begin(&mut self) -> Result<Following, Problem> {
        let from = self.store.revision().await.map_err(Unstorable::problem)?;
        let watch = self
            .store
            .watch(keys::batches(), from.next())
            .await
            .map_err(|e| crate::state::unstorable(&e))?;
        let following = Following::new(watch);
        let mut next = Some(Range::prefix(&keys::actives()));
        while let Some(range) = next {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in page.entries {
                if let Ok(id) = keys::tail(&entry.key).parse() {
                    self.load(id).await?;
                }
            }
            next = page.next;
        }
        Ok(following)
    }

    async fn load(&mut self, id: BatchId) -> Result<(), Problem> {
        if let Some(open) = Open::load(&self.store, id).await? {
            self.feeds.opened(id);
            self.dirty.extend(open.in_flight());
            self.open.insert(id, open);
        }
        Ok(())
    }

    /// Takes in new batches and cancellations.
    async fn follow(&mut self, events: Vec<tamer_store::Event>) {
        for event in events {
            let Change::Put(entry) = event.change else { continue };
            let Ok(id) = keys::tail(&entry.key).parse::<BatchId>() else { continue };
            match self.open.get_mut(&id) {
                Some(open) if open.batch_at >= entry.modified => {}
                Some(open) => match crate::state::decode(&entry.key, &entry.value) {
                    Ok(batch) => {
                        open.changed(batch, entry.modified);
                        self.dirty.extend(open.in_flight());
                        self.feeds.publish(id, News::Batch(Arc::new(open.batch.clone())));
                    }
                    Err(problem) => error!(%problem, "a batch cannot be read"),
                },
                None => {
                    if let Err(problem) = self.load(id).await {
                        error!(%problem, batch = %id, "a batch cannot be read");
                    }
                }
            }
        }
    }

    fn all_dirty(&mut self) {
        self.dirty.extend(self.open.values().flat_map(Open::in_flight));
        self.open.values_mut().for_each(|open| open.touched = true);
    }

    /// Takes in what sessions told.
    fn hear(&mut self, notices: impl Iterator<Item = Notice>) -> Vec<Decided> {
        let now = clock::now();
        let mut decided: BTreeMap<TaskId, Decided> = BTreeMap::new();
        for notice in notices {
            match notice {
                Notice::Up { host, session, held } => self.hello(host, session, &held),
                Notice::Started { task, journal, at } => {
                    if let Some(one) = self.started(task, journal, at) {
                        decided.entry(task).or_insert(one);
                    }
                }
                Notice::Ended { task, end, output } => match self.ended(task, *end, now) {
                    Some(one) => {
                        decided.insert(task, Decided { output: Some(output), ..one });
                    }
                    // Its end is stored, or its batch was removed: nothing to write, all to forget.
                    None => self.acknowledge(task),
                },
            }
        }
        decided.into_values().collect()
    }

    fn hello(&mut self, host: HostId, session: u64, held: &[(TaskId, bool)]) {
        let held: BTreeMap<TaskId, bool> = held.iter().copied().collect();
        for (id, open) in &mut self.open {
            open.touched |= open.concerns(host);
            for (spot, slot) in open.tasks.range_mut(Spot::all_of(host)) {
                let task = TaskId::at(*id, *spot).attempt(slot.record.attempt);
                if slot.is_in_flight() && slot.sent_in.is_none_or(|sent_in| sent_in < session) {
                    slot.told = if held.contains_key(&task) { Told::Held } else { Told::NotHeld };
                    slot.cancel_sent = false;
                    self.dirty.insert(task);
                }
            }
        }
        // What nobody waits for any more is ended: its end was given up while the host was lost.
        for (task, ended) in held {
            if !ended && self.slot(task).is_none() {
                self.send(host, Message::CancelTask(wire::CancelTask { task: Some(task.into()) }));
            }
        }
    }

    fn started(&self, task: TaskId, journal: JournalId, at: Timestamp) -> Option<Decided> {
        let slot = self.slot(task)?;
        let fresh = matches!(slot.record.state, TaskState::Dispatched { .. });
        let state = TaskState::Running { journal, started_at: at };
        let record = TaskRecord { state, ..slot.record.clone() };
        fresh.then_some(Decided { task, at: slot.at, record, output: None })
    }

    /// What becomes of a task whose attempt ended so; none when nobody waits for that.
    fn ended(&self, task: TaskId, end: TaskEnd, now: Timestamp) -> Option<Decided> {
        let slot = self.slot(task)?;
        let record = self.open.get(&task.batch)?.ended_record(slot, end, now);
        Some(Decided { task, at: slot.at, record, output: None })
    }

    /// The target of a task, if that is the attempt under way there.
    fn slot(&self, task: TaskId) -> Option<&Slot> {
        self.open.get(&task.batch)?.slot_of(task)
    }

    /// Decides about every attempt in flight that something happened to.
    fn decide(&mut self) -> Vec<Decided> {
        let dirty = std::mem::take(&mut self.dirty);
        let now = clock::now();
        dirty.into_iter().filter_map(|task| self.decide_one(task, now)).collect()
    }

    fn decide_one(&mut self, task: TaskId, now: Timestamp) -> Option<Decided> {
        let host = self.host_is(task.host);
        let open = self.open.get(&task.batch)?;
        let lost_wait = Duration::from_millis(open.batch.lost_wait_ms);
        let slot = open.slot_of(task)?;
        let known = Known { ending: open.ending, lost_wait, now };
        let record = match decide(&slot.record.state, host, slot.told, known) {
            Step::Wait => return None,
            Step::Cancel => {
                self.cancel(task);
                return None;
            }
            Step::Return => {
                TaskRecord { state: TaskState::Pending, sent_at: None, ..slot.record.clone() }
            }
            Step::Run(journal) => {
                let state = TaskState::Running { journal, started_at: now };
                TaskRecord { state, ..slot.record.clone() }
            }
            Step::End(end) => open.ended_record(slot, end, now),
        };
        Some(Decided { task, at: slot.at, record, output: None })
    }

    /// Asks an agent to end a task, once in a session.
    fn cancel(&mut self, task: TaskId) {
        let slot = self.open.get_mut(&task.batch).and_then(|o| o.tasks.get_mut(&task.spot()));
        if slot.is_some_and(|slot| !std::mem::replace(&mut slot.cancel_sent, true)) {
            let cancel = wire::CancelTask { task: Some(task.into()) };
            self.send(task.host, Message::CancelTask(cancel));
        }
    }

    fn host_is(&self, host: HostId) -> HostIs {
        match (self.sessions.get(host), self.fleet.view().host(host)) {
            (_, None) => HostIs::Gone,
            (Some(live), Some(_)) => HostIs::Connected(live.journal),
            (None, Some(member)) => HostIs::Away(member.status.state, member.status.since),
        }
    }

    /// Plans every batch that something happened to, the oldest first.
    fn plan(&mut self) -> (Vec<Decided>, Vec<(BatchId, Stand)>) {
        let now = clock::now();
        let due = |open: &Open| open.touched || open.wake.is_some_and(|wake| wake <= now);
        let ids: Vec<_> = self.open.iter().filter(|(_, o)| due(o)).map(|(id, _)| *id).collect();
        let (mut decided, mut stands) = (Vec::new(), Vec::new());
        let mut sending: HashMap<HostId, usize> = HashMap::new();
        let mut leased: HashMap<LeaseName, usize> = HashMap::new();
        for id in ids {
            let free = plan::free(&self.open, id, &leased);
            // Taken out for the time, so that the others can be counted.
            let Some(mut open) = self.open.remove(&id) else { continue };
            let view = self.fleet.view();
            let mut room = Room { others: &self.open, sent: &mut sending };
            let planned = plan::plan(&mut open, &view, &self.sessions, free, &mut room, now);
            drop(view);
            let sent = planned.records.iter();
            let sent =
                sent.filter(|(_, r)| matches!(r.state, TaskState::Dispatched { .. })).count();
            for lease in &open.batch.leases {
                *leased.entry(lease.name.clone()).or_default() += sent;
            }
            for (spot, record) in planned.records {
                let slot = &open.tasks[&spot];
                let task = TaskId::at(id, spot).attempt(record.attempt);
                decided.push(Decided { task, at: slot.at, record, output: None });
            }
            stands.extend(planned.stand.map(|stand| (id, stand)));
            let cancel: Vec<_> = planned.cancel.iter().filter_map(|s| open.task(*s)).collect();
            self.open.insert(id, open);
            // Those whose hosts are away are decided about too.
            self.dirty.extend(cancel);
        }
        (decided, stands)
    }

    /// Writes down how batches stand now.
    async fn stand(&mut self, stands: Vec<(BatchId, Stand)>) {
        for (id, stand) in stands {
            let Some(open) = self.open.get(&id) else { continue };
            let batch = Batch { stand, stand_since: clock::now(), ..open.batch.clone() };
            let commit = Commit::new()
                .modified_at(keys::batch(id), open.batch_at)
                .put(keys::batch(id), encode(&batch));
            match self.store.commit(commit).await {
                Ok(at) => {
                    info!(batch = %id, stand = ?batch.stand, "a batch stands anew");
                    self.feeds.publish(id, News::Batch(Arc::new(batch.clone())));
                    if let Some(open) = self.open.get_mut(&id) {
                        (open.batch, open.batch_at) = (batch, at);
                    }
                }
                // A person was first: the watch brings what was said, and it is planned anew.
                Err(CommitError::Conflict { .. }) => {}
                Err(problem) => error!(%problem, batch = %id, "its stand could not be written"),
            }
        }
    }

    /// Commits what was decided, and then acts on it.
    async fn perform(&mut self, mut decided: Vec<Decided>) {
        // What an agent told of a task stands before what was decided without it.
        let mut seen = BTreeSet::new();
        decided.retain(|one| seen.insert((one.task.batch, one.task.spot())));
        let groups = group(decided);
        let commits = groups.iter().map(|(commit, _)| self.store.commit(commit.clone()));
        let results = join_all(commits).await;
        for ((_, group), result) in groups.into_iter().zip(results) {
            match result {
                Ok(revision) => group.into_iter().for_each(|one| self.done(one, revision)),
                Err(problem) => self.failed(&problem, &group).await,
            }
        }
    }

    fn done(&mut self, Decided { task, at: _, record, output }: Decided, revision: Revision) {
        let Some(open) = self.open.get_mut(&task.batch) else { return };
        open.set(task.spot(), record.clone(), revision);
        if output.is_some() {
            self.acknowledge(task);
        }
        if matches!(record.state, TaskState::Dispatched { .. }) {
            self.start(task);
            return;
        }
        let news = News::Task(task.spot(), Arc::new(record), output.map(Arc::new));
        self.feeds.publish(task.batch, news);
    }

    fn start(&mut self, task: TaskId) {
        let Some(open) = self.open.get(&task.batch) else { return };
        let Some(work) = open.batch.action.work(open.instance(task.spot())) else { return };
        let session = self.send(task.host, Message::StartTask(start_task(task, work)));
        if let Some(slot) =
            self.open.get_mut(&task.batch).and_then(|open| open.tasks.get_mut(&task.spot()))
        {
            slot.sent_in = session.or(slot.sent_in);
        }
    }

    /// A commit that failed changed nothing that is known: the batches in it are read again, and
    /// everything about them is decided anew. An end that was not stored was not acknowledged, and
    /// comes again.
    async fn failed(&mut self, problem: &CommitError, group: &[Decided]) {
        match problem {
            CommitError::Conflict { .. } => {
                info!(%problem, "another writer was first; reading its batch again")
            }
            CommitError::Invalid(_)
            | CommitError::Full(_)
            | CommitError::Unavailable(_)
            | CommitError::OutcomeUnknown(_)
            | CommitError::Closed => error!(%problem, "tasks could not be written"),
        }
        let batches: BTreeSet<_> = group.iter().map(|one| one.task.batch).collect();
        for id in batches {
            if let Err(problem) = self.load(id).await {
                error!(%problem, batch = %id, "a batch cannot be read");
            }
        }
        for one in group.iter().filter(|one| one.output.is_some()) {
            // The agent tells the end again in its next session.
            if let Some(live) = self.sessions.get(one.task.host) {
                live.close("store-failed", "an end could not be stored");
            }
        }
    }

    /// Ends the batches whose targets have all ended.
    async fn finish(&mut self) {
        let now = clock::now();
        let ended: Vec<_> = self
            .open
            .values_mut()
            .filter_map(|open| {
                let batch = open.ended(now)?;
                let undo = open.over.take().map(|over| over.undo).unwrap_or_default();
                Some((batch, open.batch_at, undo))
            })
            .collect();
        for (batch, at, undo) in ended {
            let id = batch.id;
            match self.end(batch, at, undo).await {
                Ok(batch) => {
                    info!(batch = %id, state = batch.state.as_str(), "batch ended");
                    self.open.remove(&id);
                    self.feeds.closed(id);
                    self.feeds.publish(id, News::Batch(Arc::new(batch)));
                }
                // A person was first: the watch brings what was said, and the next pass ends it.
                Err(problem) if problem.code == Code::Conflict => self.touch(id),
                Err(problem) => {
                    error!(%problem, batch = %id, "the end of a batch could not be written");
                    self.touch(id);
                }
            }
        }
    }

    fn touch(&mut self, id: BatchId) {
        if let Some(open) = self.open.get_mut(&id) {
            open.touched = true;
        }
    }

    /// Writes the end of a batch and, in the same commit, the batch that undoes it.
    async fn end(&self, mut batch: Batch, at: Revision, undo: Vec<Spot>) -> Result<Batch, Problem> {
        let mut commit = Commit::new();
        if let (false, Some(action)) = (undo.is_empty(), batch.undo.clone()) {
            let undo: BTreeSet<_> = undo.into_iter().collect();
            let mut frozen = targets::read(&self.store, batch.id).await?;
            frozen.retain(|target| undo.contains(&target.spot()));
            let undoing = make::undoing(&batch, *action, frozen.len());
            commit = make::write(&self.store, &undoing, &frozen).await?;
            batch.undone_by = Some(undoing.id);
        }
        let commit = commit
            .modified_at(keys::batch(batch.id), at)
            .put(keys::batch(batch.id), encode(&batch))
            .delete(keys::active(batch.id));
        self.store.commit(commit).await.map_err(Unstorable::problem)?;
        Ok(batch)
    }

    fn acknowledge(&self, task: TaskId) {
        self.send(task.host, Message::EndStored(wire::EndStored { task: Some(task.into()) }));
    }

    /// Queues a message to a host, and says in which session.
    fn send(&self, host: HostId, message: Message) -> Option<u64> {
        let live = self.sessions.get(host)?;
        live.send(message);
        Some(live.number)
    }
}

async fn next(watch: &mut Option<Following>) -> Result<Vec<tamer_store::Event>, WatchError> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

/// Waits until a time of the clock; for ever without one. The tick looks again after a jump of the
/// clock.
async fn at(wake: Option<Timestamp>) {
    match wake {
        Some(wake) => tokio::time::sleep(wake.since(clock::now())).await,
        None => std::future::pending().await,
    }
}
