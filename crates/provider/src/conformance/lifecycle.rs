//! From made to gone.

use std::time::{Duration, Instant};

use tamer_model::{InstanceState, NativeId, Operation};

use super::bench::{Bench, Case, Outcome, cases, fail, holds, refused, same, skip};
use crate::FaultKind;

/// Long enough for what is idle to end by itself, well within the patience of every technology.
pub(super) const GRACE: Duration = Duration::from_secs(10);

pub(super) const NEEDS: &[Operation] =
    &[Operation::List, Operation::Create, Operation::Start, Operation::Stop, Operation::Remove];

cases! {
    "lifecycle", NEEDS, lifecycle;
    "lifecycle-restart", NEEDS, restart;
    "lifecycle-pause", NEEDS, pause;
    "lifecycle-twice", NEEDS, twice;
    "lifecycle-remove", NEEDS, remove;
    "lifecycle-stubborn", NEEDS, stubborn;
}

/// Made, started, stopped, started again, stopped, removed; `list` and `get` agree all the way.
async fn lifecycle(bench: &Bench<'_>) -> Outcome {
    let provider = &bench.provider;
    let before = bench.ours().await?.len();
    let id = bench.made("life").await?;
    agreed(bench, &id, bench.subject.made()).await?;
    bench.start(&id).await?;
    agreed(bench, &id, InstanceState::Running).await?;
    provider.stop(&id, Some(GRACE)).await?;
    // A stop returns when it has stopped: nothing is waited for.
    same("its state after a stop", bench.get(&id).await?.state, InstanceState::Stopped)?;
    agreed(bench, &id, InstanceState::Stopped).await?;
    bench.start(&id).await?;
    agreed(bench, &id, InstanceState::Running).await?;
    provider.stop(&id, None).await?;
    same("its state after a stop", bench.get(&id).await?.state, InstanceState::Stopped)?;
    agreed(bench, &id, InstanceState::Stopped).await?;
    provider.remove(&id, false).await?;
    gone(bench, &id).await?;
    same("instances after all", bench.ours().await?.len(), before)
}

/// `get` and `list` tell the same, and this state.
async fn agreed(bench: &Bench<'_>, id: &NativeId, state: InstanceState) -> Outcome {
    let one = bench.state(id, state).await?;
    let all = bench.list().await?;
    let listed: Vec<_> = all.iter().filter(|instance| instance.native == *id).collect();
    match listed[..] {
        [instance] => same("list and get", instance, &one),
        [] => fail(format!("{id} is not listed while {state}")),
        _ => fail(format!("{id} is listed more than once")),
    }
}

/// It is not listed, and every call about it says that it is not there.
pub(super) async fn gone(bench: &Bench<'_>, id: &NativeId) -> Outcome {
    let provider = &bench.provider;
    holds("it is still listed", !bench.list().await?.iter().any(|i| i.native == *id))?;
    let kind = FaultKind::NotFound;
    refused("get", provider.get(id).await, kind)?;
    refused("describe", provider.describe(id).await, kind)?;
    refused("start", provider.start(id).await, kind)?;
    refused("stop", provider.stop(id, None).await, kind)?;
    refused("remove", provider.remove(id, false).await, kind)?;
    refused("remove with force", provider.remove(id, true).await, kind)?;
    if bench.can(Operation::Restart) {
        refused("restart", provider.restart(id, None).await, kind)?;
    }
    if bench.can(Operation::Pause) {
        refused("pause", provider.pause(id).await, kind)?;
    }
    if bench.can(Operation::Resume) {
        refused("resume", provider.resume(id).await, kind)?;
    }
    if bench.can(Operation::Stats) {
        refused("stats", provider.stats(id).await, kind)?;
    }
    if bench.can(Operation::Logs) {
        refused("logs", provider.logs(id, &tamer_model::LogOptions::default()).await, kind)?;
    }
    if bench.can(Operation::Exec) {
        let spec = tamer_model::ExecSpec::new(["true"]);
        refused("exec", provider.exec(id, &spec).await, kind)?;
    }
    if bench.can(Operation::CheckpointFull) || bench.can(Operation::CheckpointDisk) {
        refused("checkpoints", provider.checkpoints(id).await, kind)?;
    }
    Ok(())
}

/// A restart leaves it running, with the same id, also from a stop.
async fn restart(bench: &Bench<'_>) -> Outcome {
    if let Some(why) = bench.cannot(Operation::Restart) {
        return skip(why);
    }
    let id = bench.running("again").await?;
    bench.provider.restart(&id, Some(GRACE)).await?;
    bench.state(&id, InstanceState::Running).await?;
    bench.subject.ready(&id).await?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    bench.provider.restart(&id, Some(GRACE)).await?;
    bench.state(&id, InstanceState::Running).await?;
    Ok(())
}

/// Paused and back, twice each; what does not run cannot be paused.
async fn pause(bench: &Bench<'_>) -> Outcome {
    if let Some(why) = bench.cannot(Operation::Pause).or(bench.cannot(Operation::Resume)) {
        return skip(why);
    }
    let provider = &bench.provider;
    let id = bench.made("pause").await?;
    refused("pause of what does not run", provider.pause(&id).await, FaultKind::Conflict)?;
    bench.start(&id).await?;
    provider.pause(&id).await?;
    bench.state(&id, InstanceState::Paused).await?;
    provider.pause(&id).await?;
    bench.state(&id, InstanceState::Paused).await?;
    provider.resume(&id).await?;
    bench.state(&id, InstanceState::Running).await?;
    provider.resume(&id).await?;
    bench.state(&id, InstanceState::Running).await?;
    Ok(())
}

/// Asking for what is so already is done.
async fn twice(bench: &Bench<'_>) -> Outcome {
    let id = bench.made("twice").await?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    same("stopped before it ran", bench.get(&id).await?.state, bench.subject.made())?;
    bench.start(&id).await?;
    bench.provider.start(&id).await?;
    bench.state(&id, InstanceState::Running).await?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    bench.state(&id, InstanceState::Stopped).await?;
    Ok(())
}

/// What runs is removed only by force.
async fn remove(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("remove").await?;
    refused("remove", bench.provider.remove(&id, false).await, FaultKind::Conflict)?;
    bench.state(&id, InstanceState::Running).await?;
    bench.provider.remove(&id, true).await?;
    gone(bench, &id).await
}

/// What does not hear is ended after the grace, not before and not much later.
async fn stubborn(bench: &Bench<'_>) -> Outcome {
    let Some(spec) = bench.subject.stubborn(bench.name("deaf")) else {
        return skip("there is no stubborn instance");
    };
    let id = bench.running_as(spec).await?;
    let grace = Duration::from_secs(2);
    let began = Instant::now();
    bench.provider.stop(&id, Some(grace)).await?;
    let took = began.elapsed();
    let state = bench.get(&id).await?.state;
    holds(
        &format!("it is {state} after the stop"),
        matches!(state, InstanceState::Stopped | InstanceState::Failed),
    )?;
    holds(&format!("it was ended after {took:?}, before the grace"), took >= grace)?;
    holds(&format!("it was ended after {took:?}"), took < grace + bench.subject.patience())
}
