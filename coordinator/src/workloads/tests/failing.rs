//! Copies that fail, and updates that go back.

use tamer_model::{Phase, Run, Span, Update, VersionCause, WorkloadSpec};

use super::stage::{Stage, id, name, status, web};
use super::work;
use crate::clock;
use crate::workloads::{Board, Notice, hear};

#[tokio::test]
async fn a_host_where_copies_fail_is_set_aside() {
    let stage =
        Stage::new(2, |host, _| if host == 0 { Phase::Failed } else { Phase::Running }).await;
    stage.apply(web(Run::Count(4))).await;
    stage.running(4).await;
    assert_eq!(stage.hosts(), [id(1); 4]);
    {
        let board = stage.workloads.read();
        let trouble = board.trouble(id(0)).expect("it is remembered");
        assert!(trouble.failing[&name("web")].times >= 1);
        assert_eq!(trouble.until, None, "one workload is no trouble of the host");
    }
    assert_eq!(stage.count(&work("trouble")).await, 1);
    // The host is removed, and so is what was remembered of it.
    stage.remove_host(0).await;
    stage.until_count(work("trouble"), 0).await;
}

#[tokio::test]
async fn a_host_that_does_well_is_let_in_again() {
    let stage = Stage::new(1, |_, _| Phase::Running).await;
    let update = Update { healthy_for: Span::from_millis(1), ..Update::default() };
    stage.apply(WorkloadSpec { update, ..web(Run::Count(2)) }).await;
    stage.running(2).await;
    let session = stage.sessions.get(id(0)).expect("a session").number;
    let copies: Vec<_> = stage.workloads.read().copies().map(|one| one.placement.id).collect();
    let tell = |copy: usize, phase: Phase| {
        let reports = vec![(copies[copy], status(phase))];
        stage.tell(Notice::Told { host: id(0), session, complete: false, reports })
    };
    tell(0, Phase::Failed).await;
    stage.until("trouble", |board| board.trouble(id(0)).is_some()).await;
    // The other was well before; only what begins to be well shows that the host is not to blame.
    let overcome = hear::overcome(&stage.workloads.read(), clock::now());
    assert!(overcome.is_empty(), "{overcome:?}");
    tell(1, Phase::Waiting).await;
    let phase =
        |board: &Board| board.copy(copies[1]).and_then(|one| Some(one.status.as_ref()?.phase));
    stage.until("it waits", |board| phase(board) == Some(Phase::Waiting)).await;
    tell(1, Phase::Running).await;
    stage.until("no trouble", |board| board.trouble(id(0)).is_none()).await;
    stage.running(2).await;
    assert_eq!(stage.count(&work("trouble")).await, 0);
}

#[tokio::test]
async fn a_failed_update_goes_back_as_a_version_of_its_own() {
    let stage = Stage::new(2, |_, order| match order.instance.image.as_deref() {
        Some("bad") => Phase::Failed,
        _ => Phase::Running,
    })
    .await;
    let update = Update {
        healthy_for: Span::from_millis(50),
        deadline: Span::from_secs(5),
        ..Update::default()
    };
    let spec = WorkloadSpec { update, ..web(Run::Count(3)) };
    stage.apply(spec.clone()).await;
    stage.running(3).await;
    let stable = |board: &Board| {
        board.workload(&name("web")).is_some_and(|one| one.workload.stable == Some(1))
    };
    stage.until("stable", stable).await;
    let mut bad = spec.clone();
    bad.instance.image = Some("bad".to_owned());
    stage.apply(bad).await;
    stage
        .until("it went back", |board| {
            let web = &board.workload(&name("web")).expect("it is there").workload;
            web.version == 3 && web.template == 1 && web.spec == spec
        })
        .await;
    stage.running(3).await;
    let versions = stage.workloads.versions(&name("web")).await.expect("read");
    let causes: Vec<_> = versions.iter().map(|version| version.cause.clone()).collect();
    let VersionCause::AutoReverted { to: 1, reason } = &causes[2] else { panic!("{causes:?}") };
    assert!(!reason.is_empty());
    let board = stage.workloads.read();
    assert!(board.copies_of(&name("web")).all(|copy| copy.placement.template == 1));
}

#[tokio::test]
async fn what_succeeded_stays_so_and_is_not_run_again() {
    let stage = Stage::new(2, |_, _| Phase::Completed).await;
    stage.apply(web(Run::ToCompletion { completions: 3, parallelism: 2 })).await;
    let completed = |board: &Board| {
        let phase = |phase: Phase| phase == Phase::Completed;
        let web = name("web");
        let copies = board.copies_of(&web);
        copies.filter(|copy| copy.status.as_ref().is_some_and(|one| phase(one.phase))).count()
    };
    stage.until("three succeeded", |board| completed(board) == 3).await;
    // The agents clean up, lose their disks, and come back.
    let copies: Vec<_> = stage.workloads.read().copies().map(|one| one.placement.clone()).collect();
    for placement in &copies {
        let session = stage.sessions.get(placement.host).expect("a session").number;
        let reports = vec![(placement.id, status(Phase::Gone))];
        stage.tell(Notice::Told { host: placement.host, session, complete: false, reports }).await;
    }
    for host in 0..2 {
        stage.disconnect(host);
        stage.kept.lock().expect("a lock").remove(&host);
        stage.connect(host).await;
    }
    stage.settled().await;
    assert_eq!(completed(&stage.workloads.read()), 3, "{}", stage.picture());
    assert_eq!(stage.kept(0).puts + stage.kept(1).puts, 0, "nothing is run again");
}
