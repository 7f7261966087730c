//! Contents of an agent's tasks. A host gets what a task of its own needs, and brings what one of
//! them fetches, while that task is under way; nothing else.

use std::time::Duration;

use tamer_model::{Batch, Code, Content, HostId, Problem, TaskId, TaskRecord, TaskState};
use tamer_proto::wire::put_task_content_request::Frame;
use tamer_proto::{Required, problem_of, wire};
use tokio::time::timeout;
use tonic::Streaming;

use super::service::{Agents, HELLO_TIMEOUT};
use crate::contents::carry::{self, Chunks};
use crate::state::{Unstorable, decode, keys};

/// How long a host waits for another that brings the same file: then it is there for both.
const PATIENCE: Duration = Duration::from_secs(120);

impl Agents {
    pub(super) async fn content_for(
        &self,
        host: HostId,
        request: wire::GetTaskContentRequest,
    ) -> Result<Chunks, Problem> {
        let wire::GetTaskContentRequest { task, content, offset } = request;
        let content: Content = content.required("content")?.try_into()?;
        let (task, batch) = self.under_way(host, task).await?;
        if !batch.action.contents().contains(&content) {
            let message = format!("{task} does not need this content");
            return Err(Problem::new(Code::RoleNotAllowed, message).on("content"));
        }
        let reader = self.contents.reader(content, offset).await?;
        Ok(carry::send(reader, self.stop.clone()))
    }

    pub(super) async fn stat_for(
        &self,
        host: HostId,
        request: wire::StatTaskContentRequest,
    ) -> Result<wire::StatContentResponse, Problem> {
        let (_, content) = self.may_bring(host, request).await?;
        self.contents.stat(content).await.map(carry::told)
    }

    pub(super) async fn put_for(
        &self,
        host: HostId,
        mut messages: Streaming<wire::PutTaskContentRequest>,
    ) -> Result<wire::StatContentResponse, Problem> {
        let first = timeout(HELLO_TIMEOUT, messages.message())
            .await
            .map_err(|_| Problem::field("open", "it did not come in time"))?
            .map_err(|status| problem_of(&status))?;
        let Some(Frame::Open(open)) = first.and_then(|first| first.frame) else {
            return Err(Problem::field("open", "the first message says which content comes"));
        };
        let (task, content) = self.may_bring(host, open).await?;
        self.brought.begin(task, content, &self.contents).await?;
        carry::receive(&self.contents, content, PATIENCE, messages, |message| match message.frame {
            Some(Frame::Chunk(chunk)) => Some(chunk),
            Some(Frame::Open(_)) | None => None,
        })
        .await
    }

    /// A task that fetches a file, and the file if it is within the task's limit.
    async fn may_bring(
        &self,
        host: HostId,
        request: wire::StatTaskContentRequest,
    ) -> Result<(TaskId, Content), Problem> {
        let wire::StatTaskContentRequest { task, content } = request;
        let content: Content = content.required("content")?.try_into()?;
        let (task, batch) = self.under_way(host, task).await?;
        let limit = batch.action.fetches().ok_or_else(|| {
            Problem::new(Code::RoleNotAllowed, format!("{task} brings no file")).on("task")
        })?;
        if content.size > limit {
            let message = format!("{} bytes, more than the {limit} of the task", content.size);
            return Err(Problem::field("content.size", message).remedy("raise the fetch's limit"));
        }
        Ok((task, content))
    }

    /// A task of the host that was sent and has not ended, and its batch.
    async fn under_way(
        &self,
        host: HostId,
        task: Option<wire::TaskId>,
    ) -> Result<(TaskId, Batch), Problem> {
        let task: TaskId = task.required("task")?.try_into()?;
        if task.host != host {
            return Err(Problem::new(Code::RoleNotAllowed, "a task of another host").on("task"));
        }
        let over = || {
            Problem::new(Code::WrongState, format!("{task} is not under way"))
                .on("task")
                .remedy("its end was given up, or another attempt was made")
        };
        let key = keys::task(task);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?.ok_or_else(over)?;
        let record: TaskRecord = decode(&key, &entry.value)?;
        let sent = matches!(record.state, TaskState::Dispatched { .. } | TaskState::Running { .. });
        if record.attempt != task.attempt || !sent {
            return Err(over());
        }
        let key = keys::batch(task.batch);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?.ok_or_else(over)?;
        Ok((task, decode(&key, &entry.value)?))
    }
}
