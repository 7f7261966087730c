//! Placements that shall run.

use tamer_model::{
    Check, Health, InstanceName, InstanceSpec, InstanceState, Operation, Phase, Problem, Span,
};
use tamer_provider::fake::IMAGE;
use tamer_provider::{ProgressSink, Provider as _};

use super::rig::{Rig, completing, fragile, name, running};
use crate::placements::Wanted;
use crate::placements::kept::testing::order;
use crate::work::Kind;

#[tokio::test(start_paused = true)]
async fn what_is_wanted_is_made_and_what_ends_is_started_again() {
    let mut rig = Rig::new().await;
    let id = rig.put(order(1)).await;
    let status = rig.phase(id, Phase::Running).await;
    assert_eq!((status.restarts, status.reason), (0, None));
    assert_eq!(rig.instances().await, [(name(&order(1)), InstanceState::Running)]);
    let native = rig.native(id).await;
    let made = rig.fake.get(&native).await.expect("there");
    assert_eq!(made.labels.get("tamer.placement"), Some(&id.to_string()));
    assert_eq!(made.labels.get("tamer.workload").map(String::as_str), Some("web"));

    rig.fake.exit(&native, 3, "cannot \u{7} find it");
    let log = |reason: &str| reason.contains("the log ends with: cannot \\u{7} find it");
    let said = rig.until(id, |status| status.reason.as_deref().is_some_and(log)).await;
    assert_eq!((said.phase, said.exit_code), (Phase::Waiting, Some(3)));
    assert!(said.reason.is_some_and(|reason| reason.starts_with("exited with 3; it starts")));
    let again = rig.phase(id, Phase::Running).await;
    assert_eq!((again.restarts, again.instance), (1, Some(native)));
    assert_eq!(rig.fake.calls("create"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_ends_too_often_has_failed_and_stays_so() {
    let mut rig = Rig::new().await;
    let id = rig.put(order(1)).await;
    let native = rig.native(id).await;
    for restarts in 0..4 {
        rig.until(id, |status| status.phase == Phase::Running && status.restarts == restarts).await;
        rig.fake.exit(&native, 1, "out of luck");
    }
    let failed = rig
        .until(id, |status| {
            status.phase == Phase::Failed
                && status.reason.as_deref().is_some_and(|reason| reason.contains("out of luck"))
        })
        .await;
    assert_eq!(failed.restarts, 3);
    let starts = rig.fake.calls("start");
    rig.pass(3600).await;
    rig.kill().await;
    rig.open(None);
    rig.session().await;
    rig.phase(id, Phase::Failed).await;
    rig.pass(3600).await;
    assert_eq!(rig.fake.calls("start"), starts, "nobody tries again");
}

#[tokio::test(start_paused = true)]
async fn what_was_to_end_and_succeeded_is_not_started_again() {
    let mut rig = Rig::new().await;
    let id = rig.put(completing(1)).await;
    rig.phase(id, Phase::Running).await;
    let native = rig.native(id).await;
    rig.fake.exit(&native, 0, "done");
    let done = rig.phase(id, Phase::Completed).await;
    assert_eq!(done.exit_code, Some(0));
    // Even if its instance goes, and the agent is started anew.
    rig.fake.vanish(&native);
    rig.kill().await;
    rig.open(None);
    rig.session().await;
    rig.phase(id, Phase::Completed).await;
    rig.pass(600).await;
    assert_eq!((rig.fake.calls("create"), rig.fake.calls("start")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_with_an_error_is_tried_again_until_it_succeeds() {
    let mut rig = Rig::new().await;
    let id = rig.put(completing(1)).await;
    rig.phase(id, Phase::Running).await;
    let native = rig.native(id).await;
    rig.fake.exit(&native, 9, "no");
    rig.until(id, |status| status.phase == Phase::Running && status.restarts == 1).await;
    rig.fake.exit(&native, 0, "yes");
    assert_eq!(rig.phase(id, Phase::Completed).await.exit_code, Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_somebody_removes_is_made_anew_after_a_wait() {
    let mut rig = Rig::new().await;
    let id = rig.put(order(1)).await;
    rig.phase(id, Phase::Running).await;
    rig.fake.vanish(&rig.native(id).await);
    let waiting = rig.phase(id, Phase::Waiting).await;
    assert!(waiting.reason.is_some_and(|reason| reason.contains("removed by somebody")));
    rig.phase(id, Phase::Running).await;
    assert_eq!(rig.instances().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_paused_goes_on() {
    let mut rig = Rig::new().await;
    let id = rig.put(order(1)).await;
    rig.phase(id, Phase::Running).await;
    rig.fake.pause(&rig.native(id).await).await.expect("paused");
    rig.holds(|seen| seen == [(name(&order(1)), InstanceState::Running)]).await;
    assert_eq!((rig.fake.calls("resume"), rig.fake.calls("start")), (1, 1));
    rig.phase(id, Phase::Running).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_never_touched() {
    let mut rig = Rig::new().await;
    let taken: InstanceName = name(&order(1)).parse().expect("a name");
    let spec = InstanceSpec {
        name: Some(taken),
        image: Some(IMAGE.to_owned()),
        labels: [("owner".to_owned(), "somebody".to_owned())].into(),
        ..InstanceSpec::default()
    };
    let foreign = rig.fake.create(&spec, &ProgressSink::none()).await.expect("made");
    rig.fake.start(&foreign).await.expect("started");
    let before = rig.fake.get(&foreign).await.expect("there");
    let id = rig.put(order(1)).await;
    let failed = rig.phase(id, Phase::Failed).await;
    assert!(failed.reason.is_some_and(|reason| reason.contains("not its own")));
    rig.go(id).await;
    rig.phase(id, Phase::Gone).await;
    rig.pass(60).await;
    assert_eq!(rig.fake.get(&foreign).await.expect("still there"), before);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_says_why() {
    let mut rig = Rig::new().await;
    let mut absent = fragile(1);
    absent.instance.image = Some("nowhere/x:1".to_owned());
    let absent = rig.put(absent).await;
    let failed = rig.phase(absent, Phase::Failed).await;
    assert!(failed.reason.is_some_and(|reason| reason.contains("nowhere/x:1")));
    let mut other = order(2);
    other.provider = "lxc".parse().expect("a name");
    let other = rig.put(other).await;
    let failed = rig.phase(other, Phase::Failed).await;
    assert_eq!(failed.reason.as_deref(), Some("this host has no provider lxc"));
    rig.fake.set(Operation::Create, tamer_model::Ability::No("it is full".to_owned()));
    let refused = rig.put(order(3)).await;
    rig.phase(refused, Phase::Failed).await;
    let text = Problem::field("instance.image", "not an image");
    let bad = vec![(order(4).id, text)];
    rig.say(Wanted { bad, ..Wanted::default() }).await;
    let failed = rig.phase(order(4).id, Phase::Failed).await;
    assert!(failed.reason.is_some_and(|reason| reason.contains("not an image")));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_breaks_fails_one_placement_alone() {
    let mut rig = Rig::new().await;
    rig.fake.panic_in("create");
    let broken = rig.put(fragile(1)).await;
    let failed = rig.phase(broken, Phase::Failed).await;
    assert!(failed.reason.is_some_and(|reason| reason.contains("the provider failed")));
    let other = rig.put(order(2)).await;
    rig.phase(other, Phase::Running).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_well_is_restarted_and_told_well_again() {
    let mut rig = Rig::new().await;
    let health = Health {
        check: Check::Exec(vec!["read-file".to_owned(), "/ok".to_owned()]),
        every: Span::from_secs(1),
        timeout: Span::from_secs(1),
        start_period: Span::from_secs(5),
        failures: 2,
        successes: 1,
    };
    let mut with = order(1);
    with.health = Some(health);
    let id = rig.put(with).await;
    let status = rig.phase(id, Phase::Running).await;
    assert_eq!(status.healthy, None, "nobody asked it yet");
    let restarted = rig.until(id, |status| status.restarts == 1).await;
    let write = |text: &str| tamer_model::ExecSpec {
        argv: ["write-file", "/ok", text].map(str::to_owned).to_vec(),
        env: Default::default(),
        workdir: None,
        user: None,
        stdin: false,
        terminal: None,
    };
    let native = restarted.instance.expect("an instance");
    let written = rig.fake.exec(&native, &write("1")).await.expect("begun");
    futures_util::StreamExt::collect::<Vec<_>>(written.output).await;
    rig.until(id, |status| status.healthy == Some(true)).await;
    // It stays well, also in the eyes of an agent that is started anew.
    rig.pass(30).await;
    let starts = rig.fake.calls("start");
    rig.kill().await;
    rig.open(None);
    let first = rig.until(id, |status| status.phase == Phase::Running).await;
    assert_eq!(first.healthy, Some(true));
    rig.pass(30).await;
    assert_eq!(rig.fake.calls("start"), starts);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_no_placements_tells_each_as_failed() {
    let mut rig = Rig::off().await;
    rig.accept = [Kind::Commands].into_iter().collect();
    rig.open(None);
    rig.session().await;
    let id = rig.put(order(1)).await;
    let failed = rig.phase(id, Phase::Failed).await;
    assert!(failed.reason.is_some_and(|reason| reason.contains("takes no placements")));
    rig.go(id).await;
    rig.phase(id, Phase::Gone).await;
    assert_eq!(rig.instances().await, []);
}

#[tokio::test(start_paused = true)]
async fn many_are_made_a_few_at_a_time() {
    let mut rig = Rig::new().await;
    rig.fake.set_latency(std::time::Duration::from_secs(1));
    for number in 0..40 {
        rig.put(running(number, &["idle"])).await;
    }
    for number in 0..40 {
        rig.phase(order(number).id, Phase::Running).await;
    }
    assert_eq!(rig.instances().await.len(), 40);
    assert_eq!(rig.fake.calls("create"), 40);
}
