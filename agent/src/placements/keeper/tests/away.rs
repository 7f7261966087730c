//! Technologies and coordinators that are away.

use std::time::Duration;

use tamer_model::{InstanceState, Patience, Phase, PlacementOrder, Span};
use tokio::time::Instant;

use super::rig::{Rig, completing, name};
use crate::placements::kept::testing::order;

fn impatient(number: u8, seconds: u64) -> PlacementOrder {
    PlacementOrder { stop_after: Patience::After(Span::from_secs(seconds)), ..order(number) }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_killed_finds_its_instances_and_touches_none() {
    let mut rig = Rig::new().await;
    for number in 1..=5 {
        let id = rig.put(order(number)).await;
        rig.phase(id, Phase::Running).await;
    }
    rig.fake.populate(20);
    let before = rig.instances().await;
    let calls = ["create", "start", "stop", "restart", "remove"];
    let count = || calls.map(|method| rig.fake.calls(method));
    let counted = count();
    for _ in 0..3 {
        rig.kill().await;
        rig.open(None);
        for number in 1..=5 {
            rig.phase(order(number).id, Phase::Running).await;
        }
        rig.session().await;
        rig.pass(60).await;
    }
    assert_eq!(calls.map(|method| rig.fake.calls(method)), counted);
    assert_eq!(rig.instances().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_technology_that_is_away_fails_nobody() {
    let mut rig = Rig::new().await;
    let (id, task) = (rig.put(order(1)).await, rig.put(completing(2)).await);
    for id in [id, task] {
        rig.phase(id, Phase::Running).await;
    }
    let starts = rig.fake.calls("start");
    rig.fake.die();
    let away = rig.until(id, |status| status.reason.is_some()).await;
    assert_eq!(away.phase, Phase::Running, "{away:?}");
    let late = rig.put(order(3)).await;
    rig.pass(600).await;
    // What it ran ended meanwhile.
    rig.fake.exit(&rig.native(task).await, 0, "done");
    assert_eq!(rig.status(task).map(|status| status.phase), Some(Phase::Running));
    rig.fake.come_back();
    rig.phase(task, Phase::Completed).await;
    rig.phase(late, Phase::Running).await;
    let back = rig.until(id, |status| status.reason.is_none()).await;
    assert_eq!((back.phase, back.restarts), (Phase::Running, 0));
    assert_eq!(rig.fake.calls("start"), starts + 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_while_its_technology_is_away_goes_when_it_is_back() {
    let mut rig = Rig::new().await;
    let id = rig.put(order(1)).await;
    rig.phase(id, Phase::Running).await;
    rig.fake.die();
    rig.until(id, |status| status.reason.is_some()).await;
    rig.go(id).await;
    rig.phase(id, Phase::Stopping).await;
    rig.pass(600).await;
    assert_eq!(rig.status(id).map(|status| status.phase), Some(Phase::Stopping));
    rig.fake.come_back();
    rig.phase(id, Phase::Gone).await;
    assert_eq!(rig.instances().await, []);
}

#[tokio::test(start_paused = true)]
async fn without_a_coordinator_all_goes_on_but_what_may_not() {
    let mut rig = Rig::new().await;
    let (never, after) = (rig.put(order(1)).await, rig.put(impatient(2, 60)).await);
    for id in [never, after] {
        rig.phase(id, Phase::Running).await;
    }
    rig.pass(600).await;
    let begin = Instant::now();
    rig.cut();
    let cut = rig.phase(after, Phase::CutOff).await;
    assert!(cut.reason.is_none_or(|reason| reason.contains("1m")));
    let took = begin.elapsed();
    assert!((Duration::from_secs(60)..Duration::from_secs(62)).contains(&took), "{took:?}");
    let states =
        [(name(&order(1)), InstanceState::Running), (name(&order(2)), InstanceState::Stopped)];
    rig.holds(|seen| seen == states).await;
    // One that ends goes on being kept.
    rig.fake.exit(&rig.native(never).await, 1, "x");
    rig.until(never, |status| status.phase == Phase::Running && status.restarts == 1).await;
    rig.pass(600).await;
    rig.session().await;
    let back = rig.phase(after, Phase::Running).await;
    assert_eq!(back.restarts, 0, "that was no end of its own");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_started_anew_is_not_more_patient() {
    let mut rig = Rig::new().await;
    let id = rig.put(impatient(1, 120)).await;
    rig.phase(id, Phase::Running).await;
    rig.pass(600).await;
    rig.cut();
    let begin = Instant::now();
    for _ in 0..3 {
        rig.pass(29).await;
        rig.kill().await;
        rig.open(None);
        rig.phase(id, Phase::Running).await;
    }
    rig.phase(id, Phase::CutOff).await;
    // Each life may be wrong by what is written down only now and then, to either side.
    let took = begin.elapsed();
    assert!((Duration::from_secs(75)..Duration::from_secs(166)).contains(&took), "{took:?}");
    rig.kill().await;
    rig.open(None);
    rig.phase(id, Phase::CutOff).await;
    rig.forget(id);
    rig.session().await;
    rig.holds(|seen| seen.is_empty()).await;
}
