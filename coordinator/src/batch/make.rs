//! Making batches: what `CreateBatch`, schedules and undoing have in common.

use std::time::Duration;

use aws_lc_rs::digest;
use tamer_model::{
    Action, Batch, BatchCounts, BatchId, BatchSpec, BatchState, Code, EndKind, HostState, Origin,
    Problem, Rollout, Stand, TaskRecord, UserName,
};
use tamer_proto::wire;
use tamer_rollout::Waves;
use tamer_store::{Commit, CommitError, Range, Store};

use super::select::{self, Earlier, freeze};
use super::targets;
use crate::contents::Contents;
use crate::drift::Drift;
use crate::fleet::Fleet;
use crate::state::{Target, Unstorable, decode, encode, keys};
use crate::{audit, clock};

const DEFAULT_LOST_WAIT: Duration = Duration::from_secs(600);
const MAX_LOST_WAIT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Batches that may run at once: each is in the controller's memory.
const MAX_RUNNING: usize = 256;
/// Names that a preview shows.
const SHOWN: usize = 20;

/// Makes batches. Cheap to clone.
#[derive(Clone)]
pub struct Maker {
    pub store: Store,
    pub fleet: Fleet,
    pub contents: Contents,
    pub drift: Drift,
}

/// A batch to make.
#[derive(Debug, Clone)]
pub struct Order {
    pub spec: BatchSpec,
    pub origin: Option<Origin>,
    /// Asking again with the same one is the same request.
    pub request_id: String,
    /// The fingerprint of the targets that a preview told of.
    pub expect: Option<Vec<u8>>,
}

/// Who makes a batch, for its record and the audit.
#[derive(Debug, Clone)]
pub struct By {
    pub name: UserName,
    pub who: String,
    pub from: String,
}

impl Maker {
    /// Makes a batch, or finds the one that the same request made before.
    pub async fn create(&self, order: Order, by: &By) -> Result<Batch, Problem> {
        let Order { spec, origin, request_id, expect } = order;
        let lost_wait = spec.lost_wait_ms.map_or(DEFAULT_LOST_WAIT, Duration::from_millis);
        if let Some(batch) = self.requested(&request_id).await? {
            return Ok(batch);
        }
        let running =
            self.store.range(Range::prefix(&keys::actives())).await.map_err(Unstorable::problem)?;
        if running.entries.len() >= MAX_RUNNING {
            let message = format!("{MAX_RUNNING} batches are running already");
            return Err(
                Problem::new(Code::Busy, message).remedy("wait for some to end, or cancel them")
            );
        }
        self.need_contents(&spec)?;
        let (frozen, selector) = self.freeze(&spec).await?;
        if expect.is_some_and(|expect| expect != fingerprint(&frozen)) {
            let message = "the targets are others than those that were shown";
            return Err(Problem::new(Code::Conflict, message)
                .on("expect_targets")
                .remedy("look at the new ones and confirm again"));
        }
        let mut batch = new(spec.action, spec.rollout, frozen.len(), by.name.clone());
        batch.selector = selector;
        batch.lost_wait_ms = lost_wait.as_millis() as u64;
        batch.undo = spec.undo;
        batch.leases = spec.leases;
        batch.parse = spec.parse;
        batch.origin = origin;
        let commit = write(&self.store, &batch, &frozen).await?;
        let commit = commit
            .absent(keys::request(&request_id))
            .put(keys::request(&request_id), encode(&batch.id));
        let detail = format!("targets={} {}", frozen.len(), told(&batch.action));
        let (who, from) = (by.who.clone(), by.from.clone());
        let commit = audit::record(commit, who, from, "batch.create", batch.id, detail);
        match self.store.commit(commit).await {
            Ok(_) => Ok(batch),
            // The same request came twice at once: both get the batch that the first one made.
            Err(error @ CommitError::Conflict { .. }) => {
                self.requested(&request_id).await?.ok_or_else(|| error.problem())
            }
            Err(error) => Err(error.problem()),
        }
    }

    /// What [`Maker::create`] would do.
    pub async fn preview(&self, spec: &BatchSpec) -> Result<wire::BatchPreview, Problem> {
        let (frozen, _) = self.freeze(spec).await?;
        let view = self.fleet.view();
        let members = || frozen.iter().filter_map(|target| view.host(target.host));
        let count = |fits: &dyn Fn(&crate::fleet::Member) -> bool| {
            counted(members().filter(|member| fits(member)).count())
        };
        let hosts: std::collections::HashSet<_> = frozen.iter().map(|target| target.host).collect();
        let waves = Waves::new(&spec.rollout, frozen.len());
        Ok(wire::BatchPreview {
            targets: counted(frozen.len()),
            ready: count(&|m| m.status.state == HostState::Ready && m.host.cordon.is_none()),
            lost: count(&|m| m.status.state != HostState::Ready && m.host.cordon.is_none()),
            cordoned: count(&|m| m.host.cordon.is_some()),
            hosts: counted(hosts.len()),
            fleet: counted(view.hosts().count()),
            waves: waves.all().iter().map(|wave| counted(wave.len())).collect(),
            first: frozen.iter().take(SHOWN).map(Target::label).collect(),
            fingerprint: fingerprint(&frozen),
            summary: spec.action.summary(),
        })
    }

    /// Whether every script and file of a request is here.
    fn need_contents(&self, spec: &BatchSpec) -> Result<(), Problem> {
        let mut needed = spec.action.contents();
        needed.extend(spec.undo.iter().flat_map(|undo| undo.contents()));
        match self.contents.has_all(&needed) {
            None => Ok(()),
            Some(missing) => {
                let message = format!("the content {} is not here", missing.digest);
                Err(Problem::new(Code::WrongState, message)
                    .on("content")
                    .remedy("send it first, as `tamerctl run` does"))
            }
        }
    }

    /// The targets of a request, with what can be said against it and its rollout.
    async fn freeze(&self, spec: &BatchSpec) -> Result<(Vec<Target>, String), Problem> {
        if spec.lost_wait_ms.is_some_and(|ms| Duration::from_millis(ms) > MAX_LOST_WAIT) {
            return Err(Problem::field("lost_wait", "longer than 30 days"));
        }
        let earlier = match &spec.targets.earlier {
            Some(earlier) => Some(self.earlier(earlier.batch, &earlier.ends).await?),
            None => None,
        };
        let found = self.drift.select(select::read(&spec.targets.selector)?).await?;
        let (frozen, words) = freeze(&self.fleet.view(), spec, earlier.as_ref(), found)?;
        spec.rollout.check(counted(frozen.len()))?;
        Ok((frozen, words))
    }

    /// The targets of a batch that ended in one of these ways.
    async fn earlier(&self, id: BatchId, ends: &[EndKind]) -> Result<Earlier, Problem> {
        if self.read(id).await?.is_none() {
            return Err(Problem::new(Code::NotFound, format!("there is no batch {id}"))
                .on("earlier")
                .remedy("`tamerctl batch ls` lists them"));
        }
        let mut fitting = std::collections::HashSet::new();
        let mut next = Some(Range::prefix(&keys::tasks(id)).limit(tamer_store::MAX_PAGE_ENTRIES));
        while let Some(range) = next {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in &page.entries {
                let record: TaskRecord = decode(&entry.key, &entry.value)?;
                let fits = record.state.end().is_some_and(|end| ends.iter().any(|e| e.is(end)));
                fitting.extend(keys::spot(&entry.key).filter(|_| fits));
            }
            next = page.next;
        }
        let targets = targets::read(&self.store, id).await?.into_iter();
        Ok(targets.filter(|t| fitting.contains(&t.spot())).map(|t| t.identity()).collect())
    }

    /// The batch that a request made before.
    pub async fn requested(&self, request_id: &str) -> Result<Option<Batch>, Problem> {
        check_request(request_id)?;
        let key = keys::request(request_id);
        let Some(entry) = self.store.get(&key).await.map_err(Unstorable::problem)? else {
            return Ok(None);
        };
        self.read(decode(&key, &entry.value)?).await
    }

    async fn read(&self, id: BatchId) -> Result<Option<Batch>, Problem> {
        let key = keys::batch(id);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        entry.map(|entry| decode(&key, &entry.value)).transpose()
    }
}

/// The batch that undoes `batch` on so many of its targets.
pub fn undoing(batch: &Batch, undo: Action, targets: usize) -> Batch {
    // As careful as the batch was with how many at once, and otherwise all of them.
    let rollout = Rollout { max_in_flight: batch.rollout.max_in_flight, ..Rollout::default() };
    let mut undoing = new(undo, rollout, targets, batch.created_by.clone());
    undoing.selector = format!("succeeded of {}", batch.id);
    undoing.lost_wait_ms = batch.lost_wait_ms;
    undoing.leases = batch.leases.clone();
    undoing.origin = Some(Origin::UndoOf(batch.id));
    undoing
}

/// A commit that makes a batch, once what does not fit into it is written.
pub async fn write(store: &Store, batch: &Batch, frozen: &[Target]) -> Result<Commit, Problem> {
    let commit = targets::write(store, batch.id, frozen).await?;
    Ok(commit
        .absent(keys::batch(batch.id))
        .put(keys::batch(batch.id), encode(batch))
        .put(keys::active(batch.id), encode(&()))
        .put(keys::recent(batch.created_at, batch.id), encode(&batch.id)))
}

fn new(action: Action, rollout: Rollout, targets: usize, by: UserName) -> Batch {
    let now = clock::now();
    let waves = Waves::new(&rollout, targets).all().len().max(1);
    let counts = BatchCounts { pending: counted(targets), ..BatchCounts::default() };
    Batch {
        id: BatchId::at(now.as_millis(), clock::random()),
        action,
        selector: String::new(),
        targets: counted(targets),
        created_by: by,
        created_at: now,
        lost_wait_ms: DEFAULT_LOST_WAIT.as_millis() as u64,
        cancel: None,
        state: BatchState::Running,
        ended_at: None,
        counts,
        rollout,
        undo: None,
        leases: Vec::new(),
        marks: Vec::new(),
        stand: Stand::Wave { wave: 1, of: counted(waves) },
        stand_since: now,
        parse: None,
        origin: None,
        undone_by: None,
        reason: None,
    }
}

/// What the audit says of an action: arguments may hold secrets, and so may what a shell reads.
fn told(action: &Action) -> String {
    match action {
        Action::Command(command) if command.shell => "shell command".to_owned(),
        Action::Command(command) => format!("program={:?}", program(&command.argv)),
        Action::Script(script) => format!("script={:?} {}", script.name, script.content.digest),
        Action::Exec(exec) => format!("instance exec program={:?}", program(&exec.spec.argv)),
        Action::Sequence(steps) => {
            format!("steps=[{}]", steps.iter().map(told).collect::<Vec<_>>().join(", "))
        }
        Action::Instance(_)
        | Action::Create(_)
        | Action::Pull(_)
        | Action::Push(_)
        | Action::Fetch(_) => format!("action={:?}", action.summary()),
    }
}

fn program(argv: &[String]) -> &str {
    argv.first().map(String::as_str).unwrap_or_default()
}

/// Refuses what cannot be the id of a request.
pub fn check_request(id: &str) -> Result<(), Problem> {
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    if id.is_empty() || id.len() > 160 || !id.bytes().all(fits) {
        return Err(Problem::field("request_id", "not 1 to 160 letters, digits, `-`, `_` and `.`"));
    }
    Ok(())
}

/// Tells one list of targets from another.
fn fingerprint(targets: &[Target]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for target in targets {
        context.update(target.host.as_bytes());
        let instance = target.instance.as_ref().map(|one| *one.id.as_bytes()).unwrap_or_default();
        context.update(&instance);
    }
    context.finish().as_ref().to_vec()
}

fn counted(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
