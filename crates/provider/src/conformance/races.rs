//! Two things asked at once.

use tamer_model::{InstanceState, Operation};

use super::bench::{Bench, Case, Outcome, cases, fail, holds, same};
use super::lifecycle::{GRACE, NEEDS, gone};
use crate::FaultKind;

cases! {
    "race-stops", NEEDS, stops;
    "race-starts", NEEDS, starts;
    "race-remove-start", NEEDS, remove_start;
    "race-creates", &[Operation::List, Operation::Create, Operation::Remove], creates;
}

/// Two stops at once: both are done.
async fn stops(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("stops").await?;
    let stop = || bench.provider.stop(&id, Some(GRACE));
    let (one, two) = tokio::join!(stop(), stop());
    one?;
    two?;
    bench.state(&id, InstanceState::Stopped).await?;
    Ok(())
}

/// Two starts at once: both are done.
async fn starts(bench: &Bench<'_>) -> Outcome {
    let id = bench.made("starts").await?;
    let (one, two) = tokio::join!(bench.provider.start(&id), bench.provider.start(&id));
    one?;
    two?;
    bench.state(&id, InstanceState::Running).await?;
    Ok(())
}

/// Removed while it starts: each call says what came of it, and what is there agrees.
async fn remove_start(bench: &Bench<'_>) -> Outcome {
    let id = bench.made("haste").await?;
    let (started, removed) =
        tokio::join!(bench.provider.start(&id), bench.provider.remove(&id, true));
    if let Err(fault) = started
        && !matches!(fault.kind, FaultKind::NotFound | FaultKind::Conflict)
    {
        return fail(format!("start: {fault:?}"));
    }
    match removed {
        Ok(()) => gone(bench, &id).await,
        Err(fault) if fault.kind == FaultKind::Conflict => bench.get(&id).await.map(drop),
        Err(fault) => fail(format!("remove: {fault:?}")),
    }
}

/// Two creations of one name: one is made.
async fn creates(bench: &Bench<'_>) -> Outcome {
    let create = || bench.create(bench.subject.idle(bench.name("same")));
    let (one, two) = tokio::join!(create(), create());
    let made = [&one, &two].iter().filter(|result| result.is_ok()).count();
    same("instances made", made, 1)?;
    for fault in [one, two].into_iter().filter_map(Result::err) {
        same("the other one", fault.kind, FaultKind::AlreadyExists)?;
    }
    let ours = bench.ours().await?;
    holds(&format!("not exactly one is listed: {ours:?}"), ours.len() == 1)?;
    let Err(late) = create().await else { return fail("a third one was made") };
    same("a late one", late.kind, FaultKind::AlreadyExists)
}
