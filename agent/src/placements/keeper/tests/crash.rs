//! An agent that dies at any of its writes.

use std::time::Duration;

use tamer_model::{InstanceState, Phase};
use tokio::time::timeout;

use super::rig::{Death, Rig, completing, name};
use crate::placements::kept::testing::order;

/// How far the story of [`story`] is. Each part waits for the one before it, so an agent that died
/// in the middle has it done by its next life.
const PARTS: usize = 6;

#[tokio::test(start_paused = true)]
async fn at_every_write_it_can_die_and_nothing_is_made_twice_or_forgotten() {
    let mut writes = 0;
    for write in 1.. {
        let died = [true, false].map(|done| Death { write, done });
        let [after, before] = [story(died[0]).await, story(died[1]).await];
        if !after && !before {
            break;
        }
        writes = write;
    }
    // Orders, begun, up, ended, done, gone …
    assert!(writes >= 6, "only {writes} writes");
}

/// A service and a task are placed; the service ends and is restarted; the task succeeds; the
/// service goes. Whether the agent died on the way.
async fn story(death: Death) -> bool {
    let mut rig = Rig::off().await;
    rig.open(Some(death));
    rig.session().await;
    let mut died = false;
    for number in 0..PARTS {
        let crashed = rig.crashed.clone();
        let dead = {
            let step = timeout(Duration::from_secs(7200), part(&mut rig, number));
            crashed.run_until_cancelled(step).await.map(|done| done.expect("in time")).is_none()
        };
        if dead {
            died = true;
            rig.kill().await;
            rig.open(None);
            rig.session().await;
            part(&mut rig, number).await;
        }
    }
    let expected = [(name(&order(2)), InstanceState::Stopped)];
    rig.holds(|seen| seen == expected).await;
    assert_eq!(rig.fake.calls("create"), 2, "{death:?}");
    // Of the service one more where it died between a start and its record.
    assert_eq!(rig.fake.calls("start"), 3, "{death:?}");
    let done = rig.phase(order(2).id, Phase::Completed).await;
    assert_eq!(done.exit_code, Some(0), "{death:?}");
    died
}

async fn part(rig: &mut Rig, number: usize) {
    let (service, task) = (order(1).id, order(2).id);
    match number {
        0 => {
            rig.put(order(1)).await;
            rig.put(completing(2)).await;
        }
        1 => {
            rig.phase(service, Phase::Running).await;
            rig.until(task, |status| status.phase >= Phase::Running).await;
        }
        2 => {
            let native = rig.native(service).await;
            if rig.fake.calls("start") < 3 {
                rig.fake.exit(&native, 1, "x");
            }
            rig.until(service, |status| status.phase == Phase::Running && status.restarts >= 1)
                .await;
        }
        3 => {
            let native = rig.native(task).await;
            rig.fake.exit(&native, 0, "done");
            rig.phase(task, Phase::Completed).await;
        }
        4 => rig.go(service).await,
        _ => {
            rig.phase(service, Phase::Gone).await;
        }
    }
}
