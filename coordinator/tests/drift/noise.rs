//! Noise: proposed, tried, adopted, given up; and findings that are set aside.

use anyhow::{Context, Result, ensure};
use tamer_model::Code;
use tamer_proto::wire;

use crate::scene::{Scene, millis_now, refused};

#[tokio::test]
async fn a_field_that_flaps_is_proposed_tried_adopted_and_given_up() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut agent = scene.holding("one", &[("flapping", "1"), ("calm", "1")]).await?;
    scene.baseline().await?;
    for version in ["2", "1", "2", "1", "2"] {
        // Steps of one moment would be one step.
        let now = millis_now();
        while millis_now() <= now + 1 {
            tokio::task::yield_now().await;
        }
        agent.put("flapping", version)?;
        agent.tell().await?;
    }
    let (report, _) = scene.report().await?;
    ensure!(report.drift && report.findings == 1, "{}", report.document);
    let proposed = scene.drift.propose_noise(wire::ProposeNoiseRequest::default()).await?;
    let proposed: serde_json::Value = serde_json::from_str(&proposed.into_inner().document)?;
    let [proposal] = &proposed.as_array().context("a list")?[..] else {
        anyhow::bail!("one field flaps: {proposed:#}")
    };
    ensure!(proposal["example"].to_string().contains("flapping"), "{proposal:#}");
    ensure!(proposal["flips"].as_u64() >= Some(3), "{proposal:#}");
    ensure!(proposal["rule"]["by"] == "ann", "{proposal:#}");

    // Two of the five steps went down, which is of severity high, and it says so.
    let document = proposal["rule"].to_string();
    let replay = wire::ReplayRuleRequest { document: document.clone(), since: 0 };
    let replay = scene.drift.replay_rule(replay).await?.into_inner();
    let replay: serde_json::Value = serde_json::from_str(&replay.document)?;
    ensure!(replay["changes"] == 5, "{replay:#}");
    let severities = serde_json::json!({"low": 3, "high": 2});
    ensure!(replay["severities"] == severities, "{replay:#}");
    let words = replay["words"].to_string();
    ensure!(words.contains('5') && words.contains("2 of severity high"), "{words}");
    let (report, _) = scene.report().await?;
    ensure!(report.drift, "to try a rule changes nothing");

    let put = wire::PutRuleRequest { document };
    let rule = scene.drift.put_rule(put).await?.into_inner();
    ensure!(rule.by == "ann", "{rule:#?}");
    let (report, document) = scene.report().await?;
    ensure!(!report.drift && report.findings == 0 && report.observed, "{document:#}");
    ensure!(document["hidden"][0]["rule"] == rule.id, "what is hidden is told: {document:#}");
    agent.put("calm", "2")?;
    agent.tell().await?;
    let (report, document) = scene.report().await?;
    ensure!(report.findings == 1 && document["findings"][0]["name"] == "calm", "{document:#}");

    let rules = scene.drift.list_rules(wire::ListRulesRequest {}).await?.into_inner().rules;
    ensure!(rules.len() == 1 && rules[0].id == rule.id, "{rules:#?}");
    let gone = wire::RemoveRuleRequest { id: rule.id };
    scene.drift.remove_rule(gone.clone()).await?;
    ensure!(refused(scene.drift.remove_rule(gone).await).code == Code::NotFound);
    let (report, _) = scene.report().await?;
    ensure!(report.findings == 2, "{}", report.document);
    Ok(())
}

#[tokio::test]
async fn a_rule_with_a_bad_path_hides_nothing() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut agent = scene.holding("one", &[("openssl", "3.0.11")]).await?;
    scene.baseline().await?;
    agent.put("openssl", "3.0.14")?;
    agent.tell().await?;
    for (document, what) in [
        (r#"{"name":"x","reason":"r","kind":["package"],"path":"[["}"#, "path \"[[\""),
        (r#"{"name":"x","reason":"r","path":"a..b"}"#, "a step without a name, at byte 2"),
        (r#"{"name":"x","reason":"r"}"#, "hide everything"),
        (r#"{"name":"x","reason":"r","kind":["package"],"colour":1}"#, "colour"),
        ("{", "EOF"),
    ] {
        let put = wire::PutRuleRequest { document: document.to_owned() };
        let problem = refused(scene.drift.put_rule(put).await);
        ensure!(problem.code == Code::InvalidField, "{problem:?}");
        ensure!(problem.message.contains(what), "{document}: {problem:?}");
        ensure!(problem.remedy.is_some(), "{problem:?}");
        let replay = wire::ReplayRuleRequest { document: document.to_owned(), since: 0 };
        let problem = refused(scene.drift.replay_rule(replay).await);
        ensure!(problem.message.contains(what), "{document}: {problem:?}");
    }
    scene.audited("drift.rule", "refused").await?;
    let rules = scene.drift.list_rules(wire::ListRulesRequest {}).await?.into_inner().rules;
    ensure!(rules.is_empty(), "{rules:#?}");
    let (report, _) = scene.report().await?;
    ensure!(report.drift && report.findings == 1, "{}", report.document);
    Ok(())
}

#[tokio::test]
async fn a_finding_is_set_aside_until_its_time() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut agent = scene.holding("one", &[("openssl", "3.0.11")]).await?;
    scene.baseline().await?;
    agent.put("openssl", "3.0.14")?;
    agent.tell().await?;
    let (_, document) = scene.report().await?;
    let finding = document["findings"][0]["id"].as_str().context("an id")?.to_owned();
    let aside = |until: u64| wire::AcknowledgeDriftRequest {
        finding: finding.clone(),
        until,
        note: "after the release".to_owned(),
    };
    scene.drift.acknowledge_drift(aside(millis_now() + 3_600_000)).await?;
    let (report, document) = scene.report().await?;
    ensure!(!report.drift && report.findings == 0, "{document:#}");
    ensure!(document["summary"]["acknowledged"] == 1, "it is counted: {document:#}");
    let all = wire::GetDriftRequest { acknowledged: true, ..Default::default() };
    let all = scene.drift.get_drift(all).await?.into_inner();
    let document: serde_json::Value = serde_json::from_str(&all.document)?;
    let said = &document["findings"][0]["acknowledged"];
    ensure!(said["by"] == "ann" && said["note"] == "after the release", "{document:#}");
    // Another drift is not set aside with it.
    agent.put("openssl", "3.0.15")?;
    agent.tell().await?;
    let (report, document) = scene.report().await?;
    ensure!(report.drift && report.findings == 1, "{document:#}");
    agent.put("openssl", "3.0.14")?;
    agent.tell().await?;
    let (report, _) = scene.report().await?;
    ensure!(!report.drift, "{}", report.document);

    // Its time runs out by itself.
    scene.drift.acknowledge_drift(aside(millis_now() + 500)).await?;
    scene.until("drift again", |report, _| report.drift && report.findings == 1).await?;
    let mut other = aside(millis_now() + 3_600_000);
    other.finding = "nothing".to_owned();
    let other = refused(scene.drift.acknowledge_drift(other).await);
    ensure!(other.field.as_deref() == Some("finding"), "{other:?}");
    scene.audited("drift.acknowledge", "done").await?;
    Ok(())
}
