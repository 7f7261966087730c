//! Start, stop, pause and their kin.
//!
//! Engines disagree on what they answer to asking for what is so already, so after a refusal the
//! container is looked at: if it is as was asked, nothing is wrong.

use std::time::Duration;

use bollard::query_parameters::{
    RemoveContainerOptions, RestartContainerOptions, StartContainerOptions, StopContainerOptions,
};
use tamer_model::{MAX_GRACE_MS, NativeId};
use tamer_provider::{Fault, FaultKind, Result};

use crate::checkpoint::Leftovers;
use crate::client::{Ask, SLOW};
use crate::engine::Engine;
use crate::typed::part;
use crate::wire::{Inspected, InspectedState};

/// The grace of an engine when neither the caller nor the container says one.
const USUAL_GRACE: Duration = Duration::from_secs(10);

/// Looks at one container, by a type of our own: bollard's refuses the whole answer for one word
/// that it does not know (a state, a health, a mode of Podman's), and without this answer no
/// container could be stopped.
pub(crate) async fn inspect(engine: &Engine, id: &NativeId) -> Result<Inspected> {
    let ask = Ask::get(&["containers", id.as_str(), "json"]);
    engine.client.json(&format!("look at {id}"), ask).await
}

pub(crate) async fn start(engine: &Engine, id: &NativeId) -> Result<()> {
    let doing = format!("start {id}");
    let name = part(id.as_str())?;
    let call = engine.client.typed(&doing, Some(SLOW), |docker| async move {
        docker.start_container(&name, None::<StartContainerOptions>).await
    });
    match call.await {
        Ok(()) => Ok(()),
        // Not of the container, but of something it needs.
        Err(fault) if fault.kind == FaultKind::NotFound => {
            Err(missing_part(engine, id, fault).await)
        }
        Err(fault) => unless(engine, id, fault, |state| state.running && !state.paused).await,
    }
}

pub(crate) async fn stop(engine: &Engine, id: &NativeId, grace: Option<Duration>) -> Result<()> {
    let name = part(id.as_str())?;
    let (seconds, limit) = end(engine, id, grace).await?;
    let doing = format!("stop {id}");
    let call = engine.client.typed(&doing, Some(limit), |docker| async move {
        let options = StopContainerOptions { t: seconds, ..StopContainerOptions::default() };
        docker.stop_container(&name, Some(options)).await
    });
    match call.await {
        Ok(()) => Ok(()),
        Err(fault) => unless(engine, id, fault, |state| !state.running && !state.paused).await,
    }
}

pub(crate) async fn restart(engine: &Engine, id: &NativeId, grace: Option<Duration>) -> Result<()> {
    let name = part(id.as_str())?;
    let (seconds, limit) = end(engine, id, grace).await?;
    let doing = format!("restart {id}");
    let call = engine.client.typed(&doing, Some(limit), |docker| async move {
        let options = RestartContainerOptions { t: seconds, ..RestartContainerOptions::default() };
        docker.restart_container(&name, Some(options)).await
    });
    call.await
}

pub(crate) async fn pause(engine: &Engine, id: &NativeId) -> Result<()> {
    let name = part(id.as_str())?;
    let doing = format!("pause {id}");
    let call = engine
        .client
        .typed(&doing, Some(SLOW), |docker| async move { docker.pause_container(&name).await });
    match call.await {
        Ok(()) => Ok(()),
        Err(fault) => unless(engine, id, fault, |state| state.paused).await,
    }
}

pub(crate) async fn resume(engine: &Engine, id: &NativeId) -> Result<()> {
    let name = part(id.as_str())?;
    let doing = format!("resume {id}");
    let call = engine
        .client
        .typed(&doing, Some(SLOW), |docker| async move { docker.unpause_container(&name).await });
    match call.await {
        Ok(()) => Ok(()),
        Err(fault) => unless(engine, id, fault, |state| state.running && !state.paused).await,
    }
}

pub(crate) async fn remove(engine: &Engine, id: &NativeId, force: bool) -> Result<()> {
    let left = Leftovers::of(engine, id).await?;
    // Volumes without a name are only its own and go with it; those with a name stay.
    let how = RemoveContainerOptions { v: true, force, link: false };
    remove_only(engine, &format!("remove {id}"), id, how).await?;
    left.remove(engine).await;
    Ok(())
}

/// Removes a container, and leaves what only it used.
pub(crate) async fn remove_only(
    engine: &Engine,
    doing: &str,
    id: &NativeId,
    how: RemoveContainerOptions,
) -> Result<()> {
    let name = part(id.as_str())?;
    let call = engine.client.typed(doing, Some(SLOW), |docker| async move {
        docker.remove_container(&name, Some(how)).await
    });
    call.await
}

/// What is given to a request that ends a run: its grace in seconds, and how long it may take, which
/// leaves room for the grace.
async fn end(
    engine: &Engine,
    id: &NativeId,
    grace: Option<Duration>,
) -> Result<(Option<i32>, Duration)> {
    let seen = inspect(engine, id).await?;
    if seen.state.paused && engine.kind.stops_only_what_runs() {
        resume(engine, id).await?;
    }
    let longest = Duration::from_millis(MAX_GRACE_MS);
    Ok(match grace {
        Some(grace) => {
            let grace = grace.min(longest);
            // Engines know whole seconds only; rounded up, for a grace is a promise.
            let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
            (Some(i32::try_from(seconds).unwrap_or(i32::MAX)), grace + SLOW)
        }
        None => {
            let own = seen.config.stop_timeout.map_or(USUAL_GRACE, Duration::from_secs);
            (None, own.max(USUAL_GRACE).min(longest) + SLOW)
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
