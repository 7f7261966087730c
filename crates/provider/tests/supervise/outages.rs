//! Technologies that hang, die and come back.

use std::time::Duration;

use futures_util::StreamExt as _;
use tamer_model::{Ability, InstanceState, Operation};
use tamer_provider::supervise::Settings;
use tamer_provider::{ExecOutput, FaultKind, ProgressSink, Provider as _, ProviderEvent};
use tokio::time::{Instant, timeout};

use crate::{available, fake, keep, kept, kept_with, sleep, until};

#[tokio::test(start_paused = true)]
async fn what_hangs_is_unavailable_within_five_seconds_and_nobody_else_is() {
    let (hung, well) = (kept(3).await, kept(3).await);
    let before = hung.handle.view().all();
    hung.fake.hang();
    let took = available(&hung.handle, false).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    // Everybody is told at once, with the reason, and the view stays.
    let began = Instant::now();
    let fault = hung.handle.list().await.expect_err("hung");
    assert_eq!(fault.kind, FaultKind::Unavailable);
    assert!(fault.message.contains("does not answer"), "{fault}");
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(hung.handle.view().all(), before);
    assert_eq!(well.handle.list().await.expect("well").len(), 3);
    assert!(
        well.handle.status().borrow().availability != hung.handle.status().borrow().availability
    );
    hung.fake.unhang();
    let took = available(&hung.handle, true).await;
    assert!(took <= Duration::from_secs(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_dies_is_noticed_by_its_events_and_tells_nothing_gone() {
    let kept = kept(10).await;
    let first = kept.handle.view().since(0).expect("listed");
    kept.fake.die();
    let took = available(&kept.handle, false).await;
    assert!(took < Duration::from_millis(300), "{took:?}");
    tokio::time::sleep(Duration::from_secs(300)).await;
    let delta = kept.handle.view().since(first.revision).expect("listed");
    assert!(delta.put.is_empty() && delta.gone.is_empty(), "{delta:?}");
    // What changed meanwhile is seen with the return.
    let ids: Vec<_> = first.put.iter().map(|instance| instance.native.clone()).collect();
    kept.fake.change_silently(&ids[0], InstanceState::Stopped);
    kept.fake.vanish(&ids[1]);
    kept.fake.come_back();
    let took = available(&kept.handle, true).await;
    assert!(took <= Duration::from_secs(6), "{took:?}");
    let delta = kept.handle.view().since(first.revision).expect("listed");
    let put: Vec<_> = delta.put.iter().map(|instance| instance.native.clone()).collect();
    assert_eq!((put, delta.gone), (ids[..1].to_vec(), ids[1..2].to_vec()));
}

#[tokio::test(start_paused = true)]
async fn without_events_a_death_is_noticed_within_five_seconds() {
    let fake = fake("quiet");
    fake.set(Operation::Events, Ability::No("it tells none".to_owned()));
    let ids = fake.populate(2);
    let kept = keep(&fake, Settings::default());
    available(&kept.handle, true).await;
    // Changes are seen by asking.
    fake.change_silently(&ids[0], InstanceState::Stopped);
    let view = kept.handle.view();
    until("the change", || match view.get(&ids[0]) {
        Some(instance) if instance.state == InstanceState::Stopped => Ok(()),
        seen => Err(format!("{seen:?}")),
    })
    .await;
    fake.die();
    let took = available(&kept.handle, false).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_away_is_asked_more_and_more_rarely() {
    let fake = fake("away");
    fake.die();
    let kept = keep(&fake, Settings::default());
    tokio::time::sleep(Duration::from_secs(100)).await;
    let asked = fake.calls("probe");
    // Pauses of 2.5 to 5 s after the first few.
    assert!((20..=46).contains(&asked), "{asked} probes in 100 s");
    assert_eq!(fake.all_calls(), asked, "nothing else is asked");
    assert_eq!(kept.handle.view().since(0), None, "nothing is known, so nothing is told");
    fake.come_back();
    let took = available(&kept.handle, true).await;
    assert!(took <= Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn events_that_end_alone_are_listened_to_again() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    // It dies and is back before anybody asks: the status never moves.
    let status = kept.handle.status();
    kept.fake.die();
    kept.fake.come_back();
    until("a second ear", || match kept.fake.calls("events") {
        2 => Ok(()),
        calls => Err(format!("{calls} calls")),
    })
    .await;
    assert!(!status.has_changed().expect("kept"));
    kept.fake.change(&id, InstanceState::Stopped);
    let view = kept.handle.view();
    until("the change", || match view.get(&id) {
        Some(instance) if instance.state == InstanceState::Stopped => Ok(()),
        seen => Err(format!("{seen:?}")),
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn calls_and_streams_under_way_are_given_up_after_a_while() {
    let kept = kept_with(1, Settings::default()).await;
    let id = kept.handle.view().all()[0].native.clone();
    let mut silent = kept.handle.exec(&id, &sleep()).await.expect("exec");
    kept.fake.hang();
    let began = Instant::now();
    let nobody = ProgressSink::none();
    let pull = kept.handle.image_pull("fake/other:1", &nobody);
    let (pulled, last) = tokio::join!(pull, silent.output.next());
    assert_eq!(pulled.expect_err("hung").kind, FaultKind::Unavailable);
    match last {
        Some(Err(fault)) => assert_eq!(fault.kind, FaultKind::Unavailable),
        other => panic!("{other:?}"),
    }
    assert!(silent.output.next().await.is_none());
    let took = began.elapsed();
    assert!((30..36).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_short_absence_costs_nothing_that_is_under_way() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    let exec = tamer_model::ExecSpec::new(["sleep", "60"]);
    let session = kept.handle.exec(&id, &exec).await.expect("exec");
    kept.fake.hang();
    available(&kept.handle, false).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    kept.fake.unhang();
    available(&kept.handle, true).await;
    let items: Vec<_> = session.output.collect().await;
    assert_eq!(items, [Ok(ExecOutput::Ended(Some(0)))]);
}

#[tokio::test(start_paused = true)]
async fn the_keeper_stops_when_it_is_told_to() {
    let kept = kept(1).await;
    kept.fake.hang();
    drop(kept.stop);
    timeout(Duration::from_secs(1), kept.keeper).await.expect("at once").expect("no panic");
    assert_eq!(kept.handle.list().await.expect_err("stopped").kind, FaultKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_is_unavailable_and_tried_again() {
    let kept = kept(2).await;
    let before = kept.handle.view().all();
    for method in ["probe", "list", "get"] {
        kept.fake.panic_in(method);
        // A lost event makes it list, and an instance's makes it look; it probes by itself.
        match method {
            "list" => kept.fake.emit(ProviderEvent::Lost),
            "get" => kept.fake.emit(ProviderEvent::Instance(before[0].native.clone())),
            _ => {}
        }
        available(&kept.handle, false).await;
        let fault = kept.handle.list().await.expect_err("panicked");
        assert!(fault.message.contains("panicked"), "{method}: {fault}");
        available(&kept.handle, true).await;
        assert_eq!(kept.handle.view().all(), before);
    }
    // A caller's own panic is the caller's, and who asks next gets an answer.
    kept.fake.panic_in("scan");
    let handle = kept.handle.clone();
    let caller = tokio::spawn(async move { handle.scan().await });
    assert!(caller.await.expect_err("panicked").is_panic());
    assert_eq!(kept.handle.scan().await.expect("scan").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_technology_that_flaps_is_asked_more_and_more_rarely() {
    let fake = fake("flapping");
    let kept = keep(&fake, Settings::default());
    for _ in 0..8 {
        available(&kept.handle, true).await;
        fake.die();
        available(&kept.handle, false).await;
        fake.come_back();
    }
    let took = available(&kept.handle, true).await;
    assert!(took >= Duration::from_millis(2500), "{took:?}");
    // Once it stays, it is trusted again.
    tokio::time::sleep(Duration::from_secs(10)).await;
    fake.die();
    available(&kept.handle, false).await;
    fake.come_back();
    let took = available(&kept.handle, true).await;
    assert!(took <= Duration::from_millis(500), "{took:?}");
}
