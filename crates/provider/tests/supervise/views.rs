//! The view of instances.

use std::sync::Arc;
use std::time::Duration;

use tamer_model::InstanceState;
use tamer_provider::{ProgressSink, Provider as _, ProviderEvent};

use crate::{kept, spec, until};

#[tokio::test(start_paused = true)]
async fn one_change_among_five_thousand_is_one_look_and_one_delta() {
    let kept = kept(5000).await;
    let view = kept.handle.view();
    let first = view.since(0).expect("listed");
    assert_eq!((first.whole, first.put.len()), (true, 5000));
    let lists = kept.fake.calls("list");
    let changed = first.put[4321].native.clone();
    let mut revision = view.revision();
    revision.mark_unchanged();
    kept.fake.change(&changed, InstanceState::Stopped);
    tokio::time::timeout(Duration::from_secs(1), revision.changed())
        .await
        .expect("soon")
        .expect("kept");
    let delta = view.since(first.revision).expect("listed");
    assert_eq!(delta.put.len(), 1);
    assert_eq!(
        (delta.put[0].native.clone(), delta.put[0].state),
        (changed, InstanceState::Stopped)
    );
    assert!(!delta.whole && delta.gone.is_empty());
    assert_eq!((kept.fake.calls("get"), kept.fake.calls("list")), (1, lists));
    // The others are the same copies.
    let now = view.all();
    let same = now.iter().zip(&first.put).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
    assert_eq!(same, 4999);
}

#[tokio::test(start_paused = true)]
async fn events_are_gathered() {
    let kept = kept(3).await;
    let id = kept.handle.view().all()[0].native.clone();
    let view = kept.handle.view();
    let from = view.since(0).expect("listed").revision;
    for state in [InstanceState::Stopped, InstanceState::Running].repeat(500) {
        kept.fake.change(&id, state);
    }
    kept.fake.change(&id, InstanceState::Paused);
    until("the last change", || match view.get(&id) {
        Some(instance) if instance.state == InstanceState::Paused => Ok(()),
        seen => Err(format!("{seen:?}")),
    })
    .await;
    let (gets, delta) = (kept.fake.calls("get"), view.since(from).expect("listed"));
    assert!(gets <= 2, "{gets} questions for 1001 events");
    assert_eq!(delta.put.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_changes_are_one_list() {
    let kept = kept(5000).await;
    let lists = kept.fake.calls("list");
    let view = kept.handle.view();
    let all = view.all();
    for instance in &all {
        kept.fake.change(&instance.native, InstanceState::Stopped);
    }
    until("all changes", || {
        let left = view.all().iter().filter(|i| i.state != InstanceState::Stopped).count();
        if left == 0 { Ok(()) } else { Err(format!("{left} left")) }
    })
    .await;
    let (gets, lists) = (kept.fake.calls("get"), kept.fake.calls("list") - lists);
    assert!(gets <= 64 && (1..=3).contains(&lists), "{gets} questions and {lists} lists");
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_listed_and_what_is_silent_is_found_in_a_minute() {
    let kept = kept(3).await;
    let view = kept.handle.view();
    let ids: Vec<_> = view.all().iter().map(|instance| instance.native.clone()).collect();
    let stopped = |at: usize| {
        let ids = &ids;
        move || match view.get(&ids[at]) {
            Some(instance) if instance.state == InstanceState::Stopped => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    };
    kept.fake.change_silently(&ids[0], InstanceState::Stopped);
    kept.fake.emit(ProviderEvent::Lost);
    let began = tokio::time::Instant::now();
    until("what was lost", stopped(0)).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    kept.fake.change_silently(&ids[1], InstanceState::Stopped);
    until("what nobody told", stopped(1)).await;
    assert!(began.elapsed() <= Duration::from_secs(61), "{:?}", began.elapsed());
    // Gone is told too.
    let from = view.since(0).expect("listed").revision;
    kept.fake.vanish(&ids[2]);
    until("what vanished", || match view.get(&ids[2]) {
        None => Ok(()),
        seen => Err(format!("{seen:?}")),
    })
    .await;
    assert_eq!(view.since(from).expect("listed").gone, ids[2..]);
}

#[tokio::test(start_paused = true)]
async fn who_changes_something_sees_it_at_once() {
    let kept = kept(0).await;
    let (handle, view) = (&kept.handle, kept.handle.view());
    let state = |id| view.get(id).map(|instance| instance.state);
    let id = handle.create(&spec("mine"), &ProgressSink::none()).await.expect("create");
    assert_eq!(state(&id), Some(InstanceState::Creating));
    handle.start(&id).await.expect("start");
    assert_eq!(state(&id), Some(InstanceState::Running));
    handle.pause(&id).await.expect("pause");
    assert_eq!(state(&id), Some(InstanceState::Paused));
    handle.resume(&id).await.expect("resume");
    handle.stop(&id, None).await.expect("stop");
    assert_eq!(state(&id), Some(InstanceState::Stopped));
    handle.restart(&id, None).await.expect("restart");
    assert_eq!(state(&id), Some(InstanceState::Running));
    let from = view.since(0).expect("listed").revision;
    handle.remove(&id, true).await.expect("remove");
    assert_eq!(view.since(from).expect("listed").gone, [id]);
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_leaves_behind_is_looked_at() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    kept.fake.set_latency(Duration::from_millis(200));
    let gets = kept.fake.calls("get");
    // The caller goes away in the middle of the call; nobody tells an event.
    let stop = kept.handle.stop(&id, None);
    assert!(tokio::time::timeout(Duration::from_millis(100), stop).await.is_err());
    until("a look", || match kept.fake.calls("get") - gets {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    })
    .await;
}
