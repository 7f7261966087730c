//! Placements, as a session brings them and tells of them.

use std::collections::BTreeMap;

use prost::Message as _;
use tamer_model::{
    InstanceSpec, InstanceState, Patience, PlacementId, PlacementOrder, Restart, Span,
};
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as Said;
use tamer_proto::wire::coordinator_message::Message;
use tamer_provider::Provider as _;
use tamer_provider::fake::{Fake, IMAGE};

use crate::coordinator::Host;

/// The version of the wire in which placements came.
const WITH: u32 = 4;

fn order(number: u8) -> PlacementOrder {
    let id = PlacementId::from_bytes([number; 10]);
    PlacementOrder {
        id,
        workload: "web".parse().expect("a name"),
        index: u32::from(number),
        template: 1,
        provider: "fake".parse().expect("a name"),
        instance: Box::new(InstanceSpec {
            name: Some(format!("web-{number}").parse().expect("a name")),
            image: Some(IMAGE.to_owned()),
            ..InstanceSpec::default()
        }),
        completes: false,
        restart: Restart::default(),
        health: None,
        stop_after: Patience::Never,
        stop_grace: Span::from_secs(1),
    }
}

fn list(put: &[PlacementOrder], keep: &[PlacementId]) -> Message {
    Message::Placements(wire::PlacementsWanted {
        begins: true,
        complete: true,
        put: put.iter().cloned().map(Into::into).collect(),
        keep: keep.iter().map(PlacementId::to_string).collect(),
        gone: Vec::new(),
    })
}

fn told(said: &[Said]) -> Vec<&wire::PlacementsTold> {
    let told = said.iter().filter_map(|said| match said {
        Said::Placements(told) => Some(told),
        _ => None,
    });
    told.collect()
}

/// The phase of each placement as it was told last.
fn phases(said: &[Said]) -> BTreeMap<String, String> {
    let reports = told(said).into_iter().flat_map(|told| &told.reports);
    let phase =
        |report: &wire::PlacementReport| report.status.as_ref().expect("a status").phase.clone();
    reports.map(|report| (report.id.clone(), phase(report))).collect()
}

/// What the last hello named, once what was told after it is complete.
fn listed(said: &[Said]) -> Option<Vec<String>> {
    let at = said.iter().rposition(|said| matches!(said, Said::Hello(_)))?;
    let Said::Hello(hello) = &said[at] else { return None };
    told(&said[at..]).iter().any(|told| told.complete).then(|| hello.placements.clone())
}

async fn phase(host: &Host, from: usize, id: PlacementId, expected: &str) {
    let id = id.to_string();
    host.coordinator
        .until(from, |said| {
            (phases(said).get(&id).map(String::as_str) == Some(expected)).then_some(())
        })
        .await;
}

async fn names(fake: &Fake) -> Vec<(String, InstanceState)> {
    let list = fake.list().await.expect("a list");
    let mut names: Vec<_> =
        list.iter().map(|instance| (instance.name.to_string(), instance.state)).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_listed_runs_and_what_is_not_listed_any_more_goes() {
    let host = Host::start(0, WITH).await;
    let first = host.coordinator.until(0, listed).await;
    assert!(first.is_empty(), "{first:?}");
    let (one, two) = (order(1), order(2));
    host.coordinator.say(list(&[one.clone(), two.clone()], &[])).await;
    for order in [&one, &two] {
        phase(&host, 0, order.id, "running").await;
    }
    // The next session names both, and hears of one of them no more.
    let from = host.coordinator.count();
    host.coordinator.cut().await;
    let named = host.coordinator.until(from, listed).await;
    assert_eq!(named, [one.id.to_string(), two.id.to_string()]);
    host.coordinator
        .until(from, |said| {
            let both = phases(said).values().filter(|phase| *phase == "running").count() == 2;
            both.then_some(())
        })
        .await;
    host.coordinator.say(list(&[], &[one.id])).await;
    host.coordinator
        .until(from, |_| {
            let seen = futures_util::FutureExt::now_or_never(names(&host.fake))?;
            (seen == [("web-1".to_owned(), InstanceState::Running)]).then_some(())
        })
        .await;
    assert_eq!(host.fake.calls("create"), 2, "nothing was made twice");
}

#[tokio::test]
async fn one_that_is_gone_is_told_in_every_session_until_it_is_not_named() {
    let host = Host::start(0, WITH).await;
    let order = order(1);
    host.coordinator.until(0, listed).await;
    host.coordinator.say(list(std::slice::from_ref(&order), &[])).await;
    phase(&host, 0, order.id, "running").await;
    let gone = || {
        let cause = "an update replaces it".to_owned();
        let gone = vec![wire::PlacementGone { id: order.id.to_string(), cause }];
        Message::Placements(wire::PlacementsWanted { gone, ..Default::default() })
    };
    host.coordinator.say(gone()).await;
    phase(&host, 0, order.id, "gone").await;
    let from = host.coordinator.count();
    host.coordinator.cut().await;
    let named = host.coordinator.until(from, listed).await;
    assert!(named.is_empty(), "it shall not run: {named:?}");
    phase(&host, from, order.id, "gone").await;
    host.coordinator.say(list(&[], &[])).await;
    host.coordinator.beats(3).await;
    let from = host.coordinator.count();
    host.coordinator.cut().await;
    host.coordinator.until(from, listed).await;
    let told = host.coordinator.until(from, |said| Some(phases(said))).await;
    assert!(told.is_empty(), "{told:?}");
    // One that nobody here knows is gone too.
    host.coordinator.say(gone()).await;
    phase(&host, from, order.id, "gone").await;
}

#[tokio::test]
async fn an_older_coordinator_is_told_nothing_and_takes_nothing_away() {
    let host = Host::start(0, WITH - 1).await;
    // It would never say this; that it is kept all the same shows that nothing else removes it.
    let message =
        wire::PlacementsWanted { put: vec![order(1).into()], ..wire::PlacementsWanted::default() };
    host.coordinator.say(Message::Placements(message)).await;
    let running = [("web-1".to_owned(), InstanceState::Running)];
    let there = |_: &[Said]| {
        let seen = futures_util::FutureExt::now_or_never(names(&host.fake))?;
        (seen == running).then_some(())
    };
    host.coordinator.until(0, there).await;
    let from = host.coordinator.count();
    host.coordinator.cut().await;
    host.coordinator
        .until(from, |said| said.iter().any(|said| matches!(said, Said::Hello(_))).then_some(()))
        .await;
    host.coordinator.beats(5).await;
    assert_eq!(names(&host.fake).await, running);
    let count = host.coordinator.until(0, |said| Some(told(said).len())).await;
    assert_eq!(count, 0);
}

#[tokio::test]
async fn an_order_that_nobody_understands_fails_alone() {
    let host = Host::start(0, WITH).await;
    host.coordinator.until(0, listed).await;
    let good = order(1);
    let bad = wire::PlacementOrder { provider: "no such name".into(), ..order(2).into() };
    let message = wire::PlacementsWanted {
        begins: true,
        complete: true,
        put: vec![bad, good.clone().into()],
        ..wire::PlacementsWanted::default()
    };
    host.coordinator.say(Message::Placements(message)).await;
    phase(&host, 0, good.id, "running").await;
    phase(&host, 0, order(2).id, "failed").await;
}

#[tokio::test]
async fn a_host_that_takes_no_placements_says_so() {
    let host = Host::with(0, WITH, &[("TAMER_AGENT_TASKS_ACCEPT", "commands")]).await;
    host.coordinator.until(0, listed).await;
    host.coordinator.say(list(&[order(1)], &[])).await;
    phase(&host, 0, order(1).id, "failed").await;
    let reason = host.coordinator.until(0, |said| {
        let told = told(said).into_iter().flat_map(|told| &told.reports).last()?;
        told.status.as_ref().map(|status| status.reason.clone())
    });
    let reason = reason.await;
    assert!(reason.contains("tasks.accept allows commands"), "{reason}");
    assert_eq!(host.fake.calls("create"), 0);
}

#[tokio::test]
async fn a_burst_of_changes_is_told_in_few_messages_and_starves_nobody() {
    let host = Host::start(0, WITH).await;
    host.coordinator.until(0, listed).await;
    let orders: Vec<_> = (0..=255).map(order).collect();
    let from = host.coordinator.count();
    host.coordinator.say(list(&orders, &[])).await;
    let messages = host
        .coordinator
        .until(from, |said| {
            let running = phases(said).values().filter(|phase| *phase == "running").count();
            (running == 256).then(|| {
                let told = told(said);
                assert!(told.iter().all(|told| told.encoded_len() <= 128 * 1024));
                told.len()
            })
        })
        .await;
    assert!(messages <= 200, "{messages} messages for some 800 changes");
    host.coordinator.beats(2).await;
}
