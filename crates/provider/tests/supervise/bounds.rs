//! Bounds, limits and refusals.

use std::time::Duration;

use futures_util::future::join_all;
use tamer_model::{Ability, ExecSpec, Limits, LogOptions, Operation, OptionValue};
use tamer_provider::{Fault, FaultKind, ProgressSink, Provider as _};
use tokio::time::Instant;

use crate::{kept, sleep, spec};

#[tokio::test(start_paused = true)]
async fn a_few_calls_run_a_few_wait_and_the_rest_is_refused() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    let latency = Duration::from_secs(1);
    kept.fake.set_latency(latency);
    let before = kept.fake.calls("describe");
    let calls = join_all((0..300).map(|_| kept.handle.describe(&id)));
    let begun = async {
        tokio::time::sleep(latency / 2).await;
        kept.fake.calls("describe") - before
    };
    let began = Instant::now();
    let (outcomes, begun) = tokio::join!(calls, begun);
    assert_eq!(begun, 32, "calls at once");
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(refused.len(), 300 - 32 - 256);
    assert!(refused.iter().all(|fault| fault.kind == FaultKind::ResourceExhausted), "{refused:?}");
    assert_eq!(began.elapsed(), latency * 9, "288 calls, 32 at once");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_does_not_blind_the_keeper() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    // Stops that take a minute hold every turn there is.
    let mut deaf = spec("deaf");
    deaf.command = vec!["deaf".to_owned()];
    let slow = kept.handle.create(&deaf, &ProgressSink::none()).await.expect("create");
    kept.handle.start(&slow).await.expect("start");
    let grace = Some(Duration::from_secs(60));
    let stops = join_all((0..40).map(|_| kept.handle.stop(&slow, grace)));
    let change = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        kept.fake.change(&id, tamer_model::InstanceState::Stopped);
        let view = kept.handle.view();
        crate::until("the change", || match view.get(&id) {
            Some(seen) if seen.state == tamer_model::InstanceState::Stopped => Ok(()),
            seen => Err(format!("{seen:?}")),
        })
        .await;
        Instant::now()
    };
    let began = Instant::now();
    let (stops, seen) = tokio::join!(stops, change);
    assert!(stops.iter().all(Result::is_ok), "{stops:?}");
    assert!(seen - began < Duration::from_secs(2), "{:?}", seen - began);
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_a_timeout() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    let mut slow = spec("slow");
    for key in ["start_ms", "stop_ms"] {
        slow.options.insert(key.to_owned(), OptionValue::Number(60_000));
    }
    let slow = kept.handle.create(&slow, &ProgressSink::none()).await.expect("create");
    // A start of a minute and a bit, on a technology that answers its probes.
    kept.fake.set_latency(Duration::from_millis(10));
    let began = Instant::now();
    let fault = kept.handle.start(&slow).await.expect_err("late");
    assert_eq!((fault.kind, began.elapsed().as_secs()), (FaultKind::Timeout, 60), "{fault}");
    assert!(fault.message.contains("`start` within 60s"), "{fault}");
    assert!(matches!(
        kept.handle.status().borrow().availability,
        tamer_model::Availability::Available { .. }
    ));
    // What only hangs is a timeout too, until its technology is known to be away.
    kept.fake.set_latency(Duration::from_secs(11));
    let began = Instant::now();
    let fault = kept.handle.describe(&id).await.expect_err("late");
    assert_eq!((fault.kind, began.elapsed().as_secs()), (FaultKind::Timeout, 10), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn streams_have_a_bound_of_their_own() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(kept.handle.exec(&id, &sleep()).await.expect("exec"));
    }
    let refused = |outcome: Result<(), Fault>| {
        assert_eq!(outcome.expect_err("full").kind, FaultKind::ResourceExhausted);
    };
    refused(kept.handle.exec(&id, &sleep()).await.map(drop));
    refused(kept.handle.logs(&id, &LogOptions::default()).await.map(drop));
    // Other calls go on, and a place that is left can be had.
    kept.handle.describe(&id).await.expect("describe");
    open.pop();
    kept.handle.exec(&id, &sleep()).await.expect("exec");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_before_the_technology_is_asked() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    let why = "no room on this host";
    kept.fake.set(Operation::Pause, Ability::No("it has no freezer".to_owned()));
    kept.fake.set(Operation::Scan, Ability::NotNow(why.to_owned()));
    // The next check tells what it can do now.
    let mut status = kept.handle.status();
    let told = status.wait_for(|s| s.capabilities[&Operation::Scan] != Ability::Yes);
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("told").expect("kept");
    let before = kept.fake.all_calls();
    let fault = kept.handle.pause(&id).await.expect_err("cannot");
    assert_eq!(fault.kind, FaultKind::Unsupported);
    let fault = kept.handle.scan().await.expect_err("cannot");
    assert!(fault.kind == FaultKind::Unsupported && fault.message.contains(why), "{fault}");

    let refused = async |spec, field| {
        let outcome = kept.handle.create(&spec, &ProgressSink::none()).await;
        let fault = outcome.expect_err(field);
        assert_eq!((fault.kind, fault.field.as_deref()), (FaultKind::InvalidSpec, Some(field)));
    };
    let mut odd = spec("odd");
    odd.options.insert("colour".to_owned(), OptionValue::Flag(true));
    refused(odd, "options.colour").await;
    let limits = Limits { memory_bytes: Some(0), ..Limits::default() };
    refused(tamer_model::InstanceSpec { limits, ..spec("none") }, "limits.memory_bytes").await;
    let nothing = ExecSpec::new(Vec::<String>::new());
    let fault = kept.handle.exec(&id, &nothing).await.map(drop).expect_err("nothing");
    assert_eq!(fault.kind, FaultKind::InvalidSpec);
    assert_eq!(kept.fake.all_calls(), before, "nobody was asked");
}
