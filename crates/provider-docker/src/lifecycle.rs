//! Start, stop, pause and their kin.
//!
//! Engines disagree on what they answer to asking for what is so already, so after a refusal the
//! container is looked at: if it is as was asked, nothing is wrong.

use std::time::Duration;

use tamer_model::{MAX_GRACE_MS, NativeId};
use tamer_provider::{Fault, FaultKind, Result};

use crate::checkpoint::Leftovers;
use crate::client::{Ask, SLOW};
use crate::engine::Engine;
use crate::wire::{Inspected, InspectedState};

/// The grace of an engine when neither the caller nor the container says one.
const USUAL_GRACE: Duration = Duration::from_secs(10);

/// Looks at one container.
pub(crate) async fn inspect(engine: &Engine, id: &NativeId) -> Result<Inspected> {
    let ask = Ask::get(&["containers", id.as_str(), "json"]);
    engine.client.json(&format!("look at {id}"), ask).await
}

pub(crate) async fn start(engine: &Engine, id: &NativeId) -> Result<()> {
    let doing = format!("start {id}");
    let done = engine.client.done(&doing, Ask::post(&["containers", id.as_str(), "start"])).await;
    match done {
        Ok(_) => Ok(()),
        // Not of the container, but of something it needs.
        Err(fault) if fault.kind == FaultKind::NotFound => {
            Err(missing_part(engine, id, fault).await)
        }
        Err(fault) => unless(engine, id, fault, |state| state.running && !state.paused).await,
    }
}

pub(crate) async fn stop(engine: &Engine, id: &NativeId, grace: Option<Duration>) -> Result<()> {
    let ask = end(engine, id, "stop", grace).await?;
    let refused = match engine.client.done(&format!("stop {id}"), ask).await {
        Ok(_) => return Ok(()),
        Err(fault) => fault,
    };
    unless(engine, id, refused, |state| !state.running && !state.paused).await
}

pub(crate) async fn restart(engine: &Engine, id: &NativeId, grace: Option<Duration>) -> Result<()> {
    let ask = end(engine, id, "restart", grace).await?;
    engine.client.done(&format!("restart {id}"), ask).await.map(drop)
}

pub(crate) async fn pause(engine: &Engine, id: &NativeId) -> Result<()> {
    let ask = Ask::post(&["containers", id.as_str(), "pause"]);
    match engine.client.done(&format!("pause {id}"), ask).await {
        Ok(_) => Ok(()),
        Err(fault) => unless(engine, id, fault, |state| state.paused).await,
    }
}

pub(crate) async fn resume(engine: &Engine, id: &NativeId) -> Result<()> {
    let ask = Ask::post(&["containers", id.as_str(), "unpause"]);
    match engine.client.done(&format!("resume {id}"), ask).await {
        Ok(_) => Ok(()),
        Err(fault) => unless(engine, id, fault, |state| state.running && !state.paused).await,
    }
}

pub(crate) async fn remove(engine: &Engine, id: &NativeId, force: bool) -> Result<()> {
    let left = Leftovers::of(engine, id).await?;
    // Volumes without a name are only its own and go with it; those with a name stay.
    let ask = Ask::delete(&["containers", id.as_str()]).query("v", "true").query("force", force);
    engine.client.done(&format!("remove {id}"), ask).await?;
    left.remove(engine).await;
    Ok(())
}

/// A request that ends a run, with a limit that leaves room for the grace.
async fn end(engine: &Engine, id: &NativeId, verb: &str, grace: Option<Duration>) -> Result<Ask> {
    let seen = inspect(engine, id).await?;
    if seen.state.paused && engine.kind.stops_only_what_runs() {
        resume(engine, id).await?;
    }
    let ask = Ask::post(&["containers", id.as_str(), verb]);
    let longest = Duration::from_millis(MAX_GRACE_MS);
    Ok(match grace {
        Some(grace) => {
            let grace = grace.min(longest);
            // Engines know whole seconds only; rounded up, for a grace is a promise.
            let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
            ask.query("t", seconds).limit(Some(grace + SLOW))
        }
        None => {
            let own = seen.config.stop_timeout.map_or(USUAL_GRACE, Duration::from_secs);
            ask.limit(Some(own.max(USUAL_GRACE).min(longest) + SLOW))
        }
    })
}

/// The fault, unless the container is as was asked. A refusal that is about the container's state
/// is a conflict, whatever status the engine gave it.
async fn unless(
    engine: &Engine,
    id: &NativeId,
    fault: Fault,
    wanted: impl FnOnce(&InspectedState) -> bool,
) -> Result<()> {
    if fault.kind != FaultKind::Conflict {
        return Err(fault);
    }
    let seen = inspect(engine, id).await?;
    if wanted(&seen.state) {
        return Ok(());
    }
    let message = format!("{}: it is {}", fault.message, seen.state.status);
    Err(Fault { message, ..fault })
}

/// A start that missed something: the container itself, or what it was made with.
async fn missing_part(engine: &Engine, id: &NativeId, fault: Fault) -> Fault {
    match inspect(engine, id).await {
        Err(missing) => missing,
        Ok(_) => Fault { kind: FaultKind::Conflict, ..fault }
            .remedy("something it was made with is gone: make that again, or the instance anew"),
    }
}
