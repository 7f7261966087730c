//! The batch controller: the one writer of task records and of the ends of batches.
//!
//! A loop: collect what happened, decide about every task it touches, commit all decisions in as
//! few commits as fit, and only then act on them: send, acknowledge, publish. Nothing is sent that
//! was not written first, and no end is acknowledged to an agent before it is stored. While a
//! commit is on its way to the disk, the next events gather and share the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tamer_model::{
    BatchId, HostId, JournalId, KeptOutput, Problem, Spot, TaskEnd, TaskId, TaskRecord, TaskState,
    Timestamp,
};
use tamer_proto::wire::coordinator_message::Message;
use tamer_proto::{start_task, wire};
use tamer_store::{
    Change, Commit, CommitError, MAX_COMMIT_BYTES, Range, Revision, Store, Watch, WatchError,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::decide::{HostIs, Known, Step, Told, decide};
use super::feed::{Feeds, News};
use super::open::Open;
use crate::clock;
use crate::fleet::Fleet;
use crate::session::Sessions;
use crate::state::{StoredOutput, Unstorable, encode, keys};

/// Notices taken at once: what one pass decides about.
const NOTICES: usize = 1024;
/// How often hosts are looked at for changes of state.
const TICK: Duration = Duration::from_millis(500);
/// Writes to a commit, of 128 that a store accepts: a task and its output are two.
const TASKS_PER_COMMIT: usize = 60;
/// Tasks of one host that were sent and not started. A batch may mean a thousand instances of a
/// host; what is queued to its session has a bound.
const UNDER_WAY: usize = 32;

/// What a session tells the controller.
#[derive(Debug)]
pub enum Notice {
    /// A session began; its agent's journal holds these tasks.
    Up { host: HostId, session: u64, held: Vec<(TaskId, bool)> },
    /// A task was started.
    Started { task: TaskId, journal: JournalId, at: Timestamp },
    /// A task ended. The agent tells it until it hears that the end is stored.
    Ended { task: TaskId, end: TaskEnd, output: KeptOutput },
}

/// Drives the batches that have not ended.
pub struct Controller {
    store: Store,
    fleet: Fleet,
    sessions: Sessions,
    feeds: Feeds,
    notices: mpsc::Receiver<Notice>,
    open: BTreeMap<BatchId, Open>,
    dirty: BTreeSet<TaskId>,
    /// Tasks for which there may be room now that others of their hosts moved on.
    next: BTreeSet<TaskId>,
}

/// A decision about one task, on its way to the store.
struct Decided {
    task: TaskId,
    at: Option<Revision>,
    state: TaskState,
    output: Option<KeptOutput>,
}

enum Event {
    Notices,
    Batches(Result<Vec<tamer_store::Event>, WatchError>),
    Tick,
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
        let open = BTreeMap::new();
        let (dirty, next) = (BTreeSet::new(), BTreeSet::new());
        (Self { store, fleet, sessions, feeds, notices, open, dirty, next }, line)
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
            // Every branch is cancel-safe: receivers and watches keep what they have not returned.
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => Event::Stop,
                n = self.notices.recv_many(&mut notices, NOTICES) => if n == 0 { Event::Stop } else { Event::Notices },
                events = next(&mut watch) => Event::Batches(events),
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
            }
            decided.extend(self.decide());
            self.perform(decided).await;
            while !self.next.is_empty() {
                let next = std::mem::take(&mut self.next);
                self.dirty.extend(next);
                let decided = self.decide();
                self.perform(decided).await;
            }
            self.finish().await;
        }
    }

    /// Reads every batch that has not ended, and follows the batches from there.
    async fn begin(&mut self) -> Result<Watch, Problem> {
        let from = self.store.revision().await.map_err(Unstorable::problem)?;
        let watch = self
            .store
            .watch(keys::batches(), from.next())
            .await
            .map_err(|e| crate::state::unstorable(&e))?;
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
        Ok(watch)
    }

    async fn load(&mut self, id: BatchId) -> Result<(), Problem> {
        if let Some(open) = Open::load(&self.store, id).await? {
            self.feeds.opened(id);
            self.dirty.extend(open.open_tasks());
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
                        (open.batch, open.batch_at) = (batch, entry.modified);
                        self.dirty.extend(open.open_tasks());
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
        self.dirty.extend(self.open.values().flat_map(Open::open_tasks));
    }

    /// Takes in what sessions told.
    fn hear(&mut self, notices: impl Iterator<Item = Notice>) -> Vec<Decided> {
        let mut decided: BTreeMap<TaskId, Decided> = BTreeMap::new();
        for notice in notices {
            match notice {
                Notice::Up { host, session, held } => self.hello(host, session, &held),
                Notice::Started { task, journal, at } => {
                    if let Some(one) = self.started(task, journal, at) {
                        decided.entry(task).or_insert(one);
                    }
                }
                Notice::Ended { task, end, output } => match self.revision_of(task) {
                    Some(at) => {
                        let state = TaskState::Ended(end);
                        decided.insert(task, Decided { task, at, state, output: Some(output) });
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
            let tasks = open.tasks.range_mut(Spot::all_of(host));
            for (spot, slot) in tasks.filter(|(_, slot)| slot.state.end().is_none()) {
                let task = TaskId::at(*id, *spot);
                if slot.sent_in.is_none_or(|sent_in| sent_in < session) {
                    slot.told = if held.contains_key(&task) { Told::Held } else { Told::NotHeld };
                    slot.cancel_sent = false;
                    self.dirty.insert(task);
                }
            }
        }
        // What nobody waits for any more is ended: its end was given up while the host was lost.
        for (task, ended) in held {
            if !ended && self.revision_of(task).is_none() {
                self.send(host, Message::CancelTask(wire::CancelTask { task: Some(task.into()) }));
            }
        }
    }

    fn started(&self, task: TaskId, journal: JournalId, at: Timestamp) -> Option<Decided> {
        let slot = self.open.get(&task.batch)?.tasks.get(&task.spot())?;
        let fresh = matches!(slot.state, TaskState::Dispatched { .. });
        let state = TaskState::Running { journal, started_at: at };
        fresh.then_some(Decided { task, at: slot.at, state, output: None })
    }

    /// The revision of the record of a task that has no end.
    fn revision_of(&self, task: TaskId) -> Option<Option<Revision>> {
        let slot = self.open.get(&task.batch)?.tasks.get(&task.spot())?;
        slot.state.end().is_none().then_some(slot.at)
    }

    /// Decides about every task that something happened to.
    fn decide(&mut self) -> Vec<Decided> {
        let dirty = std::mem::take(&mut self.dirty);
        let now = clock::now();
        let mut sending = BTreeMap::new();
        let mut decided = Vec::new();
        for task in dirty {
            let Some(one) = self.decide_one(task, now, &sending) else { continue };
            if matches!(one.state, TaskState::Dispatched { .. }) {
                *sending.entry(task.host).or_default() += 1;
            }
            decided.push(one);
        }
        decided
    }

    /// How many tasks of a host were sent and not started, with those that this pass sends.
    fn under_way(&self, host: HostId, sending: &BTreeMap<HostId, usize>) -> usize {
        let sent: usize = self.open.values().map(|open| open.under_way(host)).sum();
        sent + sending.get(&host).copied().unwrap_or_default()
    }

    fn decide_one(
        &mut self,
        task: TaskId,
        now: Timestamp,
        sending: &BTreeMap<HostId, usize>,
    ) -> Option<Decided> {
        let host = self.host_is(task.host);
        let pending = self.open.get(&task.batch)?.tasks.get(&task.spot())?.at.is_none();
        let full = pending && self.under_way(task.host, sending) >= UNDER_WAY;
        let open = self.open.get_mut(&task.batch)?;
        let known = Known {
            cancelled: open.batch.cancel.is_some(),
            lost_wait: Duration::from_millis(open.batch.lost_wait_ms),
            now,
        };
        let slot = open.tasks.get_mut(&task.spot())?;
        let state = match decide(&slot.state, host, slot.told, known) {
            Step::Wait => return None,
            Step::Cancel => {
                if !std::mem::replace(&mut slot.cancel_sent, true) {
                    self.send(
                        task.host,
                        Message::CancelTask(wire::CancelTask { task: Some(task.into()) }),
                    );
                }
                return None;
            }
            Step::Dispatch(_) if full => return None,
            Step::Dispatch(journal) => TaskState::Dispatched { at: now, journal },
            Step::Run(journal) => TaskState::Running { journal, started_at: now },
            Step::End(end) => TaskState::Ended(end),
        };
        Some(Decided { task, at: slot.at, state, output: None })
    }

    fn host_is(&self, host: HostId) -> HostIs {
        match (self.sessions.get(host), self.fleet.view().host(host)) {
            (_, None) => HostIs::Gone,
            (Some(live), Some(_)) => HostIs::Connected(live.journal),
            (None, Some(member)) => HostIs::Away(member.status.state, member.status.since),
        }
    }

    /// Commits what was decided, and then acts on it.
    async fn perform(&mut self, mut decided: Vec<Decided>) {
        // What an agent told of a task stands before what was decided without it.
        let mut seen = BTreeSet::new();
        decided.retain(|one| seen.insert(one.task));
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

    fn done(&mut self, Decided { task, at: _, state, output }: Decided, revision: Revision) {
        let Some(open) = self.open.get_mut(&task.batch) else { return };
        open.set(task.spot(), state.clone(), revision);
        let work = match &state {
            TaskState::Dispatched { .. } => open.batch.action.work(open.instance(task.spot())),
            TaskState::Pending | TaskState::Running { .. } | TaskState::Ended(_) => None,
        };
        if !matches!(state, TaskState::Pending | TaskState::Dispatched { .. }) {
            // There is room for another of the host's.
            self.next.extend(open.waiting(task.host, UNDER_WAY));
        }
        match state {
            TaskState::Pending => {}
            TaskState::Dispatched { .. } => {
                let Some(work) = work else { return };
                let session = self.send(task.host, Message::StartTask(start_task(task, work)));
                if let Some(slot) =
                    self.open.get_mut(&task.batch).and_then(|open| open.tasks.get_mut(&task.spot()))
                {
                    slot.sent_in = session.or(slot.sent_in);
                }
            }
            TaskState::Running { .. } => {
                self.feeds.publish(task.batch, News::Task(task.spot(), state, None))
            }
            TaskState::Ended(_) => {
                if output.is_some() {
                    self.acknowledge(task);
                }
                self.feeds
                    .publish(task.batch, News::Task(task.spot(), state, output.map(Arc::new)));
            }
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

    /// Ends the batches whose tasks have all ended.
    async fn finish(&mut self) {
        let now = clock::now();
        let ended: Vec<_> =
            self.open.values().filter_map(|open| Some((open.ended(now)?, open.batch_at))).collect();
        for (batch, at) in ended {
            let commit = Commit::new()
                .modified_at(keys::batch(batch.id), at)
                .put(keys::batch(batch.id), encode(&batch))
                .delete(keys::active(batch.id));
            match self.store.commit(commit).await {
                Ok(_) => {
                    info!(batch = %batch.id, state = batch.state.as_str(), "batch ended");
                    self.open.remove(&batch.id);
                    self.feeds.closed(batch.id);
                    self.feeds.publish(batch.id, News::Batch(Arc::new(batch)));
                }
                // A cancellation came between: the watch brings it, and the next pass ends it.
                Err(CommitError::Conflict { .. }) => {}
                Err(problem) => {
                    error!(%problem, batch = %batch.id, "the end of a batch could not be written")
                }
            }
        }
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

async fn next(watch: &mut Option<Watch>) -> Result<Vec<tamer_store::Event>, WatchError> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

/// Puts decisions into commits that a store accepts.
fn group(decided: Vec<Decided>) -> Vec<(Commit, Vec<Decided>)> {
    let mut groups: Vec<(Commit, Vec<Decided>)> = Vec::new();
    for one in decided {
        let record = encode(&TaskRecord { state: one.state.clone() });
        let output = one.output.clone().map(|output| encode(&StoredOutput::from(output)));
        let size = record.len() + output.as_ref().map_or(0, Vec::len) + 512;
        let fits = groups.last().is_some_and(|(commit, group)| {
            group.len() < TASKS_PER_COMMIT && commit.size() + size < MAX_COMMIT_BYTES
        });
        if !fits {
            groups.push((Commit::new(), Vec::new()));
        }
        let (commit, group) = groups.pop().expect("one was just made sure of");
        let key = keys::task(one.task);
        let commit = match one.at {
            Some(at) => commit.modified_at(key.clone(), at),
            None => commit.absent(key.clone()),
        }
        .put(key, record);
        let commit = match output {
            Some(output) => commit.put(keys::output(one.task), output),
            None => commit,
        };
        let mut group = group;
        group.push(one);
        groups.push((commit, group));
    }
    groups
}
