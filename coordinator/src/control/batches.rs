//! Batches: made, listed, cancelled.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tamer_model::{
    Action, Batch, BatchCounts, BatchId, BatchState, CancelRequest, Code, HostId, InstanceAction,
    Problem, Selector, Spot, TaskId, TaskRecord, TaskState, Timestamp,
};
use tamer_proto::wire;
use tamer_store::{Commit, CommitError, Range, Revision};

use super::{Asker, People, page};
use crate::fleet::View;
use crate::instances::find::Selection;
use crate::state::{StoredOutput, Target, TargetInstance, Unstorable, decode, encode, keys};
use crate::{audit, clock};

const DEFAULT_LOST_WAIT: Duration = Duration::from_secs(600);
const MAX_LOST_WAIT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Batches that may run at once: each is in the controller's memory.
const MAX_RUNNING: usize = 256;
/// A page of tasks with output ends at this many bytes: a message holds four times as much.
const PAGE_BYTES: usize = 1024 * 1024;

impl People {
    pub(super) async fn make_batch(
        &self,
        asker: &Asker,
        request: wire::CreateBatchRequest,
    ) -> Result<wire::Batch, Problem> {
        let wire::CreateBatchRequest {
            selector: text,
            command,
            allow_empty,
            lost_wait_ms,
            request_id,
            instance_action,
            create,
            pull,
            instances,
            foreign,
        } = request;
        let selector: Selector = if text.is_empty() { Selector::default() } else { text.parse()? };
        let action = action(command, instance_action, create, pull)?;
        let lost_wait =
            if lost_wait_ms == 0 { DEFAULT_LOST_WAIT } else { Duration::from_millis(lost_wait_ms) };
        if lost_wait > MAX_LOST_WAIT {
            return Err(Problem::field("lost_wait", "longer than 30 days"));
        }
        if request_id.is_empty()
            || request_id.len() > 64
            || !request_id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        {
            return Err(Problem::field("request_id", "not 1 to 64 letters, digits and dashes"));
        }
        if let Some(batch) = self.requested(&request_id).await? {
            return Ok(batch.into());
        }
        let running =
            self.store.range(Range::prefix(&keys::actives())).await.map_err(Unstorable::problem)?;
        if running.entries.len() >= MAX_RUNNING {
            return Err(Problem::new(
                Code::Busy,
                format!("{MAX_RUNNING} batches are running already"),
            )
            .remedy("wait for some to end, or cancel them"));
        }
        let (targets, text) = match &action {
            Action::Instance(action) => {
                let selection = Selection::try_from(instances)?;
                let targets =
                    freeze_instances(&self.fleet.view(), &selection, action, foreign, allow_empty)?;
                (targets, selection.text())
            }
            Action::Command(_) | Action::Create(_) | Action::Pull(_) => {
                (freeze(&self.fleet.view(), &selector, &text, allow_empty)?, text)
            }
        };
        let frozen = encode(&targets);
        if frozen.len() > tamer_store::MAX_VALUE {
            let message = format!("{} targets are more than a batch can hold", targets.len());
            return Err(Problem::field("instances", message).remedy("select fewer of them"));
        }
        let now = clock::now();
        let batch = Batch {
            id: BatchId::at(now.as_millis(), clock::random()),
            action,
            selector: text,
            targets: targets.len() as u32,
            created_by: asker.name.clone(),
            created_at: now,
            lost_wait_ms: lost_wait.as_millis() as u64,
            cancel: None,
            state: BatchState::Running,
            ended_at: None,
            counts: BatchCounts { pending: targets.len() as u32, ..BatchCounts::default() },
        };
        let commit = Commit::new()
            .absent(keys::batch(batch.id))
            .absent(keys::request(&request_id))
            .put(keys::request(&request_id), encode(&batch.id))
            .put(keys::batch(batch.id), encode(&batch))
            .put(keys::active(batch.id), encode(&()))
            .put(keys::recent(now, batch.id), encode(&batch.id))
            .put(keys::targets(batch.id), frozen);
        let what = match &batch.action {
            // Arguments may hold secrets.
            Action::Command(command) => format!("program={:?}", command.argv.first()),
            Action::Instance(_) | Action::Create(_) | Action::Pull(_) => {
                format!("action={:?}", batch.action.summary())
            }
        };
        let detail = format!("targets={} {what}", targets.len());
        let commit = audit::done(commit, &asker.caller, "batch.create", batch.id, detail);
        match self.store.commit(commit).await {
            Ok(_) => Ok(batch.into()),
            // The same request came twice at once: both get the batch that the first one made.
            Err(error @ CommitError::Conflict { .. }) => {
                self.requested(&request_id).await?.map(Into::into).ok_or_else(|| error.problem())
            }
            Err(error) => Err(error.problem()),
        }
    }

    /// The batch that a request made before.
    async fn requested(&self, request_id: &str) -> Result<Option<Batch>, Problem> {
        let key = keys::request(request_id);
        let Some(entry) = self.store.get(&key).await.map_err(Unstorable::problem)? else {
            return Ok(None);
        };
        let id: BatchId = decode(&key, &entry.value)?;
        Ok(self.read_batch(id).await?.map(|(batch, _)| batch))
    }

    async fn read_batch(&self, id: BatchId) -> Result<Option<(Batch, Revision)>, Problem> {
        let key = keys::batch(id);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        entry.map(|entry| Ok((decode(&key, &entry.value)?, entry.modified))).transpose()
    }

    /// The batch that a person means: an id, or `last`.
    pub(super) async fn find_batch(&self, text: &str) -> Result<(Batch, Revision), Problem> {
        let unknown = || {
            Problem::new(Code::NotFound, format!("there is no batch {text:?}"))
                .on("id")
                .remedy("`tamerctl batch ls` lists them")
        };
        let id: BatchId = if text == "last" {
            let range = Range::prefix(&keys::recents()).limit(1);
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            let entry = page.entries.first().ok_or_else(unknown)?;
            decode(&entry.key, &entry.value)?
        } else {
            text.parse().map_err(|_| unknown())?
        };
        self.read_batch(id).await?.ok_or_else(unknown)
    }

    pub(super) async fn batches(
        &self,
        request: wire::ListBatchesRequest,
    ) -> Result<wire::ListBatchesResponse, Problem> {
        let wire::ListBatchesRequest { limit, page_token } = request;
        let limit = if limit == 0 { 50 } else { limit };
        let (page, next_page_token) =
            page::read(&self.store, &keys::recents(), limit, &page_token).await?;
        let mut batches = Vec::with_capacity(page.entries.len());
        for entry in &page.entries {
            // One that retention removed between the two reads is left out.
            if let Some((batch, _)) = self.read_batch(decode(&entry.key, &entry.value)?).await? {
                batches.push(self.counted(batch).await?);
            }
        }
        Ok(wire::ListBatchesResponse { batches, next_page_token })
    }

    /// A batch with its counts as they are: its record has them when it has ended.
    pub(super) async fn counted(&self, mut batch: Batch) -> Result<wire::Batch, Problem> {
        if batch.state == BatchState::Running {
            let states = self.task_states(batch.id).await?;
            batch.counts = BatchCounts::count(states.values());
            batch.counts.pending += batch.targets.saturating_sub(states.len() as u32);
        }
        Ok(batch.into())
    }

    pub(super) async fn cancel(&self, asker: &Asker, id: &str) -> Result<wire::Batch, Problem> {
        loop {
            let (mut batch, at) = self.find_batch(id).await?;
            if batch.state != BatchState::Running || batch.cancel.is_some() {
                return Ok(batch.into());
            }
            batch.cancel = Some(CancelRequest { by: asker.name.clone(), at: clock::now() });
            let commit = Commit::new()
                .modified_at(keys::batch(batch.id), at)
                .put(keys::batch(batch.id), encode(&batch));
            let commit = audit::done(commit, &asker.caller, "batch.cancel", batch.id, "");
            match self.store.commit(commit).await {
                Ok(_) => return Ok(batch.into()),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.problem()),
            }
        }
    }

    /// The frozen targets of a batch.
    pub(super) async fn targets(&self, id: BatchId) -> Result<Vec<Target>, Problem> {
        let key = keys::targets(id);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        entry.map(|entry| decode(&key, &entry.value)).unwrap_or_else(|| Ok(Vec::new()))
    }

    /// The records of all tasks of a batch that have one.
    pub(super) async fn task_states(
        &self,
        id: BatchId,
    ) -> Result<HashMap<Spot, TaskState>, Problem> {
        let mut states = HashMap::new();
        let mut next = Some(Range::prefix(&keys::tasks(id)).limit(tamer_store::MAX_PAGE_ENTRIES));
        while let Some(range) = next {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in &page.entries {
                if let Some(spot) = keys::spot(&entry.key) {
                    states.insert(spot, decode::<TaskRecord>(&entry.key, &entry.value)?.state);
                }
            }
            next = page.next;
        }
        Ok(states)
    }

    /// What is kept of a task's output, if it ended.
    pub(super) async fn output(&self, task: TaskId) -> Result<Option<wire::KeptOutput>, Problem> {
        let key = keys::output(task);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        let stored = entry.map(|entry| decode::<StoredOutput>(&key, &entry.value)).transpose()?;
        Ok(stored.map(|stored| tamer_model::KeptOutput::from(stored).into()))
    }

    pub(super) async fn tasks(
        &self,
        request: wire::ListTasksRequest,
    ) -> Result<wire::ListTasksResponse, Problem> {
        let wire::ListTasksRequest { batch, output, host, limit, page_token } = request;
        let (batch, _) = self.find_batch(&batch).await?;
        let mut targets = self.targets(batch.id).await?;
        if !host.is_empty() {
            targets
                .retain(|target| target.name.as_str() == host || target.host.to_string() == host);
            if targets.is_empty() {
                return Err(Problem::new(
                    Code::NotFound,
                    format!("{host:?} is not a target of {}", batch.id),
                )
                .on("host"));
            }
        }
        targets.sort_by(|a, b| (&a.name, a.item).cmp(&(&b.name, b.item)));
        if !page_token.is_empty() {
            let bad = || Problem::field("page_token", "not a token that a page ended with");
            let (name, item) = page_token.rsplit_once('/').ok_or_else(bad)?;
            let item: u16 = item.parse().map_err(|_| bad())?;
            targets.retain(|target| (target.name.as_str(), target.item) > (name, item));
        }
        let limit = if limit == 0 { 1000 } else { 1000.min(limit as usize) };
        let states = self.task_states(batch.id).await?;
        let mut page = wire::ListTasksResponse::default();
        let mut bytes = 0;
        for target in &targets {
            if page.tasks.len() == limit || bytes > PAGE_BYTES {
                page.next_page_token = page
                    .tasks
                    .last()
                    .map(|task| format!("{}/{}", task.name, task.item))
                    .unwrap_or_default();
                break;
            }
            let mut task = show(target, states.get(&target.spot()).unwrap_or(&TaskState::Pending));
            if output {
                task.output = self.output(TaskId::at(batch.id, target.spot())).await?;
            }
            bytes += task.output.as_ref().map_or(64, prost::Message::encoded_len);
            page.tasks.push(task);
        }
        Ok(page)
    }
}

/// The one thing that a request asks for.
fn action(
    command: Option<wire::CommandSpec>,
    instance: Option<wire::InstanceAction>,
    create: Option<wire::CreateInstance>,
    pull: Option<wire::PullImage>,
) -> Result<Action, Problem> {
    match (command, instance, create, pull) {
        (Some(command), None, None, None) => Ok(Action::Command(command.try_into()?)),
        (None, Some(action), None, None) => Ok(Action::Instance(action.try_into()?)),
        (None, None, Some(create), None) => Ok(Action::Create(Box::new(create.try_into()?))),
        (None, None, None, Some(pull)) => Ok(Action::Pull(pull.try_into()?)),
        (None, None, None, None) => {
            Err(Problem::field("command", "`command` is missing, and no other action is there"))
        }
        _ => Err(Problem::field("command", "more than one action")),
    }
}

/// The instances that a batch is for, in the order of lists, each with its number on its host.
fn freeze_instances(
    view: &View,
    selection: &Selection,
    action: &InstanceAction,
    foreign: bool,
    allow_empty: bool,
) -> Result<Vec<Target>, Problem> {
    let found = if allow_empty { selection.find(view)? } else { selection.find_some(view)? };
    if matches!(action, InstanceAction::Remove { .. }) && !foreign {
        let mut strange = found.iter().filter(|found| !found.instance().instance.managed);
        if let Some(one) = strange.next() {
            let more = strange.count();
            let name = &one.instance().instance.name;
            let others = if more == 0 { String::new() } else { format!(" and {more} more") };
            return Err(Problem::new(
                Code::WrongState,
                format!("{}/{name}{others}: not made by Tamer", one.member.host.name),
            )
            .on("foreign")
            .remedy("look at it with `tamerctl instance show`; --yes removes it all the same"));
        }
    }
    let mut numbers: BTreeMap<HostId, u16> = BTreeMap::new();
    found
        .into_iter()
        .map(|found| {
            let instance = found.instance();
            let next = numbers.entry(instance.host).or_default();
            let item = *next;
            *next = next.checked_add(1).ok_or_else(|| {
                Problem::field("instances", "more than 65,535 instances of one host")
            })?;
            Ok(Target {
                host: instance.host,
                name: found.member.host.name.clone(),
                item,
                instance: Some(TargetInstance {
                    id: instance.id,
                    name: instance.instance.name.clone(),
                    reference: instance.reference(),
                }),
            })
        })
        .collect()
}

/// The hosts that a batch is for, by name.
fn freeze(
    view: &View,
    selector: &Selector,
    text: &str,
    allow_empty: bool,
) -> Result<Vec<Target>, Problem> {
    let selected = view.select(selector);
    if selected.is_empty() && !allow_empty {
        let problem = if selector.is_all() {
            Problem::new(Code::SelectionEmpty, "the fleet has no host yet")
                .remedy("join one: `tamerctl token create` prints how")
        } else {
            let unknown: Vec<_> = selector.keys().filter(|key| !is_known(view, key)).collect();
            let why = if unknown.is_empty() {
                String::new()
            } else {
                format!("; no host has {}", unknown.join(", "))
            };
            Problem::new(Code::SelectionEmpty, format!("the selector {text:?} names no host{why}"))
                .remedy("`tamerctl host ls -o wide` shows facts and labels; --allow-empty makes an empty selection a success")
        };
        return Err(problem.on("selector"));
    }
    Ok(selected
        .into_iter()
        .map(|member| Target {
            host: member.host.id,
            name: member.host.name.clone(),
            item: 0,
            instance: None,
        })
        .collect())
}

fn is_known(view: &View, key: &str) -> bool {
    use tamer_model::Subject;
    view.hosts().any(|member| (&member.host, member.status.state).value(key).is_some())
}

/// A task as people see it.
pub(super) fn show(target: &Target, state: &TaskState) -> wire::Task {
    let started_at = match state {
        TaskState::Running { started_at, .. } => Some(*started_at),
        TaskState::Ended(end) => end.started_at,
        TaskState::Pending | TaskState::Dispatched { .. } => None,
    };
    wire::Task {
        host: target.host.to_string(),
        name: target.name.to_string(),
        state: state.as_str().to_owned(),
        end: state.end().cloned().map(Into::into),
        started_at: started_at.map(Timestamp::as_millis),
        output: None,
        item: target.item.into(),
        instance: target.instance.as_ref().map(|one| one.id.to_string()).unwrap_or_default(),
        instance_name: target.instance.as_ref().map(|one| one.name.to_string()).unwrap_or_default(),
    }
}
