//! What is applied runs, and is kept running.

use std::collections::BTreeSet;
use std::time::Duration;

use tamer_peers::image::BUSYBOX;
use tamer_tests::until;

use crate::scene::{Copy, SOON, Scene, by_host, holds};

/// Applied, found by the plan to be so, scaled, and made again when somebody takes it away.
pub fn is_kept(scene: &mut Scene) {
    let file = scene.file("web", 3, "apart_from = [\"web\"]");
    let plan = scene.ctl.run(&["workload", "plan", "-f", &file]);
    assert_eq!(plan.code(), 2, "it would change something: {plan:#?}");
    assert!(plan.text().contains("host1"), "it says where:\n{}", plan.text());
    let ended = scene.apply(&file, &["--wait"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let copies = scene.runs("web", 3);
    assert_eq!(by_host(&copies), [(1, 1), (2, 1), (3, 1)].into(), "one a host");
    let plan = scene.ctl.run(&["workload", "plan", "-f", &file]);
    assert_eq!(plan.code(), 0, "nothing is left to change: {plan:#?}");

    // One dies, one is taken away: each comes back where it was.
    let (dies, goes) = (&copies[0], &copies[1]);
    scene.docker(dies.host, &["kill", &dies.container]);
    scene.docker(goes.host, &["rm", "-f", &goes.container]);
    scene.copies_are("web", "the one that died runs, the other is made again", |now| {
        now.len() == 3
            && now.iter().all(|one| one.running)
            && now.iter().any(|one| one.container == dies.container)
            && now.iter().all(|one| one.container != goes.container)
            && now.iter().any(|one| one.placement == goes.placement)
    });

    scene.ctl.json(&["workload", "scale", "web", "1"]);
    let one = scene.runs("web", 1);
    assert!(copies.iter().any(|copy| copy.placement == one[0].placement), "it is one of the three");
    scene.ctl.json(&["workload", "stop", "web"]);
    scene.copies_are("web", "none is left", <[Copy]>::is_empty);
    scene.state_is("web", "stopped");
    scene.ctl.json(&["workload", "start", "web"]);
    scene.runs("web", 1);
    scene.remove("web");
}

/// Until done, and everywhere.
pub fn runs_other_ways(scene: &mut Scene) {
    let once = scene.file_of("once", 1, "echo done", "");
    let text = std::fs::read_to_string(&once).expect("the file");
    let run = "run = { to_completion = { completions = 4, parallelism = 2 } }";
    std::fs::write(&once, text.replace("run = { count = 1 }", run)).expect("written");
    let ended = scene.apply(&once, &["--wait"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    scene.state_is("once", "done");
    assert_eq!(scene.row("once")["copies"]["completed"], 4);
    scene.remove("once");

    let every = scene.file("every", 1, "constraints = [\"zone in (a,c)\"]");
    let text = std::fs::read_to_string(&every).expect("the file");
    std::fs::write(&every, text.replace("{ count = 1 }", "\"every_host\"")).expect("written");
    scene.take(&every);
    let copies = scene.runs("every", 2);
    assert_eq!(by_host(&copies), [(1, 1), (3, 1)].into());
    // A host that fits now gets one; one that fits no more loses it.
    scene.ctl.json(&["host", "label", "host2", "zone=a"]);
    scene.ctl.json(&["host", "label", "host1", "zone=b"]);
    scene.copies_are("every", "on hosts 2 and 3", |now| {
        by_host(now) == [(2, 1), (3, 1)].into() && now.iter().all(|one| one.running)
    });
    scene.ctl.json(&["host", "label", "host1", "zone=a"]);
    scene.ctl.json(&["host", "label", "host2", "zone=b"]);
    scene.remove("every");
}

/// It waits, and says why.
pub fn says_why_not(scene: &mut Scene) {
    let file = scene.file("far", 1, "constraints = [\"zone=nowhere\"]");
    scene.take(&file);
    scene.state_is("far", "pending");
    let why = scene.ctl.run(&["workload", "why", "far"]);
    assert!(why.text().contains("zone=nowhere"), "it names the constraint:\n{}", why.text());
    scene.ctl.json(&["host", "label", "host2", "zone=nowhere"]);
    let copies = scene.runs("far", 1);
    assert_eq!(copies[0].host, 2);
    let placement = scene.ctl.run(&["workload", "why", &copies[0].placement]);
    assert!(placement.text().contains("host2"), "{}", placement.text());
    scene.ctl.json(&["host", "label", "host2", "zone=b"]);
    scene.remove("far");
}

/// One clear error each, and nothing half-made.
pub fn refuses(scene: &mut Scene) {
    let good = scene.file("good", 1, "");
    let refused = |name: &str, more: &str, field: &str| {
        let bad = scene.file(name, 1, more);
        let arguments = ["workload", "apply", "--yes", "-f", &good, "-f", &bad];
        let error = scene.ctl.refused(2, &arguments);
        let told = format!("{error:#}");
        assert!(told.contains(field), "{name}: it names {field}: {told}");
        assert_eq!(scene.row("good"), serde_json::Value::Null, "{name}: all or nothing");
    };
    refused("cycle", "with = [\"cycle\"]", "with");
    refused("unknown", "contraints = [\"a=b\"]", "constraints");
    refused("selector", "constraints = [\"a in b\"]", "constraints");
    refused("priority", "priority = 101", "priority");
}

/// What a foreign container of the same engine is: left alone.
pub fn foreign(scene: &Scene) -> String {
    scene
        .docker(1, &["run", "-d", "--name", "theirs", BUSYBOX, "sleep", "1000000"])
        .trim()
        .to_owned()
}

/// It still runs.
#[track_caller]
pub fn is_untouched(scene: &Scene, container: &str) {
    until("the foreign container runs", SOON, || {
        let told =
            scene.docker(1, &["inspect", "-f", "{{.State.Running}} {{.RestartCount}}", container]);
        if told.trim() == "true 0" { Ok(()) } else { Err(told) }
    });
}

/// The containers of a workload stay the very same for a while.
#[track_caller]
pub fn stay(scene: &Scene, workload: &str, span: Duration) {
    let before: BTreeSet<_> = scene.copies(workload).into_iter().collect();
    holds(&format!("{workload} stays as it is"), span, || {
        let now: BTreeSet<_> = scene.copies(workload).into_iter().collect();
        if now == before { Ok(()) } else { Err(format!("{before:#?}\nbecame\n{now:#?}")) }
    });
}
