//! Schedules: a real coordinator, and the test in the place of an agent and of people.

mod support;

#[path = "schedules/scene.rs"]
mod scene;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use scene::{Agent, Scene, at, code, cron, millis_now, window};
use tamer_proto::wire;

const HOUR: u64 = 3_600_000;

#[tokio::test]
async fn what_is_due_runs_and_is_told() -> Result<()> {
    let mut scene = Scene::new().await?;
    let agent = Agent::that_ends(&scene).await?;
    let made = scene.create("ticks", cron("* * * * * *")).await?;
    ensure!(made.state == "enabled" && made.next.len() == 5, "{made:?}");
    let schedule = scene.until("ticks", |s| s.past.len() >= 3).await?;
    scene.enable("ticks", false).await?;
    let due: BTreeSet<_> = schedule.past.iter().map(|past| past.due).collect();
    ensure!(due.len() == schedule.past.len(), "something was due twice: {schedule:?}");
    ensure!(due.iter().all(|due| due % 1000 == 0), "{schedule:?}");
    let batches = scene.batches_of("ticks").await?;
    for past in schedule.past.iter().filter(|past| past.what == "batch") {
        ensure!(batches.get(&past.due).is_some_and(|ids| *ids == [past.batch.clone()]), "{past:?}");
    }
    let schedule = scene.get("ticks").await?;
    ensure!(schedule.state == "disabled" && schedule.next.is_empty(), "{schedule:?}");
    let audit = scene.audit().await?;
    let whats = ["schedule.create", "schedule.disable", "batch.create"];
    for what in whats {
        ensure!(audit.iter().any(|record| record.what == what), "{what} is not in the audit");
    }
    let made = audit.iter().find(|record| record.what == "batch.create").expect("just seen");
    ensure!(made.who == "user/tester" && made.from == "schedule/ticks", "{made:?}");
    agent.end().await;
    Ok(())
}

#[tokio::test]
async fn a_time_that_was_due_once_is_done() -> Result<()> {
    let mut scene = Scene::new().await?;
    let due = millis_now() + 700;
    let made = scene.create("once", at(due)).await?;
    ensure!(made.state == "enabled" && made.next[0].due == due, "{made:?}");
    // Nobody is there to run it: the batch is made all the same, and says so.
    let schedule = scene.until("once", |s| s.state == "done").await?;
    ensure!(schedule.past.len() == 1 && schedule.past[0].what == "batch", "{schedule:?}");
    ensure!(scene.batches_of("once").await?.len() == 1);
    scene.remove("once").await?;
    let gone = scene.get("once").await.expect_err("it was removed");
    ensure!(code(&gone) == "not-found", "{gone}");
    Ok(())
}

#[tokio::test]
async fn an_overlap_does_what_was_said_of_it() -> Result<()> {
    let mut scene = Scene::new().await?;
    let agent = Agent::that_hangs(&scene).await?;
    let every_second = |overlap: &str| {
        let timing = cron("* * * * * *");
        wire::Timing { overlap: overlap.to_owned(), ..timing }
    };
    scene.create("skips", every_second("skip")).await?;
    let skips = scene
        .until("skips", |s| s.past.iter().filter(|p| p.what == "overlap").count() >= 2)
        .await?;
    scene.remove("skips").await?;
    ensure!(skips.past.iter().filter(|past| past.what == "batch").count() == 1, "{skips:?}");

    scene.create("waits", every_second("wait")).await?;
    let waits = scene.until("waits", |s| s.waiting.is_some() && s.past.len() >= 2).await?;
    let (waiting, first) = (waits.waiting.expect("just seen"), waits.last_batch.clone());
    ensure!(waits.past[0].what == "overlap", "only one waits: {waits:?}");
    scene.cancel(&first).await?;
    let waits = scene.until("waits", |s| s.last_batch != first).await?;
    scene.remove("waits").await?;
    ensure!(waits.past.iter().any(|p| p.due == waiting && p.what == "batch"), "{waits:?}");

    scene.create("replaces", every_second("replace")).await?;
    let batches = |s: &wire::Schedule| s.past.iter().filter(|p| p.what == "batch").count();
    let replaces = scene.until("replaces", |s| batches(s) >= 3).await?;
    scene.remove("replaces").await?;
    for past in replaces.past.iter().filter(|past| past.what == "batch").skip(1) {
        let batch = scene.batch(&past.batch).await?;
        ensure!(batch.state == "cancelled" && batch.cancelled_by == "tester", "{batch:?}");
    }
    agent.end().await;
    Ok(())
}

#[tokio::test]
async fn a_window_holds_for_the_clock_and_for_people() -> Result<()> {
    let mut scene = Scene::new().await?;
    let closed = window(millis_now() + 2 * HOUR, millis_now() + 3 * HOUR);
    let timing = wire::Timing { window: closed, ..cron("* * * * * *") };
    let made = scene.create("night", timing).await?;
    ensure!(made.next[0].due > millis_now() + HOUR, "the window is closed until then: {made:?}");
    let night = scene.until("night", |s| !s.past.is_empty()).await?;
    ensure!(night.past.iter().all(|past| past.what == "window"), "{night:?}");
    let refused = scene.run("night", false).await.expect_err("the window is closed");
    ensure!(code(&refused) == "wrong-state", "{refused}");
    let ran = scene.run("night", true).await?;
    let by_hand = ran.past.iter().find(|past| past.by_hand).expect("a person ran it");
    let batch = scene.batch(&by_hand.batch).await?;
    ensure!(batch.rollout.unwrap_or_default().deadline_ms.is_none(), "nothing closes");

    let open = window(millis_now() - HOUR, millis_now() + HOUR);
    scene.create("day", wire::Timing { window: open, ..at(millis_now() + 500) }).await?;
    let day = scene.until("day", |s| s.state == "done").await?;
    let batch = scene.batch(&day.last_batch).await?;
    let deadline = batch.rollout.unwrap_or_default().deadline_ms.unwrap_or_default();
    // The window is in whole minutes.
    ensure!(
        (HOUR - 62_000..=HOUR).contains(&deadline),
        "the window's end is the deadline: {deadline}"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_is_refused() -> Result<()> {
    let mut scene = Scene::new().await?;
    let later = || at(millis_now() + HOUR);
    for (name, selector, timing, expected) in [
        ("no name", "", later(), "invalid-field"),
        ("ok", "os=(", later(), "selector-invalid"),
        ("ok", "", at(millis_now() - 1), "invalid-field"),
        ("ok", "", cron("0 0 30 2 *"), "invalid-field"),
        ("ok", "", wire::Timing { zone: "Mars".into(), ..later() }, "invalid-field"),
        ("ok", "", wire::Timing { window: "late".into(), ..later() }, "invalid-field"),
        ("ok", "", wire::Timing::default(), "invalid-field"),
    ] {
        let refused = scene.create_for(name, selector, timing).await.expect_err(expected);
        ensure!(code(&refused) == expected, "{refused}");
    }
    // A selector that nothing fits yet is no mistake; two of one name are.
    scene.create_for("ok", "site=nowhere", later()).await?;
    let twice = scene.create_for("ok", "", later()).await.expect_err("two of one name");
    ensure!(code(&twice) == "already-exists", "{twice}");
    let due = at(millis_now() + 300);
    scene.create_for("soon", "site=nowhere", due).await?;
    let soon = scene.until("soon", |s| s.state == "done").await?;
    let problem = soon.past[0].problem.clone().unwrap_or_default();
    ensure!(soon.past[0].what == "refused" && problem.code == "selection-empty", "{soon:?}");
    Ok(())
}

/// Many schedules are due at one moment, and the coordinator is killed when some of their batches
/// are there: others are meant, or not begun, and of some that are made nothing is noted yet.
#[tokio::test]
async fn what_is_due_runs_once_whenever_the_coordinator_is_killed() -> Result<()> {
    const MANY: usize = 96;
    for made in [1, 8, 20] {
        let mut scene = Scene::new().await?;
        let due = millis_now() + 2500;
        let names: Vec<_> = (0..MANY).map(|number| format!("s{number}")).collect();
        scene.create_all(&names, &at(due)).await?;
        scene.until_made(made).await?;
        let mut scene = scene.restarted().await?;
        let mut done = Vec::new();
        for name in &names {
            done.push(scene.until(name, |s| s.state == "done").await?);
        }
        let all = scene.batches().await?;
        for (name, schedule) in names.iter().zip(done) {
            let batches: Vec<_> =
                all.iter().filter(|made| made.0 == *name).map(|made| &made.2).collect();
            ensure!(batches.len() == 1, "{name}, killed at {made}: {batches:?}");
            ensure!(
                schedule.past.len() == 1 && schedule.past[0].batch == *batches[0],
                "{schedule:?}"
            );
        }
    }
    Ok(())
}
