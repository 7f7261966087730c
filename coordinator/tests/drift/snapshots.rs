//! Snapshots: compared, taken of the past, and listed a page at a time.

use anyhow::{Context, Result, ensure};
use tamer_model::Code;
use tamer_proto::wire;

use crate::scene::{LIMIT, Scene, millis_now, refused};

async fn diff(
    scene: &mut Scene,
    request: wire::DiffSnapshotsRequest,
) -> Result<Vec<wire::HostChanges>> {
    let mut stream = scene.drift.diff_snapshots(request).await?.into_inner();
    let mut all = Vec::new();
    while let Some(changes) = stream.message().await? {
        all.push(changes);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn between(before: &str, after: &str) -> wire::DiffSnapshotsRequest {
    wire::DiffSnapshotsRequest {
        before: before.to_owned(),
        after: after.to_owned(),
        ..Default::default()
    }
}

/// Each host, what became of it, how many changes are told, and how many are left out.
fn told(all: &[wire::HostChanges]) -> Vec<(&str, &str, usize, u64)> {
    let lines = all.iter().map(|one| (&*one.name, &*one.what, one.changes.len(), one.left_out));
    lines.collect()
}

#[tokio::test]
async fn two_snapshots_tell_what_came_went_and_changed() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut one = scene.holding("one", &[("openssl", "3.0.11"), ("curl", "8")]).await?;
    let _two = scene.holding("two", &[("openssl", "3.0.11")]).await?;
    scene.take("a").await?;
    for number in 0..250 {
        one.put(&format!("new-{number}"), "1")?;
    }
    one.remove("curl")?;
    one.tell().await?;
    let _three = scene.holding("three", &[("openssl", "3.0.11")]).await?;
    let without = wire::TakeSnapshotRequest {
        name: "b".to_owned(),
        selector: "name!=two".to_owned(),
        ..Default::default()
    };
    scene.drift.take_snapshot(without).await?;

    let all = diff(&mut scene, between("a", "b")).await?;
    // A message has two hundred changes, and a host that came or went is one word.
    let expected = [
        ("one", "changed", 200, 0),
        ("one", "changed", 51, 0),
        ("three", "created", 0, 0),
        ("two", "deleted", 0, 0),
    ];
    ensure!(told(&all) == expected, "{:?}", told(&all));
    let change: serde_json::Value = serde_json::from_str(&all[0].changes[0])?;
    ensure!(change["key"] == "package/host/curl" && change["after"].is_null(), "{change:#}");

    let few = wire::DiffSnapshotsRequest { limit: 50, ..between("a", "b") };
    let few = diff(&mut scene, few).await?;
    ensure!(told(&few)[0] == ("one", "changed", 50, 201), "{:?}", told(&few));
    let only = wire::DiffSnapshotsRequest { host: "three".to_owned(), ..between("a", "b") };
    let only = diff(&mut scene, only).await?;
    ensure!(told(&only) == [("three", "created", 0, 0)], "{:?}", told(&only));
    // Without a later one it is what is known now.
    let now = diff(&mut scene, between("a", "")).await?;
    ensure!(told(&now) == expected[..3], "{:?}", told(&now));

    let unknown = refused(scene.drift.diff_snapshots(between("a", "c")).await);
    ensure!((unknown.code, unknown.field.as_deref()) == (Code::NotFound, Some("after")));
    let other = wire::DiffSnapshotsRequest { host: "four".to_owned(), ..between("a", "b") };
    let other = refused(scene.drift.diff_snapshots(other).await);
    ensure!((other.code, other.field.as_deref()) == (Code::NotFound, Some("host")), "{other:?}");
    Ok(())
}

#[tokio::test]
async fn a_snapshot_of_the_past_is_what_was_known_then() -> Result<()> {
    let mut scene = Scene::new().await?;
    let begun = millis_now();
    let mut agent = scene.holding("one", &[("openssl", "3.0.11")]).await?;
    let then = millis_now();
    // The next picture is seen later, by any clock that counts milliseconds.
    while millis_now() <= then + 1 {
        tokio::task::yield_now().await;
    }
    agent.put("openssl", "3.0.14")?;
    agent.tell().await?;
    let at = |at: u64, name: &str| wire::TakeSnapshotRequest {
        name: name.to_owned(),
        at,
        ..Default::default()
    };
    scene.drift.take_snapshot(at(then, "then")).await?;
    let shown = wire::ShowSnapshotRequest {
        snapshot: "then".to_owned(),
        host: "one".to_owned(),
        ..Default::default()
    };
    let shown = scene.drift.show_snapshot(shown).await?.into_inner();
    ensure!(shown.resources.len() == 1 && shown.resources[0].contains("3.0.11"), "{shown:#?}");
    let changed = diff(&mut scene, between("then", "")).await?;
    ensure!(told(&changed) == [("one", "changed", 1, 0)], "{:?}", told(&changed));

    let before = refused(scene.drift.take_snapshot(at(begun - 3_600_000, "")).await);
    ensure!(before.code == Code::SelectionEmpty, "{before:?}");
    ensure!(before.field.as_deref() == Some("at"), "{before:?}");
    ensure!(before.message == "nothing of that time is kept of any of the 1 hosts", "{before:?}");
    let remedy = before.remedy.as_deref().unwrap_or_default();
    ensure!(remedy.contains("tamerctl drift history"), "{before:?}");
    let later = refused(scene.drift.take_snapshot(at(millis_now() + 3_600_000, "")).await);
    ensure!((later.code, later.field.as_deref()) == (Code::InvalidField, Some("at")), "{later:?}");
    // One host that was known and one that was not: what is missing is said.
    let _two = scene.holding("two", &[("openssl", "3.0.11")]).await?;
    let partly = scene.drift.take_snapshot(at(then, "partly")).await?.into_inner();
    ensure!((partly.hosts, partly.missing) == (1, 1), "{partly:#?}");
    Ok(())
}

#[tokio::test]
async fn everything_comes_in_pages() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut one = scene.holding("one", &[("a", "1"), ("b", "1"), ("c", "1")]).await?;
    let _two = scene.holding("two", &[("a", "1")]).await?;
    for number in 0..5 {
        let env = if number % 2 == 0 { "prod" } else { "test" };
        let taken = wire::TakeSnapshotRequest {
            name: format!("nightly-{number}"),
            tags: [("env".to_owned(), env.to_owned())].into(),
            ..Default::default()
        };
        scene.drift.take_snapshot(taken).await?;
    }
    let mut names = Vec::new();
    let mut list = wire::ListSnapshotsRequest {
        name: "nightly-*".to_owned(),
        page_size: 2,
        ..Default::default()
    };
    loop {
        let page = scene.drift.list_snapshots(list.clone()).await?.into_inner();
        ensure!((1..=2).contains(&page.snapshots.len()), "{page:#?}");
        names.extend(page.snapshots.into_iter().map(|one| one.name));
        if page.next_page_token.is_empty() {
            break;
        }
        list.page_token = page.next_page_token;
    }
    ensure!(names == ["nightly-4", "nightly-3", "nightly-2", "nightly-1", "nightly-0"]);
    let tagged = wire::ListSnapshotsRequest {
        tags: [("env".to_owned(), "test".to_owned())].into(),
        ..Default::default()
    };
    let tagged = scene.drift.list_snapshots(tagged).await?.into_inner().snapshots;
    ensure!(tagged.len() == 2 && tagged.iter().all(|one| one.tags["env"] == "test"), "{tagged:#?}");
    let bad = wire::ListSnapshotsRequest { page_token: "x".to_owned(), ..Default::default() };
    let bad = refused(scene.drift.list_snapshots(bad).await);
    ensure!(bad.field.as_deref() == Some("page_token"), "{bad:?}");

    let mut hosts = Vec::new();
    let mut show = wire::ShowSnapshotRequest {
        snapshot: "nightly-0".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    loop {
        let page = scene.drift.show_snapshot(show.clone()).await?.into_inner();
        hosts.extend(page.hosts.into_iter().map(|host| host.name));
        if page.next_page_token.is_empty() {
            break;
        }
        show.page_token = page.next_page_token;
    }
    hosts.sort();
    ensure!(hosts == ["one", "two"], "{hosts:?}");

    scene.baseline().await?;
    for name in ["a", "b", "c"] {
        one.put(name, "2")?;
        one.tell().await?;
    }
    let mut found = Vec::new();
    let mut asked = wire::GetDriftRequest { page_size: 2, ..Default::default() };
    loop {
        let page = scene.drift.get_drift(asked.clone()).await?.into_inner();
        ensure!(page.findings == 3, "each page says how many there are: {page:#?}");
        let document: serde_json::Value = serde_json::from_str(&page.document)?;
        let findings = document["findings"].as_array().context("a list")?;
        found.extend(findings.iter().map(|one| one["name"].to_string()));
        if page.next_page_token.is_empty() {
            break;
        }
        asked.page_token = page.next_page_token;
    }
    found.sort();
    ensure!(found == [r#""a""#, r#""b""#, r#""c""#], "{found:?}");

    let mut times = Vec::new();
    let mut history =
        wire::GetHistoryRequest { host: "one".to_owned(), page_size: 3, ..Default::default() };
    loop {
        let page = scene.drift.get_history(history.clone()).await?.into_inner();
        times.extend(page.entries.iter().map(|entry| entry.at));
        if page.next_page_token.is_empty() {
            break;
        }
        history.page_token = page.next_page_token;
    }
    ensure!(times.len() == 4 && times.is_sorted_by(|a, b| a >= b), "newest first: {times:?}");
    Ok(())
}

#[tokio::test]
async fn a_watcher_hears_of_the_set_and_of_nothing_else() -> Result<()> {
    let mut scene = Scene::new().await?;
    let held = [("openssl", "3.0.11"), ("curl", "8")];
    let mut one = scene.holding("one", &held).await?;
    let mut two = scene.holding("two", &held).await?;
    scene.baseline().await?;
    let watch = scene.drift.watch_drift(wire::GetDriftRequest::default()).await?;
    let mut watch = watch.into_inner();
    let mut seen = None;
    // The next one about the set. One that is not says that something is seen again, or not any more.
    let mut next = async || -> Result<wire::DriftAlarm> {
        loop {
            let alarm = tokio::time::timeout(LIMIT, watch.message()).await??.context("an alarm")?;
            let before = seen.replace(alarm.observed);
            if before.is_none() || !alarm.new.is_empty() || !alarm.gone.is_empty() {
                return Ok(alarm);
            }
            ensure!(before != Some(alarm.observed), "it says nothing: {alarm:#?}");
        }
    };
    let first = next().await?;
    ensure!(first.new.is_empty() && first.observed, "{first:#?}");
    one.put("openssl", "3.0.14")?;
    one.tell().await?;
    let alarm = next().await?;
    ensure!((alarm.new.len(), alarm.gone.len(), alarm.same) == (1, 0, 0), "{alarm:#?}");
    let openssl = alarm.new[0].clone();
    // The same on another host is the same finding, and no alarm: the next one is of curl.
    two.put("openssl", "3.0.14")?;
    two.tell().await?;
    let grown = |_: &wire::DriftReport, document: &serde_json::Value| {
        document["findings"][0]["hosts"].as_array().is_some_and(|hosts| hosts.len() == 2)
    };
    scene.until("on two hosts", grown).await?;
    one.put("curl", "9")?;
    one.tell().await?;
    let alarm = next().await?;
    ensure!((alarm.new.len(), alarm.gone.len(), alarm.same) == (1, 0, 1), "{alarm:#?}");
    one.put("openssl", "3.0.11")?;
    two.put("openssl", "3.0.11")?;
    one.tell().await?;
    two.tell().await?;
    let alarm = next().await?;
    ensure!(alarm.gone == [openssl] && alarm.new.is_empty(), "{alarm:#?}");
    // What cannot be asked is said at once.
    let bad = wire::GetDriftRequest { baseline: "other".to_owned(), ..Default::default() };
    let bad = refused(scene.drift.watch_drift(bad).await.map(|stream| stream.map(|_| ())));
    ensure!(bad.code == Code::NotFound, "{bad:?}");
    Ok(())
}
