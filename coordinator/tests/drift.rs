//! Drift: a real coordinator, played agents, and a person who asks.

mod support;

#[path = "drift/scene.rs"]
mod scene;

#[path = "drift/baselines.rs"]
mod baselines;
#[path = "drift/hostile.rs"]
mod hostile;
#[path = "drift/noise.rs"]
mod noise;
#[path = "drift/snapshots.rs"]
mod snapshots;

use anyhow::{Context, Result, ensure};
use scene::{LIMIT, Scene};
use tamer_proto::{problem_of, wire};

#[tokio::test]
async fn a_person_keeps_compares_accepts_and_is_audited() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut agent = scene.holding("one", &[("openssl", "3.0.11"), ("curl", "8")]).await?;
    let taken = wire::TakeSnapshotRequest {
        name: "monday".to_owned(),
        tags: [("env".to_owned(), "prod".to_owned())].into(),
        request_id: "r-1".to_owned(),
        ..Default::default()
    };
    let snapshot = scene.drift.take_snapshot(taken.clone()).await?.into_inner();
    ensure!((snapshot.hosts, snapshot.resources) == (1, 2), "{snapshot:#?}");
    let again = scene.drift.take_snapshot(taken).await?.into_inner();
    ensure!(again.id == snapshot.id, "the same request takes one");

    let set = wire::SetBaselineRequest { snapshot: "monday".to_owned(), ..Default::default() };
    let baseline = scene.drift.set_baseline(set).await?.into_inner();
    ensure!((baseline.name.as_str(), baseline.version) == ("default", 1), "{baseline:#?}");
    let report = scene.drift.get_drift(wire::GetDriftRequest::default()).await?.into_inner();
    ensure!(!report.drift && report.observed, "{}", report.document);

    let watch = scene.drift.watch_drift(wire::GetDriftRequest::default()).await?;
    let mut watch = watch.into_inner();
    let first = watch.message().await?.context("the set as it stands")?;
    ensure!(first.new.is_empty() && first.observed, "{first:#?}");
    agent.put("openssl", "3.0.14")?;
    agent.tell().await?;
    let alarm = tokio::time::timeout(LIMIT, watch.message()).await??.context("an alarm")?;
    ensure!(alarm.new.len() == 1 && alarm.gone.is_empty(), "{alarm:#?}");

    let finding = alarm.new[0].clone();
    let asked = wire::GetDriftRequest { finding: finding.clone(), ..Default::default() };
    let report = scene.drift.get_drift(asked).await?.into_inner();
    ensure!(report.drift && report.findings == 1, "{}", report.document);
    let document: serde_json::Value = serde_json::from_str(&report.document)?;
    ensure!(document["findings"][0]["name"] == "openssl", "{document:#}");
    let history = wire::GetHistoryRequest {
        host: "one".to_owned(),
        resource: "package/openssl".to_owned(),
        ..Default::default()
    };
    let history = scene.drift.get_history(history).await?.into_inner();
    ensure!(history.entries.len() == 1 && history.entries[0].changed == 1, "{history:#?}");

    let accept = wire::AcceptDriftRequest {
        findings: vec![finding],
        note: "the update of tuesday".to_owned(),
        expected: 1,
        ..Default::default()
    };
    let unsaid = wire::AcceptDriftRequest { note: " ".to_owned(), ..accept.clone() };
    let refused = problem_of(&scene.drift.accept_drift(unsaid).await.expect_err("no note"));
    ensure!(refused.field.as_deref() == Some("note"), "{refused:?}");
    let accepted = scene.drift.accept_drift(accept).await?.into_inner();
    ensure!((accepted.version, accepted.before) == (2, 1), "{accepted:#?}");
    let gone = tokio::time::timeout(LIMIT, watch.message()).await??.context("an alarm")?;
    ensure!(gone.gone.len() == 1 && gone.new.is_empty(), "{gone:#?}");

    let refused = wire::RemoveSnapshotRequest { snapshot: "monday".to_owned() };
    let refused = scene.drift.remove_snapshot(refused).await.expect_err("a baseline needs it");
    ensure!(problem_of(&refused).code.as_str() == "wrong-state", "{refused}");
    let verified = scene.drift.verify_snapshots(wire::VerifySnapshotsRequest::default()).await?;
    let verified = verified.into_inner();
    ensure!(verified.damage.is_empty() && verified.snapshots == 2, "{verified:#?}");
    for what in ["snapshot.take", "baseline.set", "baseline.accept"] {
        let found = scene.audited(what, "done").await?;
        ensure!(found.iter().all(|record| record.who == "user/ann"), "{found:#?}");
    }
    scene.audited("baseline.accept", "refused").await?;
    scene.audited("snapshot.rm", "refused").await?;
    Ok(())
}

#[tokio::test]
async fn a_snapshot_goes_out_and_comes_in_over_the_wire() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut agent = scene.agent("one").await?;
    for number in 0..2_000 {
        agent.put(&format!("package-{number}"), "1")?;
    }
    agent.tell().await?;
    let taken = wire::TakeSnapshotRequest { name: "s".to_owned(), ..Default::default() };
    let taken = scene.drift.take_snapshot(taken).await?.into_inner();
    let export = wire::ExportSnapshotRequest { snapshot: "s".to_owned() };
    let mut pieces = scene.drift.export_snapshot(export).await?.into_inner();
    let open = wire::ImportSnapshotOpen { name: "back".to_owned() };
    let frame = |frame| wire::ImportSnapshotRequest { frame: Some(frame) };
    let mut messages = vec![frame(wire::import_snapshot_request::Frame::Open(open))];
    while let Some(piece) = pieces.message().await? {
        messages.push(frame(wire::import_snapshot_request::Frame::Piece(piece)));
    }
    ensure!(messages.len() > 2, "it comes in pieces");
    let whole = tokio_stream::iter(messages.clone());
    let back = scene.drift.import_snapshot(whole).await?.into_inner();
    ensure!(back.imported && back.root == taken.root, "{back:#?}");
    messages.pop();
    let cut = scene.drift.import_snapshot(tokio_stream::iter(messages)).await;
    ensure!(cut.is_err(), "a file without its end was cut");
    let shown = wire::ShowSnapshotRequest {
        snapshot: "back".to_owned(),
        host: "one".to_owned(),
        page_size: 1_500,
        ..Default::default()
    };
    let first = scene.drift.show_snapshot(shown.clone()).await?.into_inner();
    let rest = wire::ShowSnapshotRequest { page_token: first.next_page_token, ..shown };
    let rest = scene.drift.show_snapshot(rest).await?.into_inner();
    ensure!((first.resources.len(), rest.resources.len()) == (1_500, 500));
    ensure!(rest.next_page_token.is_empty());
    Ok(())
}
