//! Scans.

use std::collections::BTreeSet;

use tamer_model::{Operation, ResourceKind};

use super::bench::{Bench, Case, Outcome, cases, fail, holds, same, within};
use super::lifecycle::NEEDS;
use crate::Provider;

cases! {
    "scan", &[Operation::Scan], scan;
    "scan-instance", &[Operation::Scan, Operation::Create, Operation::Remove, Operation::List], instance;
    "scan-running", &[Operation::Scan], running;
}

/// In the order of kinds and ids, each once, and what something depends on is there.
async fn scan(bench: &Bench<'_>) -> Outcome {
    let found = look(bench).await?;
    let references: Vec<_> = found.iter().map(|resource| &resource.reference).collect();
    holds("it is out of order, or names one twice", references.is_sorted_by(|a, b| a < b))?;
    let known: BTreeSet<_> = references.into_iter().collect();
    for resource in &found {
        for needed in &resource.depends_on {
            let what = format!("{:?} depends on {needed:?}", resource.reference);
            holds(&format!("{what}, which is not there"), known.contains(needed))?;
        }
    }
    holds("no technology", found.iter().any(|r| r.reference.kind == ResourceKind::Technology))
}

/// An instance is found while it is there.
async fn instance(bench: &Bench<'_>) -> Outcome {
    let before = look(bench).await?;
    let id = bench.made("found").await?;
    let wanted = bench.name("found");
    let found = look(bench).await?;
    let Some(resource) = found.iter().find(|resource| {
        resource.reference.kind == ResourceKind::Instance && resource.name == wanted.as_str()
    }) else {
        return fail("the instance is not found");
    };
    holds(
        &format!("it depends on nothing it was made of: {resource:?}"),
        resource.depends_on.iter().any(|needed| {
            let kind = needed.kind;
            matches!(kind, ResourceKind::Image | ResourceKind::Volume | ResourceKind::Pool)
        }),
    )?;
    bench.provider.remove(&id, true).await?;
    same("after it is gone", look(bench).await?, before)
}

/// Nothing moves by itself, also while an instance runs.
async fn running(bench: &Bench<'_>) -> Outcome {
    if NEEDS.iter().all(|operation| bench.can(*operation)) {
        bench.running("moving").await?;
    }
    let first = look(bench).await?;
    // Long enough for an uptime in seconds to move.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let second = look(bench).await?;
    let moved: Vec<_> = first.iter().zip(&second).filter(|(one, two)| one != two).collect();
    holds(&format!("moved by themselves: {moved:?}"), moved.is_empty())?;
    same("resources", second.len(), first.len())
}

async fn look(bench: &Bench<'_>) -> Outcome<Vec<tamer_model::Resource>> {
    let provider: &dyn Provider = &*bench.provider;
    Ok(within("scan", bench.subject.patience(), provider.scan()).await??)
}
