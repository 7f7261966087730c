//! What instances use.

use tamer_model::Operation;

use super::Program;
use super::bench::{Bench, Case, Outcome, cases, holds, refused, until};
use super::lifecycle::GRACE;
use crate::FaultKind;

const NEEDS: &[Operation] = &[
    Operation::List,
    Operation::Create,
    Operation::Start,
    Operation::Stop,
    Operation::Remove,
    Operation::Stats,
];

cases! {
    "stats", NEEDS, stats;
    "stats-stopped", NEEDS, stopped;
}

/// Counters grow, and what is not counted is absent.
async fn stats(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("stats").await?;
    let first = bench.provider.stats(&id).await?;
    holds("no memory is told", first.memory_bytes.is_some() || !bench.subject.counts_memory())?;
    for (what, value) in [("memory", first.memory_bytes), ("pids", first.pids)] {
        holds(&format!("{what} of 0 in what runs: {first:?}"), value != Some(0))?;
    }
    if bench.can(Operation::Exec) && bench.subject.argv(&Program::Burn).is_some() {
        bench.program(&id, &Program::Burn).await?;
    }
    let Some(cpu) = first.cpu_ns else { return Ok(()) };
    until("processor time", bench.subject.patience(), || async {
        let next = bench.provider.stats(&id).await?;
        holds("a sample from before the first", next.at >= first.at)?;
        let now = next.cpu_ns.unwrap_or(0);
        holds(&format!("processor time fell from {cpu} to {now}"), now >= cpu)?;
        Ok(if now > cpu { Ok(()) } else { Err(format!("{next:?}")) })
    })
    .await
}

/// What does not run uses nothing that could be told.
async fn stopped(bench: &Bench<'_>) -> Outcome {
    let id = bench.made("idle").await?;
    refused("stats before the start", bench.provider.stats(&id).await, FaultKind::Conflict)?;
    bench.start(&id).await?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    refused("stats after the stop", bench.provider.stats(&id).await, FaultKind::Conflict)?;
    Ok(())
}
