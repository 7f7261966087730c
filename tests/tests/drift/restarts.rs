//! Agents and a coordinator that die in between.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::deeds::EVERYWHERE;
use crate::scene::{FOUND, HOSTS, Scene, findings, hosts};

/// `kill -9` of all of them. What was found is found as before, what was changed meanwhile too; the
/// baseline is what it was, and everybody is told that nobody looked.
pub fn change_no_baseline(scene: &mut Scene) {
    let before = scene.ctl.json(&["baseline", "show", "default"]);
    let (report, _) = scene.drift();
    let known = ids(&report);
    assert!(!known.is_empty(), "something differs");
    kill(scene);
    for files in &scene.files {
        fs::write(files.at("etc/environment"), "MEANWHILE=yes\n").expect("a file");
    }
    start(scene);
    let meanwhile =
        |finding: &Value| finding["name"] == "/etc/environment" && hosts(finding).len() == HOSTS;
    scene.finds("what was changed meanwhile", meanwhile);
    let (report, code) = scene.drift();
    assert_eq!(code, 1, "there is drift");
    assert!(known.is_subset(&ids(&report)), "{known:?} are some of {:?}", ids(&report));
    assert_eq!(scene.ctl.json(&["baseline", "show", "default"]), before);
    gaps_are_told(scene, &report);
}

fn ids(report: &Value) -> BTreeSet<String> {
    findings(report).iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

fn kill(scene: &mut Scene) {
    for agent in &mut scene.agents {
        agent.process.kill();
        agent.process.wait(Duration::from_secs(10));
    }
    scene.coordinator.process.kill();
    scene.coordinator.process.wait(Duration::from_secs(10));
}

fn start(scene: &mut Scene) {
    scene.coordinator.restart();
    for agent in &mut scene.agents {
        agent.restart();
        agent.process.announce("no session: ");
    }
    scene.ctl.all_ready(HOSTS, FOUND);
}

/// In the report, and in each host's history.
fn gaps_are_told(scene: &Scene, report: &Value) {
    let unobserved = report["unobserved"].as_array().map(Vec::as_slice).unwrap_or_default();
    let gaps: BTreeSet<_> = unobserved
        .iter()
        .filter(|one| one["gap"].is_object())
        .filter_map(|one| one["name"].as_str())
        .collect();
    let all: Vec<_> = EVERYWHERE.iter().map(|host| format!("host{host}")).collect();
    assert!(all.iter().all(|host| gaps.contains(host.as_str())), "{unobserved:#?}");
    for host in &all {
        let steps = scene.ctl.json(&["drift", "history", host]);
        let steps = steps.as_array().expect("a list");
        let gap = steps.iter().find(|step| step["gap"].is_object());
        let gap = gap.unwrap_or_else(|| panic!("{host}: no gap in {steps:#?}"));
        assert!(gap["gap"]["changed"].as_u64().is_some_and(|changed| changed >= 1), "{gap:#}");
        assert_eq!(gap["began"], false, "its memory was not lost: {gap:#}");
    }
}
