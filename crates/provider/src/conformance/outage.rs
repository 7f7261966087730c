//! A technology that is killed in the middle of things, and comes back.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tamer_model::{ExecSpec, NativeId, Operation};

use super::Program;
use super::bench::{Bench, Case, Outcome, cases, fail, holds, refused, skip, until, within};
use super::lifecycle::NEEDS;
use crate::{EventStream, ExecSession, FaultKind};

/// How long a call may take to see that nobody is there.
const QUICKLY: Duration = Duration::from_secs(5);

cases! {
    "outage", NEEDS, outage;
}

/// Streams end and calls fail, as unavailable and quickly; then the same provider works again.
async fn outage(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("lives").await?;
    let exec = match busy(bench) {
        Some(spec) => Some(bench.begin(&id, &spec).await?),
        None => None,
    };
    let events = match bench.can(Operation::Events) {
        true => Some(bench.provider.events().await?),
        false => None,
    };
    if !bench.subject.kill_technology().await {
        return skip("the technology cannot be killed");
    }
    // Whatever is seen, it must come back for the checks and the clean-up after this one.
    let seen = within("seeing the end", bench.subject.patience(), away(bench, &id, exec, events));
    let seen = seen.await;
    bench.subject.bring_back().await;
    seen??;
    until("the same provider", bench.subject.patience(), || async {
        Ok(match bench.provider.list().await {
            Ok(list) if list.iter().any(|instance| instance.native == id) => Ok(()),
            Ok(list) => Err(format!("{list:?}")),
            Err(fault) => Err(format!("{fault:?}")),
        })
    })
    .await?;
    // It may have died with its technology, and works like any other.
    bench.start(&id).await?;
    if busy(bench).is_none() {
        return Ok(());
    }
    let code = bench.program(&id, &Program::Exit(5)).await?.code;
    holds(&format!("a command ended with {code:?}"), code == Some(5))
}

/// A command that does not end by itself, where one can be had: one that writes all the time, or
/// else one that does nothing.
fn busy(bench: &Bench<'_>) -> Option<ExecSpec> {
    if !bench.can(Operation::Exec) {
        return None;
    }
    let programs = [Program::Endless, Program::Sleep(3600)];
    programs.iter().find_map(|program| bench.subject.argv(program)).map(ExecSpec::new)
}

async fn away(
    bench: &Bench<'_>,
    id: &NativeId,
    exec: Option<ExecSession>,
    events: Option<EventStream>,
) -> Outcome {
    if let Some(mut exec) = exec {
        let last = async {
            loop {
                match exec.output.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(fault)) => return Ok(fault),
                    None => return fail("a command's output ended as if all were well"),
                }
            }
        };
        let fault = within("the end of a command's output", QUICKLY, last).await??;
        holds(&format!("a command's output: {fault:?}"), fault.kind == FaultKind::Unavailable)?;
    }
    if let Some(mut events) = events {
        let end = async { while let Some(Ok(_)) = events.next().await {} };
        within("the end of the events", QUICKLY, end).await?;
    }
    let began = Instant::now();
    let provider = &bench.provider;
    for (what, outcome) in [
        ("probe", provider.probe().await.map(drop)),
        ("list", provider.list().await.map(drop)),
        ("get", provider.get(id).await.map(drop)),
        ("start", provider.start(id).await),
        ("stop", provider.stop(id, None).await),
    ] {
        refused(what, outcome, FaultKind::Unavailable)?;
    }
    if let Some(spec) = busy(bench) {
        refused("exec", provider.exec(id, &spec).await, FaultKind::Unavailable)?;
    }
    let took = began.elapsed();
    holds(&format!("the calls took {took:?} to fail"), took < QUICKLY)
}
