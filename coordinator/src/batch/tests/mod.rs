//! The controller with the rollout, on a store in memory and agents that are played.

mod stage;

use std::time::Duration;

use stage::{Stage, id, spec};
use tamer_model::{
    Action, Amount, BatchSpec, BatchState, CancelRequest, CommandSpec, HostState, Offline, OnTrip,
    Origin, Pause, Retry, Rollout, Stand, TaskState, Unsent, WaveSizes,
};

use crate::clock;

fn waves(canary: u32, size: u32) -> Rollout {
    Rollout {
        canary: Some(Amount::Count(canary)),
        waves: WaveSizes::Each(Amount::Count(size)),
        ..Rollout::default()
    }
}

fn hosts(started: &[(usize, u16)]) -> Vec<usize> {
    started.iter().map(|(host, _)| *host).collect()
}

#[tokio::test]
async fn waves_follow_each_other() {
    let stage = Stage::new(8, |_, _| Some((0, 20))).await;
    let batch = stage.ended(stage.run(waves(1, 3)).await).await;
    assert_eq!(batch.state, BatchState::Succeeded);
    let started = hosts(&stage.started());
    let sorted = |range: std::ops::Range<usize>| {
        let mut some = started[range].to_vec();
        some.sort_unstable();
        some
    };
    assert_eq!(sorted(0..1), [0]);
    assert_eq!(sorted(1..4), [1, 2, 3]);
    assert_eq!(sorted(4..7), [4, 5, 6]);
    assert_eq!(sorted(7..8), [7]);
}

#[tokio::test]
async fn no_more_are_in_flight_than_allowed() {
    let stage = Stage::new(9, |host, _| Some((0, 5 + host as u64 * 3))).await;
    let rollout = Rollout { max_in_flight: Some(Amount::Count(2)), ..Rollout::default() };
    stage.ended(stage.run(rollout).await).await;
    assert_eq!(stage.started().len(), 9);
    assert_eq!(stage.seen.lock().expect("a lock").most_in_flight, 2);
}

#[tokio::test]
async fn a_tripped_budget_stops_the_rest() {
    let stage = Stage::new(6, |host, _| Some((i32::from(host == 0), 1))).await;
    let rollout = Rollout { max_failed: Some(Amount::Count(0)), ..waves(1, 5) };
    let batch = stage.ended(stage.run(rollout).await).await;
    assert_eq!(batch.state, BatchState::Failed);
    assert_eq!(batch.reason.as_deref(), Some("1 failed, and 0 are allowed"));
    assert_eq!(hosts(&stage.started()), [0]);
    for record in &stage.tasks(batch.id).await[1..] {
        assert_eq!(record.state.end().and_then(|end| end.unsent), Some(Unsent::Tripped));
    }
}

#[tokio::test]
async fn what_failed_is_tried_again() {
    let stage = Stage::new(2, |host, attempt| Some((i32::from(host == 1 && attempt < 2), 1))).await;
    let retry = Retry { attempts: 3, backoff_ms: 10, ..Retry::default() };
    let batch = stage.ended(stage.run(Rollout { retry, ..Rollout::default() }).await).await;
    assert_eq!(batch.state, BatchState::Succeeded);
    let tasks = stage.tasks(batch.id).await;
    assert_eq!((tasks[0].attempt, tasks[0].before.len()), (0, 0));
    assert_eq!((tasks[1].attempt, tasks[1].before.len()), (2, 2));
    let mut again = stage.started();
    again.retain(|(host, _)| *host == 1);
    assert_eq!(again, [(1, 0), (1, 1), (1, 2)]);
}

#[tokio::test]
async fn an_undo_runs_where_it_had_succeeded() {
    let stage = Stage::new(4, |host, _| Some((i32::from(host == 2), 1))).await;
    let rollout =
        Rollout { max_failed: Some(Amount::Count(0)), on_trip: OnTrip::Undo, ..waves(2, 1) };
    let undo = Some(Box::new(Action::Command(CommandSpec::new(["undo"]))));
    let batch = stage.order(BatchSpec { rollout, undo, ..spec() }).await.expect("a batch");
    let batch = stage.ended(batch.id).await;
    let undoing = stage.ended(batch.undone_by.expect("it is undone")).await;
    assert_eq!(undoing.origin, Some(Origin::UndoOf(batch.id)));
    assert_eq!((undoing.state, undoing.targets), (BatchState::Succeeded, 2));
    assert_eq!(stage.words(batch.id).await, ["succeeded", "succeeded", "failed", "never_started"]);
}

#[tokio::test]
async fn batches_share_a_lease() {
    let stage = Stage::new(6, |_, _| Some((0, 10))).await;
    let leases = vec!["db:2".parse().expect("a lease")];
    let spec = || BatchSpec { leases: leases.clone(), ..spec() };
    let first = stage.order(spec()).await.expect("a batch").id;
    let second = stage.order(spec()).await.expect("a batch").id;
    stage.ended(first).await;
    stage.ended(second).await;
    assert_eq!(stage.started().len(), 12);
    assert_eq!(stage.seen.lock().expect("a lock").most_in_flight, 2);
}

#[tokio::test]
async fn a_person_lets_the_next_wave_begin() {
    let stage = Stage::new(3, |_, _| Some((0, 1))).await;
    let rollout = Rollout { pause: Pause::UntilResumed, ..waves(1, 2) };
    let batch = stage.run(rollout).await;
    let waits = |stand: &Stand| matches!(stand, Stand::Between { wave: 2, of: 2, until: None });
    stage.until(batch, "between waves", |batch| waits(&batch.stand)).await;
    assert_eq!(hosts(&stage.started()), [0]);
    stage.mark(batch, true).await;
    assert_eq!(stage.ended(batch).await.state, BatchState::Succeeded);
}

#[tokio::test]
async fn a_paused_batch_sends_nothing_until_it_goes_on() {
    let stage = Stage::new(20, |_, _| Some((0, 5))).await;
    let rollout = Rollout { max_in_flight: Some(Amount::Count(1)), ..Rollout::default() };
    let batch = stage.run(rollout).await;
    stage.mark(batch, false).await;
    stage.until(batch, "paused", |batch| batch.stand == Stand::Paused).await;
    let sent = stage.started().len();
    assert!(sent < 20, "{sent} were sent before the pause");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(stage.started().len(), sent);
    stage.mark(batch, true).await;
    assert_eq!(stage.ended(batch).await.state, BatchState::Succeeded);
}

#[tokio::test]
async fn offline_hosts_are_waited_for_skipped_or_required() {
    let stage = Stage::new(2, |_, _| Some((0, 1))).await;
    stage.sessions.forget_for_test(id(1));
    stage.state(1, HostState::Lost).await;
    let of = |offline| Rollout { offline, ..Rollout::default() };

    let skipped = stage.ended(stage.run(of(Offline::Skip)).await).await;
    assert_eq!((skipped.counts.succeeded, skipped.counts.unreachable), (1, 1));

    let required = stage.ended(stage.run(of(Offline::Require)).await).await;
    assert_eq!((required.counts.succeeded, required.counts.never_started), (0, 2));

    let short = stage.ended(stage.run(of(Offline::Wait(50))).await).await;
    assert_eq!((short.counts.succeeded, short.counts.unreachable), (1, 1));

    let waiting = stage.run(of(Offline::Wait(60_000))).await;
    let from = std::time::Instant::now();
    while stage.tasks(waiting).await.first().is_none_or(|task| task.state.end().is_none()) {
        assert!(from.elapsed() < Duration::from_secs(20), "host0 does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(stage.batch(waiting).await.state, BatchState::Running);
    stage.state(1, HostState::Ready).await;
    stage.connect(1).await;
    assert_eq!(stage.ended(waiting).await.state, BatchState::Succeeded);
}

#[tokio::test]
async fn a_cordoned_host_refuses() {
    let stage = Stage::new(2, |_, _| Some((0, 1))).await;
    stage.cordon(1).await;
    let batch = stage.ended(stage.run(Rollout::default()).await).await;
    assert_eq!(stage.words(batch.id).await, ["succeeded", "refused"]);
    assert_eq!(batch.counts.refused, 1);
}

#[tokio::test]
async fn the_deadline_and_a_cancel_end_what_runs() {
    let stage = Stage::new(3, |_, _| None).await;
    let in_time = |deadline_ms| Rollout {
        max_in_flight: Some(Amount::Count(2)),
        deadline_ms,
        ..Rollout::default()
    };
    let late = stage.ended(stage.run(in_time(Some(300))).await).await;
    assert_eq!((late.counts.cancelled, late.counts.never_started), (2, 1));
    assert_eq!(late.reason.as_deref(), Some("the time of the batch ran out"));

    let batch = stage.run(in_time(None)).await;
    let from = std::time::Instant::now();
    while stage.started().len() < 4 {
        assert!(from.elapsed() < Duration::from_secs(20), "nothing was sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let cancel = CancelRequest { by: stage::name(), at: clock::now() };
    stage.change(batch, |batch| batch.cancel = Some(cancel.clone())).await;
    let batch = stage.ended(batch).await;
    assert_eq!(batch.state, BatchState::Cancelled);
    assert_eq!((batch.counts.cancelled, batch.counts.never_started), (2, 1));
}

#[tokio::test]
async fn a_coordinator_that_comes_back_goes_on() {
    let mut stage = Stage::new(8, |_, _| Some((0, 30))).await;
    let batch = stage.run(waves(1, 3)).await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        stage.start();
        // Agents whose journals hold nothing: what was sent and not started is sent again.
        for host in 0..8 {
            stage.connect(host).await;
        }
    }
    let batch = stage.ended(batch).await;
    let tasks = stage.tasks(batch.id).await;
    assert!(tasks.iter().all(|task| matches!(task.state, TaskState::Ended(_))), "{tasks:?}");
    assert_eq!(batch.counts.succeeded + batch.counts.interrupted, 8, "{:?}", batch.counts);
}

#[tokio::test]
async fn what_contradicts_itself_is_refused() {
    let stage = Stage::new(2, |_, _| Some((0, 1))).await;
    for (rollout, field) in [
        (waves(3, 1), "rollout.canary"),
        (Rollout { rate: Some(0), ..Rollout::default() }, "rollout.rate"),
        (
            Rollout {
                waves: WaveSizes::Listed(vec![Amount::Share(6000), Amount::Share(6000)]),
                ..Rollout::default()
            },
            "rollout.waves",
        ),
        (Rollout { on_trip: OnTrip::Undo, ..Rollout::default() }, "undo"),
    ] {
        let problem = stage.order(BatchSpec { rollout, ..spec() }).await.expect_err("refused");
        assert_eq!(problem.field.as_deref(), Some(field), "{problem}");
    }
}
