//! Batches: made, listed, cancelled.

use std::collections::HashMap;
use std::time::Duration;

use tamer_model::{
    Batch, BatchCounts, BatchId, BatchState, CancelRequest, Code, CommandSpec, HostId, Problem,
    Selector, TaskId, TaskRecord, TaskState, Timestamp,
};
use tamer_proto::{Required, wire};
use tamer_store::{Commit, CommitError, Range, Revision};

use super::{Asker, People, page};
use crate::fleet::View;
use crate::state::{StoredOutput, Target, Unstorable, decode, encode, keys};
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
        } = request;
        let selector: Selector = if text.is_empty() { Selector::default() } else { text.parse()? };
        let command: CommandSpec = command.required("command")?.try_into()?;
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
        let targets = freeze(&self.fleet.view(), &selector, &text, allow_empty)?;
        let now = clock::now();
        let batch = Batch {
            id: BatchId::at(now.as_millis(), clock::random()),
            command,
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
            .put(keys::targets(batch.id), encode(&targets));
        let detail = format!("targets={} program={:?}", targets.len(), batch.command.argv.first());
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
    ) -> Result<HashMap<HostId, TaskState>, Problem> {
        let mut states = HashMap::new();
        let mut next = Some(Range::prefix(&keys::tasks(id)).limit(tamer_store::MAX_PAGE_ENTRIES));
        while let Some(range) = next {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in &page.entries {
                if let Ok(host) = keys::tail(&entry.key).parse() {
                    states.insert(host, decode::<TaskRecord>(&entry.key, &entry.value)?.state);
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
        targets.retain(|target| target.name.as_str() > page_token.as_str());
        let limit = if limit == 0 { 1000 } else { 1000.min(limit as usize) };
        let states = self.task_states(batch.id).await?;
        let mut page = wire::ListTasksResponse::default();
        let mut bytes = 0;
        for target in &targets {
            if page.tasks.len() == limit || bytes > PAGE_BYTES {
                page.next_page_token =
                    page.tasks.last().map(|task| task.name.clone()).unwrap_or_default();
                break;
            }
            let mut task = show(target, states.get(&target.host).unwrap_or(&TaskState::Pending));
            if output {
                task.output = self.output(TaskId { batch: batch.id, host: target.host }).await?;
            }
            bytes += task.output.as_ref().map_or(64, prost::Message::encoded_len);
            page.tasks.push(task);
        }
        Ok(page)
    }
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
        .map(|member| Target { host: member.host.id, name: member.host.name.clone() })
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
    }
}
