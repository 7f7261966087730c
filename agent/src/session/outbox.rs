//! What the agent says, in seven queues: control before ends before placements before instances
//! before progress before the inventory before output, so that a command that floods its output starves nothing that
//! matters more.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use tamer_model::{KeptOutput, TaskEnd, TaskId, Timestamp};
use tamer_proto::wire;
use tokio::sync::mpsc;
use wire::agent_message::Message;

use super::points;
use crate::exec::Chunk;
use crate::work::Progress;

/// Control messages that may wait: each is small, and heartbeats are one in seconds. When it is
/// full the coordinator does not read, and the session is given up.
pub const CONTROL: usize = 512;
/// Ends that may wait, 512 KiB each at most. When it is full the next ones stay in the journal.
pub const ENDS: usize = 2;
/// Messages about placements that may wait, 64 KiB each at most, and a pause between them. When it is
/// full the next one is made later, of what is true then.
pub const PLACEMENTS: usize = 1;
/// Messages about providers and instances that may wait, 256 KiB each at most. When it is full the
/// next one is made later, of what is true then.
pub const INSTANCES: usize = 1;

/// Messages about the inventory that may wait, 256 KiB each at most and one node alone. When it is
/// full nothing more of it is made: there is one upload at a time.
pub const INVENTORY: usize = 1;

/// The stream that the connection pulls from when it has room.
#[derive(Debug)]
pub struct Outbox {
    /// Heartbeats, starts, facts …
    pub control: mpsc::Receiver<wire::AgentMessage>,
    /// Ends with their output.
    pub ends: mpsc::Receiver<wire::AgentMessage>,
    /// How placements stand.
    pub placements: mpsc::Receiver<wire::AgentMessage>,
    /// Providers and their instances.
    pub instances: mpsc::Receiver<wire::AgentMessage>,
    /// How far files are.
    pub progress: mpsc::Receiver<Progress>,
    /// The root of the inventory, and nodes that were asked for.
    pub inventory: mpsc::Receiver<wire::AgentMessage>,
    /// Output as it appears.
    pub output: mpsc::Receiver<Chunk>,
}

impl Stream for Outbox {
    type Item = wire::AgentMessage;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = self.poll_queues(cx);
        if let Poll::Ready(Some(message)) = &message {
            points::sent(message);
        }
        message
    }
}

impl Outbox {
    fn poll_queues(&mut self, cx: &mut Context<'_>) -> Poll<Option<wire::AgentMessage>> {
        match self.control.poll_recv(cx) {
            Poll::Ready(Some(message)) => return Poll::Ready(Some(message)),
            // The conversation is over: what the other queues hold is not worth more than a clean
            // end, and ends are in the journal.
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        if let Poll::Ready(Some(message)) = self.ends.poll_recv(cx) {
            return Poll::Ready(Some(message));
        }
        // Closed while the coordinator is too old to be told, as the next one.
        if let Poll::Ready(Some(message)) = self.placements.poll_recv(cx) {
            return Poll::Ready(Some(message));
        }
        if let Poll::Ready(Some(message)) = self.instances.poll_recv(cx) {
            return Poll::Ready(Some(message));
        }
        if let Poll::Ready(Some(progress)) = self.progress.poll_recv(cx) {
            return Poll::Ready(Some(moved(progress)));
        }
        if let Poll::Ready(Some(message)) = self.inventory.poll_recv(cx) {
            return Poll::Ready(Some(message));
        }
        match self.output.poll_recv(cx) {
            Poll::Ready(Some(chunk)) => Poll::Ready(Some(output(chunk))),
            // Another session attached; this one ends by its events.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Wraps a message.
pub fn say(message: Message) -> wire::AgentMessage {
    wire::AgentMessage { message: Some(message) }
}

/// A task was started.
pub fn started(task: TaskId, at: Timestamp) -> wire::AgentMessage {
    say(Message::TaskStarted(wire::TaskStarted {
        task: Some(task.into()),
        started_at: at.as_millis(),
    }))
}

/// A task ended.
pub fn ended(task: TaskId, end: TaskEnd, output: KeptOutput) -> wire::AgentMessage {
    say(Message::TaskEnded(wire::TaskEnded {
        task: Some(task.into()),
        end: Some(end.into()),
        output: Some(output.into()),
    }))
}

fn moved(progress: Progress) -> wire::AgentMessage {
    let Progress { task, done, total } = progress;
    say(Message::TaskProgress(wire::TaskProgress { task: Some(task.into()), done, total }))
}

fn output(chunk: Chunk) -> wire::AgentMessage {
    let Chunk { task, stream, offset, data } = chunk;
    say(Message::TaskOutput(wire::TaskOutput {
        task: Some(task.into()),
        stream: wire::StreamKind::from(stream).into(),
        offset,
        data: data.into(),
    }))
}
