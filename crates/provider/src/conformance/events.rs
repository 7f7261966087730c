//! What changes is told.

use futures_util::StreamExt as _;
use tamer_model::{NativeId, Operation};

use super::bench::{Bench, Case, Outcome, cases, fail, within};
use super::lifecycle::GRACE;
use crate::{EventStream, ProviderEvent};

const NEEDS: &[Operation] = &[
    Operation::List,
    Operation::Create,
    Operation::Start,
    Operation::Stop,
    Operation::Remove,
    Operation::Events,
];

cases! {
    "events", NEEDS, events;
    "events-cancel", NEEDS, cancel;
}

/// A creation, a start, a stop and a removal are told, each in time.
async fn events(bench: &Bench<'_>) -> Outcome {
    let mut events = bench.provider.events().await?;
    let id = bench.made("seen").await?;
    told(bench, &mut events, &id, "create").await?;
    bench.provider.start(&id).await?;
    told(bench, &mut events, &id, "start").await?;
    bench.subject.ready(&id).await?;
    // What the start still tells must not pass for the stop.
    quiet(&mut events).await;
    bench.provider.stop(&id, Some(GRACE)).await?;
    told(bench, &mut events, &id, "stop").await?;
    quiet(&mut events).await;
    bench.provider.remove(&id, false).await?;
    told(bench, &mut events, &id, "remove").await
}

/// Reads until the instance is told, or that something was lost.
async fn told(bench: &Bench<'_>, events: &mut EventStream, id: &NativeId, what: &str) -> Outcome {
    let wanted = async {
        loop {
            match events.next().await {
                Some(Ok(ProviderEvent::Instance(told))) if told == *id => return Ok(()),
                Some(Ok(ProviderEvent::Lost)) => return Ok(()),
                Some(Ok(ProviderEvent::Instance(_) | ProviderEvent::Other)) => {}
                Some(Err(fault)) => return Err(fault.into()),
                None => return fail(format!("events ended before the {what} was told")),
            }
        }
    };
    within(&format!("the event of the {what}"), bench.subject.patience(), wanted).await?
}

/// Reads what is still on its way.
async fn quiet(events: &mut EventStream) {
    let moment = std::time::Duration::from_millis(500);
    while let Ok(Some(_)) = tokio::time::timeout(moment, events.next()).await {}
}

/// Readers that go away do no harm to those that come.
async fn cancel(bench: &Bench<'_>) -> Outcome {
    for _ in 0..8 {
        drop(bench.provider.events().await?);
    }
    let mut events = bench.provider.events().await?;
    let id = bench.made("late").await?;
    told(bench, &mut events, &id, "create").await
}
