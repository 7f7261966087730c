//! Batches that are made when they are due. `schedules.rs` beside this folder has what the noun
//! itself does; here is what comes of it.

use serde_json::Value;
use tamer_tests::until;

use crate::scene::{SOON, Scene, tell};
use crate::told::{says, text};

#[test]
fn schedules() {
    tell(
        Scene::start(1),
        &[("once", once), ("again and again", again_and_again), ("closed", closed)],
    );
}

/// What came of the times that were due, the newest first.
fn past(scene: &Scene, name: &str) -> Vec<Value> {
    let told = scene.ctl.json(&["schedule", "show", name]);
    told["past"].as_array().cloned().unwrap_or_default()
}

fn create(scene: &Scene, name: &str, when: &[&str], what: &[&str]) -> Value {
    scene.ctl.json(&[&["schedule", "create", name], when, what].concat())
}

/// `date` shares no code with ours.
fn date(of: &str) -> String {
    let told = std::process::Command::new("date").args(["-u", "-d", of, "+%FT%TZ"]).output();
    String::from_utf8_lossy(&told.expect("`date` runs").stdout).trim().to_owned()
}

fn once(scene: &mut Scene) {
    let at = date("+2 sec");
    create(
        scene,
        "once",
        &["--at", &at],
        &["-l", "role=web", "--canary", "1", "--", "echo", "due"],
    );
    let came = until("it is due", SOON, || {
        past(scene, "once").first().cloned().ok_or_else(|| "nothing yet".to_owned())
    });
    let batch = scene.end(text(&came, "batch"));
    assert_eq!(text(&batch, "state"), "succeeded", "{batch:#}");
    assert_eq!(text(&batch["tasks"][0], "stdout"), "due\n", "{batch:#}");
    let origin = &batch["origin"]["schedule"];
    assert_eq!(text(origin, "name"), "once", "{batch:#}");
    assert_eq!(text(origin, "due").replace(".000Z", "Z"), at, "{batch:#}");
    assert_eq!(text(&scene.ctl.json(&["schedule", "show", "once"]), "state"), "done");
    let late = ["schedule", "create", "late", "--at", "2020-01-01T00:00Z", "--", "true"];
    says(&scene.ctl.refused(2, &late), "invalid-field", "at");
}

/// Every second, in a zone; what comes while one runs is left out.
fn again_and_again(scene: &mut Scene) {
    let when = [
        "--cron",
        "* * * * * *",
        "--tz",
        "Europe/Berlin",
        "--overlap",
        "skip",
        "--begin-jitter",
        "100ms",
    ];
    create(scene, "tick", &when, &["--", "sleep", "1.2"]);
    until("two batches, and one left out between", SOON, || {
        let words: Vec<_> =
            past(scene, "tick").iter().map(|one| text(one, "what").to_owned()).collect();
        let batches = words.iter().filter(|what| *what == "batch").count();
        let left_out = words.iter().any(|what| what == "overlap");
        if batches >= 2 && left_out { Ok(()) } else { Err(format!("{words:?}")) }
    });
    scene.ctl.json(&["schedule", "disable", "tick"]);
    let mut batches: Vec<_> =
        past(scene, "tick").into_iter().filter(|one| one["batch"].is_string()).collect();
    batches.reverse();
    let ended: Vec<_> = batches.iter().map(|one| scene.end(text(one, "batch"))).collect();
    for pair in ended.windows(2) {
        let (one, next) = (text(&pair[0], "ended_at"), text(&pair[1], "created_at"));
        assert!(one <= next, "none begins before the one before has ended: {one}, {next}");
    }
}

/// A window that is closed now keeps everything out, but for who says so.
fn closed(scene: &mut Scene) {
    let hour: u32 = date("now").get(11..13).and_then(|hour| hour.parse().ok()).expect("an hour");
    let window = format!("{:02}:00-{:02}:00", (hour + 10) % 24, (hour + 11) % 24);
    let when = ["--cron", "* * * * * *", "--window", &window];
    let made = create(scene, "night", &when, &["--", "true"]);
    let opens = format!("T{:02}:00:00", (hour + 10) % 24);
    assert!(
        text(&made["next"][0], "at").contains(&opens)
            || made["next"][0].to_string().contains(&opens),
        "{made:#}"
    );
    let now = scene.ctl.run(&["schedule", "run", "night"]);
    assert_eq!(now.code(), 1, "{now:?}");
    assert!(past(scene, "night").iter().all(|one| one["what"] != "batch"), "nothing ran");
    scene.ctl.json(&["schedule", "run", "night", "--outside-window"]);
    until("it ran all the same", SOON, || {
        let told = past(scene, "night");
        if told.iter().any(|one| one["what"] == "batch") {
            Ok(())
        } else {
            Err(format!("{told:?}"))
        }
    });
}
