//! Hosts that are cut off, and come back.

use std::time::Duration;

use tamer_tests::until;

use crate::scene::{Copy, SOON, Scene, by_host};

/// Silence becomes `lost` after ten seconds; then a second until it is replaced.
const LOST: Duration = Duration::from_secs(60);

/// The copy is replaced while its host is away; when it is back the replacement stays.
pub fn replacement_stays(scene: &mut Scene) {
    let (before, after) = cut(scene, "newer", "replacement");
    assert_eq!(after.len(), 2, "{after:#?}");
    assert!(!by_host(&after).contains_key(&3), "not where it was cut off: {before:#?}\n{after:#?}");
    scene.remove("newer");
}

/// The same, and the original stays.
pub fn original_stays(scene: &mut Scene) {
    let (before, after) = cut(scene, "older", "original");
    assert_eq!(after, before, "the very containers that were there first");
    scene.remove("older");
}

/// Cuts host3 off from two copies of which it has one. What ran before, and what runs at last.
fn cut(scene: &mut Scene, name: &str, winner: &str) -> (Vec<Copy>, Vec<Copy>) {
    let more = format!(
        "apart_from = [\"{name}\"]\nlost = {{ replace_after = \"1s\", winner = \"{winner}\" }}\n\
         constraints = [\"name in (host2,host3)\"]\nupdate = {{ healthy_for = \"1s\" }}"
    );
    let file = scene.file(name, 2, &more);
    scene.take(&file);
    let before = scene.runs(name, 2);
    assert_eq!(by_host(&before), [(2, 1), (3, 1)].into());
    // Now another host fits too, and nothing moves for that.
    let wider = scene.file(name, 2, &more.replace("host2,host3", "host1,host2,host3"));
    scene.take(&wider);
    scene.lab.unplug(3);
    until("a copy on host1 takes its place", LOST, || {
        let now = scene.copies(name);
        match now.len() == 3 && by_host(&now).contains_key(&1) && now.iter().all(|c| c.running) {
            true => Ok(()),
            false => Err(format!("{now:#?}")),
        }
    });
    let row = scene.row(name);
    assert_eq!(row["copies"]["unknown"], 1, "nobody knows of the one that is cut off: {row:#}");
    scene.lab.plug(3);
    scene.ctl.all_ready(3, SOON);
    (before, scene.runs(name, 2))
}

/// A host that hears of no coordinator stops what it is told to stop then, and starts it again.
pub fn stops_by_itself(scene: &mut Scene) {
    let more =
        "constraints = [\"name=host3\"]\nlost = { stop_after = \"5s\", replace_after = \"never\" }";
    let file = scene.file("alone", 1, more);
    scene.take(&file);
    let before = scene.runs("alone", 1);
    scene.lab.unplug(3);
    scene.copies_are(
        "alone",
        "it is stopped",
        |now| matches!(now, [one] if !one.running && one.container == before[0].container),
    );
    scene.lab.plug(3);
    scene.ctl.all_ready(3, SOON);
    assert_eq!(scene.runs("alone", 1)[0].placement, before[0].placement, "it is the same one");
    scene.remove("alone");
}
