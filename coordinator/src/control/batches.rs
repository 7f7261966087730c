//! Batches: made, listed, paused, cancelled.

use std::collections::HashMap;

use tamer_model::{
    Action, Batch, BatchCounts, BatchId, BatchSpec, BatchState, CancelRequest, Code, Earlier,
    EndKind, InstanceTerms, MAX_MARKS, Mark, OnTrip, Origin, Problem, Rollout, Spot, Stand,
    TargetKind, TargetSpec, TaskId, TaskRecord, TaskState, Timestamp,
};
use tamer_proto::wire;
use tamer_store::{Commit, CommitError, Range, Revision};

use super::outputs::told;
use super::{Asker, People, page};
use crate::batch::make::By;
use crate::batch::{Order, targets};
use crate::state::{StoredOutput, Target, Unstorable, decode, encode, keys};
use crate::{audit, clock};

/// A page of tasks with output ends at this many bytes: a message holds four times as much.
const PAGE_BYTES: usize = 1024 * 1024;

/// What is told of a target without a record.
pub(super) static PENDING: TaskRecord = TaskRecord::PENDING;

impl Asker {
    fn by(&self) -> By {
        let from = self.caller.from.to_string();
        By { name: self.name.clone(), who: self.caller.who(), from }
    }
}

impl People {
    pub(super) async fn make_batch(
        &self,
        asker: &Asker,
        request: wire::CreateBatchRequest,
    ) -> Result<wire::Batch, Problem> {
        let request_id = request.request_id.clone();
        let expect = Some(request.expect_targets.clone()).filter(|expect| !expect.is_empty());
        let spec = spec_of(request)?;
        let order = Order { spec, origin: None, request_id, expect };
        let batch = self.maker().create(order, &asker.by()).await?;
        Ok((batch, clock::now()).into())
    }

    pub(super) async fn preview(
        &self,
        request: wire::CreateBatchRequest,
    ) -> Result<wire::BatchPreview, Problem> {
        self.maker().preview(&spec_of(request)?).await
    }

    /// The same again, on targets that ended in one of the ways that are named.
    pub(super) async fn retry(
        &self,
        asker: &Asker,
        request: wire::RetryBatchRequest,
    ) -> Result<wire::Batch, Problem> {
        let wire::RetryBatchRequest { id, ends, request_id } = request;
        let (batch, _) = self.find_batch(&id).await?;
        if batch.state == BatchState::Running {
            return Err(Problem::new(Code::WrongState, format!("{} has not ended", batch.id))
                .on("id")
                .remedy("wait for its end, or cancel it"));
        }
        let ends: Vec<EndKind> = match ends.is_empty() {
            true => EndKind::ALL.into_iter().filter(|end| *end != EndKind::Succeeded).collect(),
            false => ends.iter().map(|end| end.parse()).collect::<Result<_, _>>()?,
        };
        let instances = (batch.action.on() == TargetKind::Instance).then(InstanceTerms::default);
        let earlier = Some(Earlier { batch: batch.id, ends });
        let spec = BatchSpec {
            targets: TargetSpec { instances, earlier, ..TargetSpec::default() },
            rollout: Rollout { canary: None, ..batch.rollout },
            undo: batch.undo,
            leases: batch.leases,
            parse: batch.parse,
            lost_wait_ms: Some(batch.lost_wait_ms),
            // Whoever made the earlier batch said so.
            foreign: true,
            ..BatchSpec::new(batch.action, TargetSpec::default())
        };
        let origin = Some(Origin::RetryOf(batch.id));
        let order = Order { spec, origin, request_id, expect: None };
        let batch = self.maker().create(order, &asker.by()).await?;
        Ok((batch, clock::now()).into())
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
            let records = self.records(batch.id).await?;
            batch.counts = BatchCounts::count(records.values().map(|record| &record.state));
            batch.counts.pending += batch.targets.saturating_sub(records.len() as u32);
        }
        Ok((batch, clock::now()).into())
    }

    pub(super) async fn cancel(&self, asker: &Asker, id: &str) -> Result<wire::Batch, Problem> {
        self.say(asker, id, "batch.cancel", |batch, now| {
            let fresh = batch.state == BatchState::Running && batch.cancel.is_none();
            if fresh {
                batch.cancel = Some(CancelRequest { by: asker.name.clone(), at: now });
            }
            Ok(fresh)
        })
        .await
    }

    pub(super) async fn pause(&self, asker: &Asker, id: &str) -> Result<wire::Batch, Problem> {
        self.say(asker, id, "batch.pause", |batch, now| {
            running(batch)?;
            if batch.marks.last().is_some_and(|mark| !mark.resumed) {
                return Ok(false);
            }
            mark(batch, asker, now, false)
        })
        .await
    }

    pub(super) async fn resume(&self, asker: &Asker, id: &str) -> Result<wire::Batch, Problem> {
        self.say(asker, id, "batch.resume", |batch, now| {
            running(batch)?;
            if batch.marks.last().is_some_and(|mark| mark.resumed && mark.at >= batch.stand_since) {
                // Somebody else was first, or this is the same request again.
                return Ok(false);
            }
            let paused = batch.marks.last().is_some_and(|mark| !mark.resumed);
            let waits = match &batch.stand {
                Stand::Tripped(_) => batch.rollout.on_trip == OnTrip::Pause,
                stand => stand.may_wait_for_a_person(),
            };
            if !paused && !waits {
                let stand = batch.stand.as_str();
                let message = format!("{} waits for nobody: it is in {stand:?}", batch.id);
                return Err(Problem::new(Code::WrongState, message)
                    .on("id")
                    .remedy("`tamerctl batch show` says how it stands"));
            }
            mark(batch, asker, now, true)
        })
        .await
    }

    /// Changes the record of a batch by what a person said; `change` says whether it did.
    async fn say(
        &self,
        asker: &Asker,
        id: &str,
        what: &str,
        change: impl Fn(&mut Batch, Timestamp) -> Result<bool, Problem>,
    ) -> Result<wire::Batch, Problem> {
        loop {
            let (mut batch, at) = self.find_batch(id).await?;
            // A clock that was set back must not put what is said now before what happened.
            let latest = batch.marks.last().map_or(batch.stand_since, |mark| mark.at);
            let now = clock::now().max(latest).max(batch.stand_since);
            if !change(&mut batch, now)? {
                return self.counted(batch).await;
            }
            let commit = Commit::new()
                .modified_at(keys::batch(batch.id), at)
                .put(keys::batch(batch.id), encode(&batch));
            let commit = audit::done(commit, &asker.caller, what, batch.id, "");
            match self.store.commit(commit).await {
                Ok(_) => return self.counted(batch).await,
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.problem()),
            }
        }
    }

    /// The records of all tasks of a batch that have one.
    pub(super) async fn records(&self, id: BatchId) -> Result<HashMap<Spot, TaskRecord>, Problem> {
        let mut records = HashMap::new();
        let mut next = Some(Range::prefix(&keys::tasks(id)).limit(tamer_store::MAX_PAGE_ENTRIES));
        while let Some(range) = next {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in &page.entries {
                if let Some(spot) = keys::spot(&entry.key) {
                    records.insert(spot, decode(&entry.key, &entry.value)?);
                }
            }
            next = page.next;
        }
        Ok(records)
    }

    /// What is kept of a task's output, if it ended.
    pub(super) async fn output(&self, task: TaskId) -> Result<Option<wire::KeptOutput>, Problem> {
        let key = keys::output(task);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        let stored = entry.map(|entry| decode::<StoredOutput>(&key, &entry.value)).transpose()?;
        Ok(stored.map(told))
    }

    pub(super) async fn tasks(
        &self,
        request: wire::ListTasksRequest,
    ) -> Result<wire::ListTasksResponse, Problem> {
        let wire::ListTasksRequest { batch, output, host, limit, page_token } = request;
        let (batch, _) = self.find_batch(&batch).await?;
        let mut targets = targets::read(&self.store, batch.id).await?;
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
        let records = self.records(batch.id).await?;
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
            let mut task = show(target, records.get(&target.spot()).unwrap_or(&PENDING));
            if output {
                task.output = self.output(TaskId::at(batch.id, target.spot())).await?;
            }
            bytes += task.output.as_ref().map_or(64, prost::Message::encoded_len);
            page.tasks.push(task);
        }
        Ok(page)
    }
}

/// What a request asks for, in its own words or in those of a tamerctl one version behind.
fn spec_of(request: wire::CreateBatchRequest) -> Result<BatchSpec, Problem> {
    let wire::CreateBatchRequest {
        selector,
        command,
        allow_empty,
        lost_wait_ms,
        request_id: _,
        instance_action,
        create,
        pull,
        instances,
        foreign,
        spec,
        expect_targets: _,
    } = request;
    if let Some(spec) = spec {
        return spec.try_into();
    }
    let action = match (command, instance_action, create, pull) {
        (Some(command), None, None, None) => Action::Command(command.try_into()?),
        (None, Some(action), None, None) => Action::Instance(action.try_into()?),
        (None, None, Some(create), None) => Action::Create(Box::new(create.try_into()?)),
        (None, None, None, Some(pull)) => Action::Pull(pull.try_into()?),
        (None, None, None, None) => {
            let message = "`command` is missing, and no other action is there";
            return Err(Problem::field("command", message));
        }
        _ => return Err(Problem::field("command", "more than one action")),
    };
    let targets = match action.on() {
        TargetKind::Host => TargetSpec { selector, ..TargetSpec::default() },
        TargetKind::Instance => {
            let wire::InstanceSelection { hosts, instances, named } = instances.unwrap_or_default();
            let instances = Some(InstanceTerms { selector: instances, named });
            TargetSpec { selector: hosts, instances, ..TargetSpec::default() }
        }
    };
    let lost_wait_ms = (lost_wait_ms != 0).then_some(lost_wait_ms);
    BatchSpec { allow_empty, foreign, lost_wait_ms, ..BatchSpec::new(action, targets) }.validate()
}

fn running(batch: &Batch) -> Result<(), Problem> {
    if batch.state == BatchState::Running {
        return Ok(());
    }
    let message = format!("{} has ended: it {}", batch.id, batch.state.as_str());
    let remedy = "`tamerctl batch retry` does the same again where it did not succeed";
    Err(Problem::new(Code::WrongState, message).on("id").remedy(remedy))
}

fn mark(batch: &mut Batch, asker: &Asker, at: Timestamp, resumed: bool) -> Result<bool, Problem> {
    if batch.marks.len() >= MAX_MARKS {
        let message = format!("{} was paused and resumed {MAX_MARKS} times", batch.id);
        return Err(Problem::new(Code::Busy, message).remedy("cancel it and make another"));
    }
    batch.marks.push(Mark { at, by: asker.name.clone(), resumed });
    Ok(true)
}

/// A task as people see it.
pub(super) fn show(target: &Target, record: &TaskRecord) -> wire::Task {
    let TaskRecord { state, attempt, sent_at: _, ended_at: _, before } = record;
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
        attempt: (*attempt).into(),
        before: before.iter().cloned().map(Into::into).collect(),
    }
}
