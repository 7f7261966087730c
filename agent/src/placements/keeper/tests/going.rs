//! Placements that shall go.

use std::time::Duration;

use tamer_model::{InstanceState, OptionValue, Phase, PlacementOrder, Span};
use tokio::time::Instant;

use super::rig::{Rig, name, running};
use crate::placements::kept::testing::order;

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_is_removed_told_and_then_forgotten() {
    let mut rig = Rig::new().await;
    let id = rig.put(order(1)).await;
    rig.phase(id, Phase::Running).await;
    rig.go(id).await;
    let gone = rig.phase(id, Phase::Gone).await;
    assert_eq!(gone.reason.as_deref(), Some("an update replaces it"));
    assert_eq!(rig.instances().await, []);
    // It is told in every session, also of another life.
    rig.kill().await;
    rig.open(None);
    rig.phase(id, Phase::Gone).await;
    rig.session().await;
    rig.phase(id, Phase::Gone).await;
    // Until it is not named any more.
    rig.forget(id);
    rig.session().await;
    rig.put(order(2)).await;
    rig.phase(order(2).id, Phase::Running).await;
    assert_eq!(rig.status(id), None);
    // And it is answered the same if it is named once more.
    rig.go(id).await;
    rig.phase(id, Phase::Gone).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_list_does_not_name_goes_also_when_that_came_while_it_was_offline() {
    let mut rig = Rig::new().await;
    let (stays, goes) = (rig.put(order(1)).await, rig.put(order(2)).await);
    for id in [stays, goes] {
        rig.phase(id, Phase::Running).await;
    }
    rig.cut();
    rig.forget(goes);
    rig.pass(600).await;
    assert_eq!(rig.instances().await.len(), 2, "nobody said that it shall go");
    rig.session().await;
    let left = [(name(&order(1)), InstanceState::Running)];
    rig.holds(|seen| seen == left).await;
    rig.put(order(3)).await;
    rig.phase(order(3).id, Phase::Running).await;
    assert_eq!(rig.status(goes), None, "nobody asks for it");
    assert_eq!(rig.fake.calls("create"), 3);
}

#[tokio::test(start_paused = true)]
async fn new_ones_wait_for_those_that_go() {
    let mut rig = Rig::new().await;
    let mut slow = order(1);
    slow.instance.options.insert("stop_ms".to_owned(), OptionValue::Number(8000));
    let old = rig.put(slow).await;
    rig.phase(old, Phase::Running).await;
    rig.go(old).await;
    let new = rig.put(order(2)).await;
    let begin = Instant::now();
    let waits = rig.phase(new, Phase::Accepted).await;
    assert!(waits.reason.is_some_and(|reason| reason.contains("waits for others")));
    rig.phase(old, Phase::Gone).await;
    rig.phase(new, Phase::Running).await;
    let took = begin.elapsed();
    assert!((Duration::from_secs(8)..Duration::from_secs(10)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_stop_is_waited_for_no_longer_than_it_may() {
    let mut rig = Rig::new().await;
    let grace = Span::from_secs(10);
    let deaf = PlacementOrder { stop_grace: grace, ..running(1, &["deaf"]) };
    let old = rig.put(deaf).await;
    rig.phase(old, Phase::Running).await;
    // Removals fail, so it never goes.
    rig.fake.set(tamer_model::Operation::Remove, tamer_model::Ability::NotNow("stuck".into()));
    // The supervisor learns of it with its next look.
    rig.pass(5).await;
    rig.go(old).await;
    let new = rig.put(order(2)).await;
    let begin = Instant::now();
    rig.phase(new, Phase::Running).await;
    let took = begin.elapsed();
    assert!((Duration::from_secs(69)..Duration::from_secs(72)).contains(&took), "{took:?}");
    let stuck = rig.phase(old, Phase::Stopping).await;
    assert!(stuck.reason.is_some_and(|reason| reason.contains("stuck")));
    rig.fake.set(tamer_model::Operation::Remove, tamer_model::Ability::Yes);
    rig.phase(old, Phase::Gone).await;
    assert_eq!(rig.instances().await, [(name(&order(2)), InstanceState::Running)]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_made_is_not_waited_for() {
    let mut rig = Rig::new().await;
    rig.fake.set_latency(Duration::from_secs(20));
    let id = rig.put(order(1)).await;
    rig.phase(id, Phase::Preparing).await;
    rig.pass(1).await;
    rig.fake.set_latency(Duration::ZERO);
    rig.go(id).await;
    rig.phase(id, Phase::Gone).await;
    rig.pass(120).await;
    assert_eq!(rig.instances().await, []);
}

#[tokio::test(start_paused = true)]
async fn those_that_are_gone_and_named_for_ever_are_bounded() {
    let mut rig = Rig::new().await;
    for round in 0..2 {
        for number in 0..=255 {
            let mut order = order(number);
            let mut bytes = *order.id.as_bytes();
            bytes[0] = round;
            order.id = tamer_model::PlacementId::from_bytes(bytes);
            let name = order.instance.name.take().map(|name| format!("{name}-{round}"));
            order.instance.name = name.map(|name| name.parse().expect("a name"));
            let id = rig.put(order).await;
            rig.go(id).await;
        }
    }
    let last =
        tamer_model::PlacementId::from_bytes([1, 255, 255, 255, 255, 255, 255, 255, 255, 255]);
    rig.phase(last, Phase::Gone).await;
    rig.pass(60).await;
    let (told, _) = rig.board().since(None);
    assert!(told.len() <= 256, "{}", told.len());
    assert_eq!(rig.instances().await, []);
}
