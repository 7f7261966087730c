//! The live view of a command's output: coalesced, rate limited, and never in the command's way.
//! What exceeds the limits is not sent live; the offsets show it, and the kept output has its ends.

use std::time::Duration;

use tamer_model::{StreamKind, TaskId};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// The most bytes of one chunk.
pub const LIVE_CHUNK: usize = 16 * 1024;
/// How long bytes wait for more of them.
const COALESCE: Duration = Duration::from_millis(10);
/// Bytes a second that one task may send live, and how many it may save up.
const RATE: f64 = 256.0 * 1024.0;

/// Output as it appeared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Of this task.
    pub task: TaskId,
    /// Of this stream.
    pub stream: StreamKind,
    /// Bytes of the stream before it.
    pub offset: u64,
    /// The bytes.
    pub data: Vec<u8>,
}

/// One task's way to whoever listens: the session of the moment, or nobody.
#[derive(Debug)]
pub struct LiveView {
    task: TaskId,
    listener: watch::Receiver<Option<mpsc::Sender<Chunk>>>,
    stdout: Pending,
    stderr: Pending,
    budget: Budget,
    due: Option<Instant>,
}

#[derive(Debug, Default)]
struct Pending {
    /// Offset of the next byte that the command writes.
    next: u64,
    data: Vec<u8>,
}

/// A token bucket.
#[derive(Debug)]
struct Budget {
    bytes: f64,
    at: Instant,
}

impl LiveView {
    /// A view for `task`, to whatever session `listener` names.
    pub fn new(task: TaskId, listener: watch::Receiver<Option<mpsc::Sender<Chunk>>>) -> Self {
        Self {
            task,
            listener,
            stdout: Pending::default(),
            stderr: Pending::default(),
            budget: Budget { bytes: RATE, at: Instant::now() },
            due: None,
        }
    }

    /// Takes bytes the command wrote. Returns at once.
    pub fn push(&mut self, stream: StreamKind, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let pending = self.pending(stream);
            let (now, rest) = bytes.split_at(bytes.len().min(LIVE_CHUNK - pending.data.len()));
            pending.data.extend_from_slice(now);
            pending.next += now.len() as u64;
            bytes = rest;
            if pending.data.len() == LIVE_CHUNK {
                self.send(stream);
            }
        }
        let waits = !self.stdout.data.is_empty() || !self.stderr.data.is_empty();
        self.due = waits.then(|| self.due.unwrap_or_else(|| Instant::now() + COALESCE));
    }

    /// When [`LiveView::flush`] is due, if bytes wait.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Sends what waits. Not called at the end of a command: the end carries the rest.
    pub fn flush(&mut self) {
        self.send(StreamKind::Stdout);
        self.send(StreamKind::Stderr);
        self.due = None;
    }

    fn pending(&mut self, stream: StreamKind) -> &mut Pending {
        match stream {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => &mut self.stderr,
        }
    }

    /// Sends or drops: a listener that is slow, gone, or over its budget misses these bytes.
    fn send(&mut self, stream: StreamKind) {
        let task = self.task;
        let pending = self.pending(stream);
        if pending.data.is_empty() {
            return;
        }
        let offset = pending.next - pending.data.len() as u64;
        let listener = self.listener.borrow().clone();
        let len = self.pending(stream).data.len();
        if let Some(listener) = listener
            && let Ok(room) = listener.try_reserve()
            && self.budget.take(len)
        {
            let data = self.pending(stream).data.clone();
            room.send(Chunk { task, stream, offset, data });
        }
        self.pending(stream).data.clear();
    }
}

impl Budget {
    fn take(&mut self, bytes: usize) -> bool {
        let now = Instant::now();
        let earned = (now - self.at).as_secs_f64() * RATE;
        self.at = now;
        self.bytes = (self.bytes + earned).min(RATE);
        let enough = self.bytes >= bytes as f64;
        if enough {
            self.bytes -= bytes as f64;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{BatchId, HostId};

    use super::*;

    /// What a command that writes a thousand lines a second shows, and how long each line waits.
    #[tokio::test(start_paused = true)]
    async fn a_thousand_lines_a_second_are_all_shown_soon() {
        const SECONDS: usize = 20;
        // As long as they may be for the rate, with a little to spare.
        let line = [b'x'; 250];
        let (listener, mut chunks) = mpsc::channel(64);
        let task = TaskId::of_host(BatchId::from_bytes([1; 10]), HostId::from_bytes([2; 10]));
        let mut live = LiveView::new(task, watch::channel(Some(listener)).1);
        let (mut next, mut longest, mut count) = (0, Duration::ZERO, 0);
        let mut waiting = std::collections::VecDeque::new();
        for _ in 0..1000 * SECONDS {
            live.push(StreamKind::Stdout, &line);
            waiting.push_back(Instant::now());
            tokio::time::advance(Duration::from_millis(1)).await;
            if live.due().is_some_and(|due| due <= Instant::now()) {
                live.flush();
            }
            while let Ok(Chunk { offset, data, .. }) = chunks.try_recv() {
                assert_eq!(offset, next, "nothing was left out");
                next += data.len() as u64;
                count += 1;
                for written in waiting.drain(..data.len() / line.len()) {
                    longest = longest.max(written.elapsed());
                }
            }
        }
        assert!(waiting.len() <= 10, "{} lines wait", waiting.len());
        assert!(longest <= COALESCE + Duration::from_millis(1), "{longest:?}");
        // And it costs far fewer chunks than lines.
        assert!(count <= 105 * SECONDS, "{count}");
    }
}
