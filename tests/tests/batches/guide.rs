//! `docs/batches.md` cannot lie: every command of it is run on a real fleet.

use tamer_tests::guide::Guide;

use crate::scene::{SOON, Scene};

const PAGE: &str = include_str!("../../../docs/batches.md");

#[test]
fn every_command_of_the_guide() {
    let mut scene = Scene::of(&["web1", "web2", "web3", "db1", "db2"]);
    for name in ["web1", "web2", "web3"] {
        scene.label(name, "role=web");
    }
    for name in ["db1", "db2"] {
        scene.label(name, "role=db");
    }
    let guide = Guide::read(PAGE);
    assert!(guide.steps.len() > 20, "the page was read: {guide:?}");
    let wrong = guide.wrong(&scene.ctl, scene.folder.path(), SOON, |step| {
        if step.command.contains("--detach") {
            // A person takes a moment to type what comes next.
            scene.becomes("last", "it waits, or something runs, or it ended", |batch| {
                batch["stand"]["stand"] != "wave" || batch["counts"]["running"] != 0
            });
        }
    });
    assert!(wrong.is_empty(), "docs/batches.md says what is not so:\n{}", wrong.join("\n"));
}
