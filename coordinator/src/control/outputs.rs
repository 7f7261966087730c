//! What one task wrote, from offsets on: from its agent while that has it, and then what is kept.
//!
//! A reader asks the agent for the whole output on a bulk stream of its own, which it polls itself:
//! one who does not read stops that stream and nothing else. Where the agent cannot be asked, what
//! it tells everybody live has to do. Offsets say what the reader has, so pieces that come twice
//! are left out, and a gap shows.

use std::time::Duration;

use tamer_model::{
    Batch, BatchId, BatchState, Code, KeptOutput, Problem, Spot, StreamKind, StreamRequest, TaskId,
    TaskRecord, TaskState,
};
use tamer_proto::wire::output_read::Event;
use tamer_proto::wire::stream_out::Frame;
use tamer_proto::{status_of, wire};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, interval, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::batches::show;
use super::{Events, People};
use crate::batch::{News, targets};
use crate::state::{StoredOutput, Target, Unstorable, decode, keys};

/// Pieces on their way to one reader, of at most [`PIECE`] bytes when they come from the records.
const AHEAD: usize = 4;
/// The longest piece of kept output, in bytes.
const PIECE: usize = 64 * 1024;
/// The minor version from which on an agent tells the whole output of a task.
const TELLS_OUTPUT: u32 = 3;
/// How often a reader looks whether the agent has come back.
const LOOK: Duration = Duration::from_millis(500);
/// How long an agent that could not tell is left alone. Also how long its stream may be silent
/// before it is looked whether the task has ended.
const AGAIN: Duration = Duration::from_secs(5);

/// Kept output as it is told.
pub(super) fn told(stored: StoredOutput) -> wire::KeptOutput {
    let removed = stored.is_removed();
    wire::KeptOutput { removed, ..KeptOutput::from(stored).into() }
}

/// The reader hung up, or something could not be read.
enum Over {
    HungUp,
    Failed(Problem),
}

impl From<Problem> for Over {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// One reader of one task's output.
struct Reading {
    people: People,
    batch: BatchId,
    target: Target,
    /// The attempt that the offsets are about. A further attempt begins at 0 again.
    attempt: u16,
    stdout_from: u64,
    stderr_from: u64,
    follow: bool,
    out: mpsc::Sender<Result<wire::OutputRead, Status>>,
}

impl People {
    pub(super) async fn read_outputs(
        &self,
        request: wire::ReadOutputRequest,
    ) -> Result<Events<wire::OutputRead>, Problem> {
        let wire::ReadOutputRequest { batch, host, item, stdout_from, stderr_from, follow } =
            request;
        let (batch, _) = self.find_batch(&batch).await?;
        let target = self.find_target(&batch, &host, item).await?;
        let attempt = self.record(batch.id, target.spot()).await?.attempt;
        let (out, stream) = mpsc::channel(AHEAD);
        let (people, batch) = (self.clone(), batch.id);
        let reading =
            Reading { people, batch, target, attempt, stdout_from, stderr_from, follow, out };
        let stop = self.stop.clone();
        // Ends with its reader, with the task, or with the program.
        tokio::spawn(async move {
            let out = reading.out.clone();
            let over = tokio::select! {
                () = stop.cancelled() => return,
                () = out.closed() => return,
                over = reading.run() => over,
            };
            if let Err(Over::Failed(problem)) = over {
                // A reader that hung up meanwhile need not know.
                let _ = out.send(Err(status_of(problem))).await;
            }
        });
        Ok(Box::pin(ReceiverStream::new(stream)))
    }

    /// The target of a batch that a person means.
    pub(super) async fn find_target(
        &self,
        batch: &Batch,
        host: &str,
        item: u32,
    ) -> Result<Target, Problem> {
        let means = |target: &Target| {
            (target.name.as_str() == host || target.host.to_string() == host)
                && u32::from(target.item) == item
        };
        let targets = targets::read(&self.store, batch.id).await?;
        targets.into_iter().find(means).ok_or_else(|| {
            let which = if item == 0 { String::new() } else { format!(" number {item}") };
            Problem::new(Code::NotFound, format!("{host:?}{which} is no target of {}", batch.id))
                .on("host")
                .remedy("`tamerctl batch show` lists its targets")
        })
    }

    /// The record of one target.
    pub(super) async fn record(&self, batch: BatchId, spot: Spot) -> Result<TaskRecord, Problem> {
        let key = keys::task(TaskId::at(batch, spot));
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        entry.map_or(Ok(TaskRecord::PENDING), |entry| decode(&key, &entry.value))
    }
}

impl Reading {
    async fn run(mut self) -> Result<(), Over> {
        let mut news = self.people.feeds.subscribe(self.batch);
        loop {
            let record = self.look().await?;
            if record.state.end().is_some() {
                return self.finish(&record).await;
            }
            let session = self.session();
            if matches!(record.state, TaskState::Dispatched { .. } | TaskState::Running { .. }) {
                self.ask(session).await?;
                self.catch_up().await?;
            }
            if !self.follow {
                let record = self.look().await?;
                return match record.state.end() {
                    Some(_) => self.finish(&record).await,
                    None => Ok(()),
                };
            }
            self.wait(&mut news, session).await?;
        }
    }

    /// The record as it is. With a further attempt the output begins anew.
    async fn look(&mut self) -> Result<TaskRecord, Problem> {
        let record = self.people.record(self.batch, self.target.spot()).await?;
        if record.attempt != self.attempt {
            self.attempt = record.attempt;
            (self.stdout_from, self.stderr_from) = (0, 0);
        }
        Ok(record)
    }

    /// The session of the host whose agent can tell the whole output.
    fn session(&self) -> Option<u64> {
        let live = self.people.sessions.get(self.target.host)?;
        (live.wire_minor >= TELLS_OUTPUT).then_some(live.number)
    }

    /// Passes on what the agent has, until it has no more or cannot be asked.
    async fn ask(&mut self, session: Option<u64>) -> Result<(), Over> {
        if session.is_none() {
            return Ok(());
        }
        let people = self.people.clone();
        let request = StreamRequest::Output {
            task: TaskId::at(self.batch, self.target.spot()).attempt(self.attempt),
            stdout_from: self.stdout_from,
            stderr_from: self.stderr_from,
            follow: self.follow,
        };
        // An agent that has nothing to tell, or has gone: what it told live has to do.
        let Ok(mut opened) = people.streams.open(&people.sessions, self.target.host, request).await
        else {
            return Ok(());
        };
        loop {
            // Cancel-safe: what was not returned stays in the stream.
            let frame = match timeout(AGAIN, opened.frames.message()).await {
                Ok(Ok(Some(out))) => out.frame,
                Ok(Ok(None) | Err(_)) => return Ok(()),
                Err(_) if self.ended_meanwhile().await? => return Ok(()),
                Err(_) => continue,
            };
            match frame {
                Some(Frame::Written(piece)) => {
                    let Ok(stream) = piece.stream().try_into() else { continue };
                    self.piece(stream, piece.offset, piece.data).await?;
                }
                Some(Frame::Ended(_) | Frame::Problem(_)) => return Ok(()),
                Some(
                    Frame::Ticket(_)
                    | Frame::Sources(_)
                    | Frame::Stdout(_)
                    | Frame::Stderr(_)
                    | Frame::Stats(_)
                    | Frame::ExecEnded(_)
                    | Frame::Detail(_)
                    | Frame::Started(_),
                )
                | None => {}
            }
        }
    }

    async fn ended_meanwhile(&self) -> Result<bool, Problem> {
        let record = self.people.record(self.batch, self.target.spot()).await?;
        Ok(record.attempt != self.attempt || record.state.end().is_some())
    }

    /// Passes on the last bytes that came over live, where the agent did not tell them.
    async fn catch_up(&mut self) -> Result<(), Over> {
        for chunk in self.people.feeds.recent_output_of(self.batch, self.target.spot()) {
            self.chunk(chunk).await?;
        }
        Ok(())
    }

    /// Waits until there may be more to ask for, and passes on what comes over live meanwhile.
    async fn wait(
        &mut self,
        news: &mut broadcast::Receiver<News>,
        session: Option<u64>,
    ) -> Result<(), Over> {
        let again = Instant::now() + AGAIN;
        let mut tick = interval(LOOK);
        loop {
            // Both branches are cancel-safe.
            let told = tokio::select! {
                told = news.recv() => told,
                _ = tick.tick() => {
                    if self.session() != session || Instant::now() >= again {
                        return Ok(());
                    }
                    continue;
                }
            };
            match told {
                Ok(News::Output(chunk)) => {
                    if chunk.host == self.target.host.to_string()
                        && chunk.item == u32::from(self.target.item)
                    {
                        self.chunk((*chunk).clone()).await?;
                    }
                }
                Ok(News::Task(spot, ..)) if spot == self.target.spot() => return Ok(()),
                Ok(News::Batch(batch)) if batch.state != BatchState::Running => return Ok(()),
                Ok(News::Task(..) | News::Batch(_) | News::Progress(_)) => {}
                // What it missed, it asks the agent for.
                Err(RecvError::Lagged(_)) => return Ok(()),
                Err(RecvError::Closed) => {
                    *news = self.people.feeds.subscribe(self.batch);
                    return Ok(());
                }
            }
        }
    }

    /// Tells what is kept of the rest, and the end.
    async fn finish(mut self, record: &TaskRecord) -> Result<(), Over> {
        let key = keys::output(TaskId::at(self.batch, self.target.spot()));
        let entry = self.people.store.get(&key).await.map_err(Unstorable::problem)?;
        let mut task = show(&self.target, record);
        if let Some(entry) = entry {
            let stored: StoredOutput = decode(&key, &entry.value)?;
            task.output = stored.is_removed().then(|| told(stored.clone()));
            let kept = KeptOutput::from(stored);
            for kind in [StreamKind::Stdout, StreamKind::Stderr] {
                for (offset, run) in kept.stream(kind).runs_from(*self.from(kind)) {
                    let mut at = offset;
                    for piece in run.chunks(PIECE) {
                        self.piece(kind, at, bytes::Bytes::copy_from_slice(piece)).await?;
                        at += piece.len() as u64;
                    }
                }
            }
        }
        self.tell(Event::Ended(task)).await
    }

    async fn chunk(&mut self, chunk: wire::OutputChunk) -> Result<(), Over> {
        let Ok(stream) = chunk.stream().try_into() else { return Ok(()) };
        self.piece(stream, chunk.offset, chunk.data).await
    }

    /// Passes on what the reader does not have of a piece.
    async fn piece(
        &mut self,
        stream: StreamKind,
        offset: u64,
        mut data: bytes::Bytes,
    ) -> Result<(), Over> {
        let from = self.from(stream);
        let Some(end) = offset.checked_add(data.len() as u64).filter(|end| *end > *from) else {
            return Ok(());
        };
        let known = from.saturating_sub(offset);
        *from = end;
        // No more than there is: the end is after what is known.
        drop(data.split_to(known as usize));
        let (stream, offset) = (wire::StreamKind::from(stream).into(), offset + known);
        self.tell(Event::Piece(wire::OutputPiece { stream, offset, data })).await
    }

    const fn from(&mut self, stream: StreamKind) -> &mut u64 {
        match stream {
            StreamKind::Stdout => &mut self.stdout_from,
            StreamKind::Stderr => &mut self.stderr_from,
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Over> {
        let read = wire::OutputRead { event: Some(event) };
        self.out.send(Ok(read)).await.map_err(|_| Over::HungUp)
    }
}
