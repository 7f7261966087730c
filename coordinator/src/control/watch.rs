//! Following a batch: everything as it stands, then every change.
//!
//! The watcher subscribes before it reads, so nothing falls between; what it reads twice it can
//! tell apart, because task states only move forward and output has offsets.

use std::collections::HashMap;

use futures_util::Stream;
use tamer_model::{BatchId, BatchState, Problem, Spot, TaskId};
use tamer_proto::wire::batch_event::Event;
use tamer_proto::{status_of, wire};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::People;
use super::batches::{PENDING, show};
use crate::batch::{News, targets};
use crate::clock;
use crate::state::Target;

/// Events on their way to one watcher; a slow one falls behind on the feed, not here.
const AHEAD: usize = 64;

type Out = mpsc::Sender<Result<wire::BatchEvent, Status>>;

/// The watcher hung up, or something could not be read.
enum Over {
    HungUp,
    Failed(Problem),
}

impl From<Problem> for Over {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

struct Watcher {
    people: People,
    id: BatchId,
    with_output: bool,
    targets: HashMap<Spot, Target>,
    out: Out,
}

impl People {
    pub(super) async fn follow_batch(
        &self,
        request: wire::WatchBatchRequest,
    ) -> Result<impl Stream<Item = Result<wire::BatchEvent, Status>> + Send + 'static, Problem>
    {
        let (batch, _) = self.find_batch(&request.id).await?;
        let targets = targets::read(&self.store, batch.id).await?;
        let (out, stream) = mpsc::channel(AHEAD);
        let watcher = Watcher {
            people: self.clone(),
            id: batch.id,
            with_output: request.output,
            targets: targets.into_iter().map(|target| (target.spot(), target)).collect(),
            out,
        };
        let stop = self.stop.clone();
        // Ends with its watcher, with the batch, or with the program.
        tokio::spawn(async move {
            let out = watcher.out.clone();
            let over = tokio::select! {
                () = stop.cancelled() => return,
                () = out.closed() => return,
                over = watcher.run() => over,
            };
            if let Err(Over::Failed(problem)) = over {
                // A watcher that hung up meanwhile need not know.
                let _ = out.send(Err(status_of(problem))).await;
            }
        });
        Ok(ReceiverStream::new(stream))
    }
}

impl Watcher {
    async fn run(self) -> Result<(), Over> {
        loop {
            let mut news = self.people.feeds.subscribe(self.id);
            if self.snapshot().await? {
                return Ok(());
            }
            if self.follow(&mut news).await? {
                return Ok(());
            }
            // It fell behind: everything again, from the records.
        }
    }

    /// Tells everything as it stands, and whether that is the end of it.
    async fn snapshot(&self) -> Result<bool, Over> {
        let (batch, _) = self.people.find_batch(&self.id.to_string()).await?;
        let over = batch.state != BatchState::Running;
        let records = self.people.records(self.id).await?;
        self.tell(Event::Batch((batch.clone(), clock::now()).into())).await?;
        let mut targets: Vec<_> = self.targets.values().collect();
        targets.sort_by(|a, b| (&a.name, a.item).cmp(&(&b.name, b.item)));
        for target in targets {
            let record = records.get(&target.spot()).unwrap_or(&PENDING);
            let mut task = show(target, record);
            if record.state.end().is_some() && self.with_output {
                task.output = self.people.output(TaskId::at(self.id, target.spot())).await?;
            }
            self.tell(Event::Task(task)).await?;
        }
        self.tell(Event::Snapshotted(wire::Snapshotted {})).await?;
        if self.with_output && !over {
            // What the running commands wrote before this watcher came; offsets tell what it has.
            for chunk in self.people.feeds.recent_output(self.id) {
                self.tell(Event::Output(chunk)).await?;
            }
        }
        if over {
            // The state comes again, so that a watcher can end at a batch that has ended.
            self.tell(Event::Batch((batch, clock::now()).into())).await?;
        }
        Ok(over)
    }

    /// Tells what happens, until the batch has ended (true) or this fell behind (false).
    async fn follow(&self, news: &mut broadcast::Receiver<News>) -> Result<bool, Over> {
        loop {
            match news.recv().await {
                Ok(News::Batch(batch)) => {
                    let over = batch.state != BatchState::Running;
                    let batch = wire::Batch::from(((*batch).clone(), clock::now()));
                    self.tell(Event::Batch(batch)).await?;
                    if over {
                        return Ok(true);
                    }
                }
                Ok(News::Progress(progress)) => {
                    self.tell(Event::Progress((*progress).clone())).await?;
                }
                Ok(News::Task(spot, record, output)) => {
                    let Some(target) = self.targets.get(&spot) else { continue };
                    let mut task = show(target, &record);
                    task.output =
                        output.filter(|_| self.with_output).map(|output| (*output).clone().into());
                    self.tell(Event::Task(task)).await?;
                }
                Ok(News::Output(chunk)) if self.with_output => {
                    self.tell(Event::Output((*chunk).clone())).await?;
                }
                Ok(News::Output(_)) => {}
                Err(RecvError::Lagged(_)) => return Ok(false),
                // The feed was dropped because nobody listened for a moment: subscribe again.
                Err(RecvError::Closed) => return Ok(false),
            }
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Over> {
        self.out.send(Ok(wire::BatchEvent { event: Some(event) })).await.map_err(|_| Over::HungUp)
    }
}
