//! Baselines: accepted in part and as a whole, by whom and why; and of hosts that are no more.

use anyhow::{Context, Result, ensure};
use tamer_model::Code;
use tamer_proto::wire;

use crate::scene::{Scene, refused};

fn accept(findings: Vec<String>, expected: u32) -> wire::AcceptDriftRequest {
    wire::AcceptDriftRequest {
        all: findings.is_empty(),
        findings,
        note: "the update of tuesday".to_owned(),
        expected,
        ..Default::default()
    }
}

#[tokio::test]
async fn some_of_it_is_accepted_and_then_the_rest() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut one = scene.holding("one", &[("openssl", "3.0.11"), ("curl", "8")]).await?;
    scene.baseline().await?;
    one.put("openssl", "3.0.14")?;
    one.put("curl", "9")?;
    one.tell().await?;
    let _two = scene.holding("two", &[("openssl", "3.0.14")]).await?;
    let (report, document) = scene.report().await?;
    ensure!(report.findings == 2 && !report.observed, "two is not in the baseline: {document:#}");
    let findings = document["findings"].as_array().context("a list")?;
    let curl = findings.iter().find(|one| one["name"] == "curl").context("curl")?;
    let curl = curl["id"].as_str().context("an id")?.to_owned();

    let other = refused(scene.drift.accept_drift(accept(vec![curl.clone()], 7)).await);
    ensure!((other.code, other.field.as_deref()) == (Code::Conflict, Some("expected")));
    let both = wire::AcceptDriftRequest { all: true, ..accept(vec![curl.clone()], 1) };
    ensure!(refused(scene.drift.accept_drift(both).await).field.as_deref() == Some("findings"));
    let some = scene.drift.accept_drift(accept(vec![curl.clone()], 1)).await?.into_inner();
    ensure!((some.version, some.before, some.by.as_str()) == (2, 1, "ann"), "{some:#?}");
    ensure!(some.note == "the update of tuesday" && some.accepted == [curl.clone()], "{some:#?}");
    let (report, document) = scene.report().await?;
    ensure!(report.findings == 1 && document["findings"][0]["name"] == "openssl", "{document:#}");
    ensure!(!report.observed, "nobody said that two is right");
    let again = refused(scene.drift.accept_drift(accept(vec![curl], 2)).await);
    ensure!(again.code == Code::NotFound, "{again:?}");

    let all = scene.drift.accept_drift(accept(Vec::new(), 2)).await?.into_inner();
    ensure!((all.version, all.hosts) == (3, 2), "{all:#?}");
    let (report, document) = scene.report().await?;
    ensure!(!report.drift && report.observed, "{document:#}");
    let nothing = refused(scene.drift.accept_drift(accept(Vec::new(), 3)).await);
    ensure!(nothing.code == Code::WrongState, "{nothing:?}");
    let shown = wire::ShowBaselineRequest { name: "default".to_owned() };
    let shown = scene.drift.show_baseline(shown).await?.into_inner().versions;
    let versions: Vec<_> = shown.iter().map(|one| (one.version, one.by.as_str())).collect();
    ensure!(versions == [(3, "ann"), (2, "ann"), (1, "ann")], "{shown:#?}");
    Ok(())
}

#[tokio::test]
async fn a_host_that_was_removed_is_never_no_drift() -> Result<()> {
    let mut scene = Scene::new().await?;
    let _one = scene.holding("one", &[("openssl", "3")]).await?;
    let two = scene.holding("two", &[("openssl", "3")]).await?;
    scene.baseline().await?;
    let of_linux = wire::SetBaselineRequest {
        name: "linux".to_owned(),
        selector: "os=linux".to_owned(),
        ..Default::default()
    };
    scene.drift.set_baseline(of_linux).await?;
    let (report, document) = scene.report().await?;
    ensure!(!report.drift && report.observed, "{document:#}");
    drop(two);
    scene.control.remove_host(wire::RemoveHostRequest { host: "two".to_owned() }).await?;

    let said = |document: &serde_json::Value| {
        let words = document["unobserved"][0]["words"].to_string();
        words.contains("two") && words.contains("the host was removed from the fleet")
    };
    let ask = |baseline: &str, selector: &str| wire::GetDriftRequest {
        baseline: baseline.to_owned(),
        selector: selector.to_owned(),
        ..Default::default()
    };
    for (baseline, selector, seen) in [
        ("default", "", false),
        ("linux", "", false),
        ("default", "name=two", false),
        ("default", "name=one", true),
    ] {
        let report = scene.drift.get_drift(ask(baseline, selector)).await?.into_inner();
        let document: serde_json::Value = serde_json::from_str(&report.document)?;
        ensure!(!report.drift && report.observed == seen, "{baseline} {selector}: {document:#}");
        ensure!(said(&document) != seen, "{baseline} {selector}: {document:#}");
        let verdict = if seen { "none" } else { "not_observed" };
        ensure!(document["verdict"] == verdict, "{baseline} {selector}: {document:#}");
    }
    // That it is gone is accepted as everything else is.
    let accepted = scene.drift.accept_drift(accept(Vec::new(), 1)).await?.into_inner();
    ensure!((accepted.version, accepted.hosts) == (2, 1), "{accepted:#?}");
    let (report, document) = scene.report().await?;
    ensure!(!report.drift && report.observed, "{document:#}");
    Ok(())
}
