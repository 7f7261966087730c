//! Workloads: a real coordinator, and the test in the place of agents and of people.

mod support;

#[path = "workloads/scene.rs"]
mod scene;

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use scene::{LIMIT, Scene, code, counts_of, document, refusal, request, state_of};
use tamer_proto::wire;
use tokio_stream::StreamExt;
use wire::change_workload_request::Change;

const EMPTY: wire::Empty = wire::Empty {};
/// Races over one version: so many that a window of microseconds is hit.
const ROUNDS: u32 = 40;

#[tokio::test]
async fn a_file_is_applied_whole_or_not_at_all() -> Result<()> {
    let mut scene = Scene::new(&[]).await?;
    let (web, db) = (document("web", "nginx", r#""with":["db"]"#), document("db", "postgres", ""));
    let wrong = document("db", "postgres", r#""spraed":[]"#);
    let (code, field, _) = refusal(scene.ann.apply(&[web.clone(), wrong]).await);
    ensure!((code.as_str(), field.as_str()) == ("invalid-field", "workloads[1].spraed"), "{field}");
    ensure!(scene.ann.list("").await?.is_empty(), "half of it was applied");
    // Refused, too: what it goes with is nowhere.
    let (_, field, _) = refusal(scene.ann.apply(std::slice::from_ref(&web)).await);
    ensure!(field == "workloads[0].with[0]", "{field}");

    let both = [web, db];
    ensure!(scene.ann.apply(&both).await? == ["web created 1", "db created 1"]);
    ensure!(scene.ann.apply(&both).await? == ["web unchanged 1", "db unchanged 1"]);
    ensure!(scene.ann.list("").await? == ["db", "web"]);
    ensure!(scene.ann.list("owner=ann,name=w*").await? == ["web"]);
    ensure!(scene.ann.list("provider=podman").await?.is_empty());
    let begun = Instant::now();
    let audit = loop {
        // Refusals are written by a task of their own.
        let audit = scene.audit("workload.apply").await?;
        if audit.len() >= 3 {
            break audit;
        }
        ensure!(begun.elapsed() < LIMIT, "refusals are audited: {audit:#?}");
    };
    let done: Vec<_> = audit.iter().filter(|record| record.outcome == "done").collect();
    ensure!(done.len() == 1, "what changes nothing is audited: {audit:#?}");
    ensure!(done[0].detail == "web created version=1, db created version=1", "{audit:#?}");
    Ok(())
}

#[tokio::test]
async fn the_same_request_is_applied_once() -> Result<()> {
    let mut scene = Scene::new(&[]).await?;
    let first = request(&[document("web", "nginx:1", "")]);
    let again = wire::ApplyWorkloadsRequest {
        documents: vec![document("web", "nginx:2", "")],
        ..first.clone()
    };
    let (mut ann, mut other) = (scene.ann.clone(), scene.ann.clone());
    let (one, two) = tokio::join!(ann.apply_as(first.clone()), other.apply_as(first));
    ensure!(one? == ["web created 1"] && two? == ["web created 1"]);
    ensure!(scene.ann.apply_as(again).await? == ["web created 1"]);
    ensure!(scene.ann.versions("web").await?.len() == 1);
    Ok(())
}

#[tokio::test]
async fn an_apply_that_raced_another_is_refused() -> Result<()> {
    let mut scene = Scene::new(&[]).await?;
    let of = |image: &str, version| wire::ApplyWorkloadsRequest {
        expected: vec![wire::ExpectedVersion { workload: "web".to_owned(), version }],
        ..request(&[document("web", image, "")])
    };
    ensure!(scene.ann.apply_as(of("nginx", 0)).await? == ["web created 1"]);
    for version in 1..=ROUNDS {
        // Eight at once that saw the same version: one of them wins.
        let races = (0..8).map(|number| {
            let mut ann = scene.ann.clone();
            let request = of(&format!("nginx:{version}.{number}"), version);
            async move { ann.apply_as(request).await }
        });
        let raced = futures_util::future::join_all(races).await;
        let (won, lost): (Vec<_>, Vec<_>) = raced.into_iter().partition(Result::is_ok);
        ensure!(won.len() == 1, "{} have won over version {version}", won.len());
        for status in lost.into_iter().filter_map(Result::err) {
            ensure!(code(&status) == "conflict", "{status}");
        }
    }
    let current = scene.ann.get("web").await?.row.context("a row")?.version;
    ensure!(current == ROUNDS + 1, "{current}");
    Ok(())
}

#[tokio::test]
async fn an_apply_expects_as_many_versions_as_a_file_has_workloads() -> Result<()> {
    let mut scene = Scene::new(&[]).await?;
    // All of them others than those that it makes: as much as one commit ever holds to.
    let made: Vec<_> = (0..60).map(|at| document(&format!("made-{at}"), "nginx", "")).collect();
    let of = |count: u32| wire::ApplyWorkloadsRequest {
        expected: (0..count)
            .map(|at| wire::ExpectedVersion { workload: format!("other-{at}"), version: 0 })
            .collect(),
        ..request(&made)
    };
    let refused = scene.ann.apply_as(of(61)).await.err().context("too many")?;
    ensure!(code(&refused) == "invalid-field", "{refused}");
    ensure!(scene.ann.apply_as(of(60)).await?.len() == 60);
    Ok(())
}

#[tokio::test]
async fn of_two_applies_that_saw_each_others_workload_one_wins() -> Result<()> {
    let mut scene = Scene::new(&[]).await?;
    let mut at = [1, 1];
    scene.ann.apply(&[document("web", "nginx", ""), document("db", "postgres", "")]).await?;
    for round in 0..ROUNDS {
        // Each changes the one, and has seen the other as it is.
        let of = |changed: &str, seen: &str, version| wire::ApplyWorkloadsRequest {
            expected: vec![wire::ExpectedVersion { workload: seen.to_owned(), version }],
            ..request(&[document(changed, &format!("image:{round}"), "")])
        };
        let (mut ann, mut other) = (scene.ann.clone(), scene.ann.clone());
        let raced = tokio::join!(
            ann.apply_as(of("web", "db", at[1])),
            other.apply_as(of("db", "web", at[0])),
        );
        let lost = match raced {
            (Ok(_), Err(lost)) => {
                at[0] += 1;
                lost
            }
            (Err(lost), Ok(_)) => {
                at[1] += 1;
                lost
            }
            both => anyhow::bail!("not one of them won: {both:?}"),
        };
        ensure!(code(&lost) == "conflict", "{lost}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_belongs_to_who_applied_it_first() -> Result<()> {
    let mut scene = Scene::new(&[]).await?;
    scene.ann.apply(&[document("web", "nginx:1", "")]).await?;
    let theirs = [document("web", "nginx:2", "")];
    let (code, field, message) = refusal(scene.bob.apply(&theirs).await);
    ensure!((code.as_str(), field.as_str()) == ("already-exists", "name"), "{message}");
    ensure!(message == "web is a workload of ann", "{message}");
    let (code, ..) = refusal(scene.bob.change("web", Change::Scale(3)).await);
    ensure!(code == "wrong-state", "{code}");
    let plan = scene.bob.plan(&theirs).await?;
    let note = "web: belongs to ann: applying needs --take-over";
    ensure!(plan.notes.iter().any(|one| one == note), "{:?}", plan.notes);
    let taken = wire::ApplyWorkloadsRequest { take_over: true, ..request(&theirs) };
    ensure!(scene.bob.apply_as(taken).await? == ["web changed 2"]);
    ensure!(scene.bob.list("owner=bob").await? == ["web"]);
    scene.ann.change_as("web", Change::Scale(3), true).await?;
    ensure!(scene.ann.list("owner=ann").await? == ["web"]);
    Ok(())
}

#[tokio::test]
async fn what_contradicts_itself_is_refused_and_what_only_lacks_hosts_waits() -> Result<()> {
    let mut scene = Scene::new(&["one"]).await?;
    let _agent = scene.agent("one").await?;
    let refused = [
        vec![document("a", "x", r#""with":["b"]"#), document("b", "x", r#""with":["a"]"#)],
        vec![document("a", "x", r#""constraints":["os=linux","os=windows"]"#)],
        vec![document("a", "x", r#""run":{"count":100001}"#)],
        vec!["1".repeat(600_000)],
    ];
    for documents in refused {
        for (code, field, message) in
            [refusal(scene.ann.plan(&documents).await), refusal(scene.ann.apply(&documents).await)]
        {
            ensure!(code == "invalid-field" && field.starts_with("workloads"), "{message}");
        }
    }
    let much = document("much", "x", r#""resources":{"memory":"1TiB"}"#);
    let plan = scene.ann.plan(std::slice::from_ref(&much)).await?;
    let note = "much: asks for more memory than any host has: its copies wait";
    ensure!(plan.notes.iter().any(|one| one == note), "{:?}", plan.notes);
    ensure!(plan.unplaced.len() == 1 && plan.unplaced[0].copies == 1, "{plan:#?}");
    scene.ann.apply(&[much]).await?;
    let view = scene.ann.until("much", "pending").await?;
    let view = match view.unplaced {
        Some(_) => view,
        None => scene.ann.until_it("much", "unplaced", |view| view.unplaced.is_some()).await?,
    };
    let unplaced = view.unplaced.context("just seen")?;
    ensure!(unplaced.copies == 1 && unplaced.since > 0, "{unplaced:#?}");
    ensure!(unplaced.removed.iter().any(|one| one.constraint == "memory"), "{unplaced:#?}");
    let why = scene.ann.why("much").await?;
    ensure!(why.lines.iter().any(|line| line.contains("has no host since")), "{why:#?}");
    Ok(())
}

#[tokio::test]
async fn copies_run_and_are_accounted_for() -> Result<()> {
    let mut scene = Scene::new(&["one", "two"]).await?;
    let _agents = (scene.agent("one").await?, scene.agent("two").await?);
    scene.ann.apply(&[document("web", "nginx", r#""run":{"count":4}"#)]).await?;
    let request = wire::GetWorkloadRequest { name: "web".to_owned() };
    let mut views = scene.ann.0.watch_workload(request).await?.into_inner();
    let view = loop {
        let next = tokio::time::timeout(LIMIT, views.next()).await.context("no more views")?;
        let view = next.context("the watch ended")??;
        if state_of(&view) == "running" {
            break view;
        }
    };
    let counts = counts_of(&view);
    ensure!((counts.wanted, counts.running, counts.well) == (4, 4, 4), "{counts:?}");
    let hosts: BTreeSet<_> = view.placements.iter().map(|one| one.host_name.as_str()).collect();
    ensure!(hosts == BTreeSet::from(["one", "two"]), "{view:#?}");
    ensure!(view.stable == Some(1) && view.update.is_none(), "{view:#?}");

    // Pages of one placement each tell all of them once.
    let mut seen = BTreeSet::new();
    let mut page_token = String::new();
    loop {
        let request = wire::ListPlacementsRequest {
            workload: "web".to_owned(),
            page_size: 1,
            page_token: page_token.clone(),
            ..Default::default()
        };
        let page = scene.ann.0.list_placements(request).await?.into_inner();
        ensure!(page.placements.len() == 1, "{page:?}");
        ensure!(page.placements.into_iter().all(|one| seen.insert(one.id)), "one came twice");
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    ensure!(seen.len() == 4, "{seen:?}");
    let on_one = wire::ListPlacementsRequest { host: "one".to_owned(), ..Default::default() };
    let on_one = scene.ann.0.list_placements(on_one).await?.into_inner().placements;
    ensure!(on_one.len() == 2 && on_one.iter().all(|one| one.host_name == "one"), "{on_one:?}");

    let id = seen.first().context("four")?;
    let why = scene.ann.why(id).await?;
    ensure!(why.lines[0].contains("because a copy was missing"), "{:?}", why.lines);
    ensure!(why.lines.iter().any(|line| line.ends_with("that it runs.")), "{:?}", why.lines);
    ensure!(why.placements.len() == 1 && why.candidates.len() == 2, "{why:#?}");
    ensure!(scene.ann.why("web/3").await?.placements.len() == 1);
    let none = scene.ann.why("web/9").await?.lines;
    ensure!(none == ["Copy 9 of web is nowhere."], "{none:?}");
    let (code, ..) = refusal(scene.ann.why("db").await);
    ensure!(code == "not-found", "{code}");
    Ok(())
}

#[tokio::test]
async fn a_plan_shows_a_whole_update_and_changes_nothing() -> Result<()> {
    let mut scene = Scene::new(&["one", "two"]).await?;
    let _agents = (scene.agent("one").await?, scene.agent("two").await?);
    let of = |image: &str| [document("web", image, r#""run":{"count":3}"#)];
    let plan = scene.ann.plan(&of("nginx:1")).await?;
    ensure!(
        plan.steps.len() == 3 && plan.steps.iter().all(|step| step.kind == "make"),
        "{plan:#?}"
    );
    ensure!(plan.workloads[0].what == "created" && plan.workloads[0].version == 0, "{plan:#?}");
    ensure!(plan.workloads[0].lost.contains("replaced elsewhere after 5m"), "{plan:#?}");
    ensure!(scene.ann.list("").await?.is_empty(), "the plan has made something");

    scene.ann.apply(&of("nginx:1")).await?;
    let before = scene.ann.until("web", "running").await?;
    let plan = scene.ann.plan(&of("nginx:2")).await?;
    let change = &plan.workloads[0];
    ensure!(change.what == "changed" && change.replaces_copies && change.version == 1, "{plan:#?}");
    let fields: Vec<_> = change
        .fields
        .iter()
        .map(|one| format!("{} {} {}", one.path, one.before, one.after))
        .collect();
    ensure!(fields == ["instance.image \"nginx:1\" \"nginx:2\""], "{fields:?}");
    let kinds: Vec<_> = plan.steps.iter().map(|step| step.kind.as_str()).collect();
    let count = |kind: &str| kinds.iter().filter(|one| **one == kind).count();
    ensure!((count("stop"), count("make")) == (3, 3), "{plan:#?}");
    let stopped: BTreeSet<_> = plan
        .steps
        .iter()
        .filter(|step| step.kind == "stop")
        .map(|step| step.placement.as_str())
        .collect();
    let there: BTreeSet<_> = before.placements.iter().map(|one| one.id.as_str()).collect();
    ensure!(stopped == there, "{plan:#?}");
    let plan = scene.ann.plan(&of("nginx:1")).await?;
    ensure!(plan.steps.is_empty() && plan.workloads[0].what == "unchanged", "{plan:#?}");
    let after = scene.ann.get("web").await?;
    ensure!(after.row.map(|row| row.version) == Some(1), "the plan has changed something");
    Ok(())
}

#[tokio::test]
async fn a_workload_is_changed_without_its_file() -> Result<()> {
    let mut scene = Scene::new(&["one"]).await?;
    let _agent = scene.agent("one").await?;
    let ann = &mut scene.ann;
    ann.apply(&[document("web", "nginx:1", "")]).await?;
    let first = ann.until("web", "running").await?;
    ann.change("web", Change::Scale(3)).await?;
    let scaled = ann.until_it("web", "scaled", |view| counts_of(view).well == 3).await?;
    let kept = |view: &wire::WorkloadView, id: &str| view.placements.iter().any(|one| one.id == id);
    ensure!(scaled.template == 1 && kept(&scaled, &first.placements[0].id), "{scaled:#?}");

    ann.change("web", Change::Restart(EMPTY)).await?;
    let restarted = ann
        .until_it("web", "restarted", |view| view.template == 3 && view.stable == Some(3))
        .await?;
    ensure!(!kept(&restarted, &first.placements[0].id), "{restarted:#?}");

    ann.apply(&[document("web", "nginx:2", r#""run":{"count":2}"#)]).await?;
    ann.until_it("web", "updated", |view| view.stable == Some(4)).await?;
    let (code, ..) = refusal(ann.change("web", Change::Revert(99)).await);
    ensure!(code == "not-found", "{code}");
    let reverted = ann.change("web", Change::Revert(0)).await?;
    ensure!(reverted.template == 3 && reverted.document.contains("nginx:1"), "{reverted:#?}");
    ann.until_it("web", "reverted", |view| view.stable == Some(3)).await?;
    let versions = ann.versions("web").await?;
    let told: Vec<_> = versions
        .iter()
        .map(|one| format!("{} {} {}", one.version, one.template, one.cause))
        .collect();
    let wanted = ["5 3 reverted to 3", "4 4 applied", "3 3 restarted", "2 1 scaled", "1 1 applied"];
    ensure!(told == wanted, "{told:?}");

    ann.change("web", Change::Stop(EMPTY)).await?;
    ann.until_it("web", "stopped", |view| {
        state_of(view) == "stopped" && view.placements.is_empty()
    })
    .await?;
    ann.change("web", Change::Start(EMPTY)).await?;
    ann.until("web", "running").await?;
    ann.change("web", Change::Remove(EMPTY)).await?;
    ann.until_gone("web").await?;
    for what in ["scale", "restart", "revert", "stop", "start", "rm"] {
        let audit = scene.audit(&format!("workload.{what}")).await?;
        ensure!(audit.iter().any(|record| record.outcome == "done"), "{what}: {audit:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_update_that_fails_goes_back_and_keeps_the_scale() -> Result<()> {
    // Where a copy failed none of the workload goes for a while: the other host takes it.
    let mut scene = Scene::new(&["one", "two"]).await?;
    let _agents = (scene.agent("one").await?, scene.agent("two").await?);
    let ann = &mut scene.ann;
    ann.apply(&[document("web", "good", "")]).await?;
    ann.until("web", "running").await?;
    ann.change("web", Change::Scale(3)).await?;
    ann.until_it("web", "scaled", |view| counts_of(view).well == 3).await?;
    ann.apply(&[document("web", "bad", r#""run":{"count":3}"#)]).await?;
    let back = ann
        .until_it("web", "back", |view| view.template == 1 && state_of(view) == "running")
        .await?;
    ensure!(counts_of(&back).wanted == 3 && counts_of(&back).well == 3, "{back:#?}");
    let versions = ann.versions("web").await?;
    ensure!(
        versions[0].version == 4 && versions[0].cause.starts_with("went back to 1"),
        "{versions:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_refusal_never_quotes_a_document_in_the_audit() -> Result<()> {
    let mut scene = Scene::new(&[]).await?;
    let secret = r#"{"name":"web","provider":"docker","instance":{"env":{"PASSWORD":271828}}}"#;
    let (_, field, message) = refusal(scene.ann.apply(&[secret.to_owned()]).await);
    ensure!(
        field == "workloads[0].instance.env.PASSWORD" && message.contains("271828"),
        "{message}"
    );
    let begun = Instant::now();
    let audit = loop {
        let audit = scene.audit("workload.apply").await?;
        if !audit.is_empty() {
            break audit;
        }
        ensure!(begun.elapsed() < LIMIT, "the refusal is not in the audit");
    };
    ensure!(audit[0].detail == field, "{audit:?}");
    Ok(())
}

#[tokio::test]
async fn a_drain_moves_copies_and_says_how_far_it_is() -> Result<()> {
    let mut scene = Scene::new(&["one", "two"]).await?;
    let _agents = (scene.agent("one").await?, scene.agent("two").await?);
    scene.ann.apply(&[document("web", "nginx", r#""run":{"count":4}"#)]).await?;
    scene.ann.until("web", "running").await?;
    let drain = scene.ann.drain("one", false).await?;
    ensure!(drain.draining && drain.begun_at > 0, "{drain:?}");
    let watch = wire::WatchDrainRequest { host: "one".to_owned() };
    let views = scene.ann.0.watch_drain(watch).await?.into_inner();
    let views: Vec<_> = tokio::time::timeout(LIMIT, views.collect::<Vec<_>>()).await?;
    let last = views.into_iter().last().context("no view")??;
    ensure!(last.drained && last.left == 0, "{last:?}");
    let view = scene.ann.until("web", "running").await?;
    ensure!(view.placements.iter().all(|one| one.host_name == "two"), "{view:#?}");

    let request = wire::ListHostsRequest { name: "one".to_owned(), ..Default::default() };
    let host = scene.control.list_hosts(request.clone()).await?.into_inner().hosts.remove(0);
    ensure!(host.drain.is_some_and(|drain| drain.by == "ann") && host.cordon.is_some());
    let cancelled = scene.ann.drain("one", true).await?;
    ensure!(!cancelled.draining && !cancelled.drained, "{cancelled:?}");
    let host = scene.control.list_hosts(request).await?.into_inner().hosts.remove(0);
    ensure!(host.drain.is_none() && host.cordon.is_some(), "it stays cordoned: {host:?}");
    for what in ["host.drain", "host.drain.cancel"] {
        ensure!(scene.audit(what).await?.len() == 1, "{what} is not in the audit");
    }
    let (code, ..) = refusal(scene.ann.drain("nowhere", false).await);
    ensure!(code == "not-found", "{code}");
    Ok(())
}
