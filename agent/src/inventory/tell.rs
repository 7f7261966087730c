//! What a session tells of the inventory: the root first and whenever it changed, and nodes of its
//! tree when they are asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tamer_drift::Digest;
use tamer_drift::tree::Nodes as _;
use tamer_model::{Code, Problem, Timestamp};
use tamer_proto::wire;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use wire::agent_message::Message;

use super::handle::{Asked, InventoryHandle};
use super::told::{Gap, SourceReport, Told};

/// The least time between two roots.
const EVERY: Duration = Duration::from_secs(1);
/// The most bytes of nodes in one message, unless one node alone has more: what matters more does
/// not wait behind a long one.
const BYTES: usize = 256 * 1024;
/// The most pictures whose nodes are kept for this session: the one that was told last, the one
/// before, which may still be asked for, and one more for what crossed on the way.
const HELD: usize = 3;

/// Tells until the session is over.
pub async fn tell(
    inventory: InventoryHandle,
    mut asked: mpsc::Receiver<Asked>,
    out: mpsc::Sender<wire::AgentMessage>,
) {
    let mut revision = inventory.board().revision();
    let mut held: VecDeque<Arc<Told>> = VecDeque::new();
    let mut next = Instant::now();
    let mut news = true;
    loop {
        // Cancel-safe: queues and watches, which keep what is not taken, and timers.
        let asked = tokio::select! {
            biased;
            () = out.closed() => return,
            Some(asked) = asked.recv() => Some(asked),
            () = sleep_until(next), if news => None,
            Ok(()) = revision.changed(), if !news => {
                news = true;
                continue;
            }
        };
        let over = match asked {
            Some(Asked::Nodes(digests)) => send_nodes(&held, digests, &out).await,
            Some(Asked::Stored(root)) => {
                stored(&mut held, root);
                inventory.stored(root);
                Ok(())
            }
            None => {
                revision.mark_unchanged();
                news = false;
                next = Instant::now() + EVERY;
                match inventory.board().take() {
                    Some(told) => {
                        if held.len() == HELD {
                            held.pop_front();
                        }
                        held.push_back(told.clone());
                        out.send(say(Message::Inventory(wired(&told)))).await
                    }
                    // The first look has not ended, or the next picture is being written.
                    None => Ok(()),
                }
            }
        };
        if over.is_err() {
            return;
        }
    }
}

/// The pictures before one that is stored are not asked for any more.
fn stored(held: &mut VecDeque<Arc<Told>>, root: Digest) {
    if let Some(at) = held.iter().position(|told| told.root == root) {
        held.drain(..at);
    }
}

/// Sends the nodes that are still there, and says which are not. One message after the other: while
/// the connection is slow nothing more is made.
async fn send_nodes(
    held: &VecDeque<Arc<Told>>,
    digests: Vec<Digest>,
    out: &mpsc::Sender<wire::AgentMessage>,
) -> Result<(), mpsc::error::SendError<wire::AgentMessage>> {
    let mut page = wire::InventoryNodes::default();
    let mut bytes = 0;
    for digest in digests {
        match held.iter().rev().find_map(|told| told.nodes.node(&digest)) {
            Some(node) => {
                if bytes + node.len() > BYTES && !page.nodes.is_empty() {
                    out.send(say(Message::InventoryNodes(std::mem::take(&mut page)))).await?;
                    bytes = 0;
                }
                bytes += node.len();
                page.nodes.push(Bytes::copy_from_slice(&node));
            }
            None => page.unknown.push(digest.as_bytes().to_vec()),
        }
    }
    out.send(say(Message::InventoryNodes(page))).await
}

fn say(message: Message) -> wire::AgentMessage {
    wire::AgentMessage { message: Some(message) }
}

fn wired(told: &Told) -> wire::InventoryTold {
    let Told { epoch, counter, root, before, at, took_ms, resources, sources, gap, nodes: _ } =
        told;
    wire::InventoryTold {
        epoch: epoch.to_vec(),
        counter: *counter,
        root: root.as_bytes().to_vec(),
        at: at.as_millis(),
        took_ms: *took_ms,
        resources: *resources,
        sources: sources.iter().map(wired_source).collect(),
        gap: gap.as_ref().map(wired_gap),
        before: before.map(|before| before.as_bytes().to_vec()).unwrap_or_default(),
    }
}

fn wired_source(report: &SourceReport) -> wire::SourceTold {
    let SourceReport { name, kinds, problem, took_ms, resources, at, still } = report;
    let wired = |text: &String| {
        Problem::new(Code::TechnologyFailed, text.clone())
            .on(name.clone())
            .remedy("look at the host's own log, and at what is named here")
            .into()
    };
    wire::SourceTold {
        name: name.clone(),
        complete: problem.is_none(),
        problem: problem.as_ref().map(wired),
        took_ms: *took_ms,
        resources: *resources,
        at: at.map_or(0, Timestamp::as_millis),
        kinds: kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        still: still.map_or(0, Timestamp::as_millis),
    }
}

fn wired_gap(gap: &Gap) -> wire::InventoryGap {
    let Gap { from, to, why, changed } = gap;
    wire::InventoryGap {
        from: from.as_millis(),
        to: to.unwrap_or(*from).as_millis(),
        why: why.clone(),
        changed: *changed,
    }
}
