//! One step, carried out by a provider.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use tamer_model::{Instance, LogOptions, NativeId, PlacementOrder};
use tamer_provider::supervise::Supervised;
use tamer_provider::{Fault, FaultKind, ProgressSink, Provider as _, Result};
use tokio_util::sync::CancellationToken;

use super::decide::Step;
use super::ours::{self, Relation, relation};
use super::words;

/// How long the end of a log is waited for.
const LOG: Duration = Duration::from_secs(5);
/// Lines of the log that are asked for: the last may be empty.
const LINES: u64 = 10;
/// Bytes of the log that are kept while it is read: one line is all that is told.
const TAIL: usize = 8 * 1024;

/// What came of a step.
#[derive(Debug)]
pub enum Done {
    /// The instance was made or found, and started.
    Up(Instance),
    /// It goes on.
    Resumed,
    /// It is stopped.
    Stopped,
    /// It is removed, or was not there.
    Cleared,
    /// The end of its log; empty when it says nothing.
    Explained(String),
    /// It was not waited for.
    Cancelled,
    /// It could not be done.
    Fault(Fault),
    /// The provider broke.
    Broke,
}

/// Carries out the step, unless it is cancelled before.
pub async fn perform(
    provider: Supervised,
    order: Arc<PlacementOrder>,
    step: Step,
    cancel: CancellationToken,
) -> Done {
    // A provider that panics fails this placement and nothing else.
    let work = AssertUnwindSafe(carry_out(&provider, &order, step)).catch_unwind();
    match cancel.run_until_cancelled(work).await {
        Some(Ok(Ok(done))) => done,
        Some(Ok(Err(fault))) => Done::Fault(fault),
        Some(Err(_)) => Done::Broke,
        None => Done::Cancelled,
    }
}

async fn carry_out(provider: &Supervised, order: &PlacementOrder, step: Step) -> Result<Done> {
    match step {
        Step::Run { made, unsure } => run(provider, order, made, unsure).await.map(Done::Up),
        Step::Resume(id) => provider.resume(&id).await.map(|()| Done::Resumed),
        Step::Stop(id) => stop(provider, order, &id).await.map(|()| Done::Stopped),
        Step::Clear { made, unsure } => {
            clear(provider, order, made, unsure).await.map(|()| Done::Cleared)
        }
        Step::Explain(id) => Ok(Done::Explained(explain(provider, &id).await)),
    }
}

async fn run(
    provider: &Supervised,
    order: &PlacementOrder,
    made: Option<NativeId>,
    unsure: bool,
) -> Result<Instance> {
    let found = match made {
        None if unsure => find(provider, order).await?.into_iter().next(),
        made => made,
    };
    let id = match found {
        Some(id) => id,
        None => make(provider, order).await?,
    };
    provider.start(&id).await?;
    provider.get(&id).await
}

/// Makes it. One of its name that is there already is ours after all, or an error.
async fn make(provider: &Supervised, order: &PlacementOrder) -> Result<NativeId> {
    match provider.create(&ours::spec(order), &ProgressSink::none()).await {
        Err(fault) if fault.kind == FaultKind::AlreadyExists => {
            find(provider, order).await?.into_iter().next().ok_or(fault)
        }
        made => made,
    }
}

/// Every instance of ours, as the technology knows it now.
async fn find(provider: &Supervised, order: &PlacementOrder) -> Result<Vec<NativeId>> {
    let list = provider.list().await?;
    let ours = list.into_iter().filter(|instance| relation(order, instance) == Relation::Ours);
    Ok(ours.map(|instance| instance.native).collect())
}

async fn stop(provider: &Supervised, order: &PlacementOrder, id: &NativeId) -> Result<()> {
    absent_is_done(provider.stop(id, Some(order.stop_grace.duration())).await)
}

async fn clear(
    provider: &Supervised,
    order: &PlacementOrder,
    made: Option<NativeId>,
    unsure: bool,
) -> Result<()> {
    let mut all: Vec<_> = made.into_iter().collect();
    if unsure {
        all.extend(find(provider, order).await?);
        all.sort_unstable();
        all.dedup();
    }
    for id in all {
        // One that does not stop politely, or cannot, is ended with its removal.
        if let Err(fault) = stop(provider, order, &id).await {
            if fault.kind == FaultKind::Unavailable {
                return Err(fault);
            }
            tracing::warn!(placement = %order.id, instance = %id, %fault, "it does not stop; it is removed by force");
        }
        absent_is_done(provider.remove(&id, true).await)?;
    }
    Ok(())
}

/// The last line of its log. What cannot be had is not told.
async fn explain(provider: &Supervised, id: &NativeId) -> String {
    let options = LogOptions { follow: false, since: None, tail: Some(LINES), timestamps: false };
    let mut tail = Vec::new();
    let read = async {
        let Ok(mut log) = provider.logs(id, &options).await else { return };
        while let Some(Ok(chunk)) = log.next().await {
            tail.extend_from_slice(&chunk.data);
            let over = tail.len().saturating_sub(TAIL);
            tail.drain(..over);
        }
    };
    // What was read until then is told.
    let _ = tokio::time::timeout(LOG, read).await;
    words::last_line(&tail)
}

fn absent_is_done(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
