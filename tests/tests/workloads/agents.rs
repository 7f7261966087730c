//! Agents that die and come back.

use std::time::Duration;

use crate::applies::{foreign, is_untouched, stay};
use crate::scene::{Copy, Scene};

/// `kill -9` of an agent: its containers live on, are recognised, and nothing is made twice.
pub fn is_killed(scene: &mut Scene) {
    let file = scene.file("kept", 3, "apart_from = [\"kept\"]");
    scene.take(&file);
    let before = scene.runs("kept", 3);
    let theirs = foreign(scene);
    scene.kill_agent(1);
    assert_eq!(scene.copies("kept"), before, "they live on");
    scene.start_agent(1);
    assert_eq!(scene.runs("kept", 3), before, "the very same containers");
    stay(scene, "kept", Duration::from_secs(3));
    // It still looks after them.
    let own = before.iter().find(|one| one.host == 1).expect("one is there");
    scene.docker(1, &["kill", &own.container]);
    let run_again = |now: &[Copy]| now == before;
    scene.copies_are("kept", "the one that died runs again", run_again);
    is_untouched(scene, &theirs);
    scene.docker(1, &["rm", "-f", &theirs]);
    scene.remove("kept");
}

/// A removal that came while the agent was away is done when it is back; what is not ours stays.
pub fn hears_later(scene: &mut Scene) {
    let file = scene.file("later", 3, "apart_from = [\"later\"]");
    scene.take(&file);
    scene.runs("later", 3);
    let theirs = foreign(scene);
    scene.kill_agent(1);
    let ended = scene.ctl.run(&["workload", "rm", "--yes", "later"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    scene.copies_are("later", "only that of host1 is left", |now| {
        matches!(now, [Copy { host: 1, running: true, .. }])
    });
    scene.state_is("later", "removing");
    scene.start_agent(1);
    scene.copies_are("later", "it is gone too", <[Copy]>::is_empty);
    is_untouched(scene, &theirs);
    scene.docker(1, &["rm", "-f", &theirs]);
}
