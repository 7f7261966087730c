//! What agents tell that is not whole, not so, or not theirs: a gap that is seen, and never "no
//! drift" or "deleted".

use anyhow::{Result, ensure};
use tamer_drift::tree::{Entry as _, Memory};
use tamer_drift::{Digest, Domain, Resource};
use tamer_model::Code;
use tamer_proto::wire;

use crate::scene::{Agent, Answers, Became, Scene, millis_now, package};

const YEAR: i64 = 365 * 24 * 3_600_000;

async fn scene() -> Result<(Scene, Agent)> {
    let mut scene = Scene::new().await?;
    let agent = scene.holding("one", &[("openssl", "3"), ("curl", "8")]).await?;
    scene.baseline().await?;
    Ok((scene, agent))
}

/// Waits until nothing differs as far as one knows, and one knows that not all was seen.
async fn unseen(scene: &mut Scene, why: &str) -> Result<()> {
    let document = scene.until(why, |report, document| {
        let words = document["unobserved"][0]["words"].to_string();
        !report.drift && !report.observed && words.contains(why)
    });
    let document = document.await?;
    ensure!(document["verdict"] == "not_observed", "{document:#}");
    Ok(())
}

/// Waits until all was seen, and nothing differs.
async fn seen(scene: &mut Scene) -> Result<()> {
    scene.until("seen", |report, _| !report.drift && report.observed).await.map(drop)
}

fn packages(complete: bool) -> Vec<wire::SourceTold> {
    let problem = wire::Problem { message: "dpkg is locked".to_owned(), ..Default::default() };
    vec![wire::SourceTold {
        name: "packages".to_owned(),
        complete,
        problem: (!complete).then_some(problem),
        kinds: vec!["package".to_owned()],
        ..Default::default()
    }]
}

#[tokio::test]
async fn what_was_not_looked_at_is_not_gone() -> Result<()> {
    let (mut scene, mut agent) = scene().await?;
    agent.remove("curl")?;
    agent.sources = packages(false);
    agent.tell().await?;
    unseen(&mut scene, "dpkg is locked; 1 resource may be gone or only unseen").await?;
    agent.sources = packages(true);
    agent.tell().await?;
    let gone = |report: &wire::DriftReport, document: &serde_json::Value| {
        report.drift && report.observed && document["findings"][0]["change"] == "deleted"
    };
    scene.until("deleted", gone).await?;
    Ok(())
}

#[tokio::test]
async fn a_clock_that_jumps_dates_nothing_later_than_it_was_told() -> Result<()> {
    let (mut scene, mut agent) = scene().await?;
    let begun = millis_now();
    for (stepped, version) in [(YEAR, "4"), (-YEAR, "5"), (0, "6"), (i64::MAX / 2, "7")] {
        agent.stepped = stepped;
        agent.put("openssl", version)?;
        agent.tell().await?;
        let (report, document) = scene.report().await?;
        ensure!(report.drift && report.observed, "{stepped}: {document:#}");
        ensure!(document["findings"][0]["title"].to_string().contains(version), "{document:#}");
    }
    let history = wire::GetHistoryRequest { host: "one".to_owned(), ..Default::default() };
    let history = scene.drift.get_history(history).await?.into_inner();
    let times: Vec<u64> = history.entries.iter().map(|entry| entry.at).collect();
    ensure!(times.len() == 5 && times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let now = millis_now();
    ensure!(times[..4].iter().all(|at| (begun - 5_000..=now).contains(at)), "{begun} {times:?}");
    // What is taken of it now is of now, and what was then is what was then.
    let taken = scene.take("now").await?;
    ensure!((begun - 5_000..=now).contains(&taken.oldest_at), "{taken:#?}");
    Ok(())
}

#[tokio::test]
async fn other_bytes_than_were_asked_for_are_no_picture() -> Result<()> {
    let (mut scene, mut agent) = scene().await?;
    agent.put("openssl", "4")?;
    let Became::Refused(why) = agent.offer(Answers::Other).await? else {
        anyhow::bail!("bytes that do not hash to their names were taken")
    };
    ensure!(why.field.as_deref() == Some("inventory.nodes"), "{why:?}");
    unseen(&mut scene, "are not what their names say").await?;
    agent.put("openssl", "3")?;
    agent.tell().await?;
    seen(&mut scene).await
}

#[tokio::test]
async fn a_root_without_its_nodes_is_a_picture_on_its_way_for_ever() -> Result<()> {
    let (mut scene, mut agent) = scene().await?;
    agent.put("openssl", "4")?;
    for _ in 0..3 {
        let left = agent.offer(Answers::Unknown).await?;
        ensure!(matches!(left, Became::Left), "{left:?}");
        unseen(&mut scene, "a newer picture is on its way").await?;
    }
    // What is known of it is what was known, and what is taken says how old that is.
    let taken = scene.take("now").await?;
    ensure!(taken.resources == 2, "{taken:#?}");
    let _two = scene.agent("two").await?;
    agent.tell().await?;
    let (report, document) = scene.report().await?;
    ensure!(report.drift && !report.observed, "of two nothing is known: {document:#}");
    Ok(())
}

/// A leaf of these resources as another writer makes it: with no thought for their order.
fn leaf(resources: &[Resource]) -> Result<Vec<u8>> {
    let piece = |to: &mut Vec<u8>, bytes: &[u8]| {
        assert!(bytes.len() < 128, "a length of one byte");
        to.push(bytes.len() as u8);
        to.extend_from_slice(bytes);
    };
    let mut bytes = vec![1, 0, resources.len() as u8];
    for resource in resources {
        piece(&mut bytes, &Resource::key_bytes(&resource.key));
        piece(&mut bytes, &resource.body()?);
    }
    Ok(bytes)
}

#[tokio::test]
async fn two_resources_of_one_id_are_no_picture() -> Result<()> {
    let (mut scene, mut agent) = scene().await?;
    let twice = [package("curl", "8")?, package("openssl", "3")?, package("openssl", "4")?];
    let unordered = [package("openssl", "3")?, package("curl", "8")?];
    for resources in [&twice[..], &unordered[..]] {
        let bytes = leaf(resources)?;
        let root = Digest::of(Domain::HOST, &bytes);
        agent.nodes = Memory::new();
        agent.nodes.put(root, bytes.into());
        let told = agent.offer_root(root, resources.len() as u64, Answers::Truly).await?;
        let Became::Refused(why) = told else { anyhow::bail!("it was taken: {told:?}") };
        ensure!(why.code == Code::InvalidField, "{why:?}");
        ensure!(why.message.contains("keys out of order"), "{why:?}");
        unseen(&mut scene, "its last picture was not taken").await?;
    }
    // The same by hand, but right, is taken: it was refused for what is wrong with it.
    let bytes = leaf(&[package("curl", "8")?, package("openssl", "3")?])?;
    let root = Digest::of(Domain::HOST, &bytes);
    ensure!(root == agent.picture.root(), "the writer of this test writes as the crate does");
    agent.nodes.put(root, bytes.into());
    let told = agent.offer_root(root, 2, Answers::Truly).await?;
    ensure!(matches!(told, Became::Stored), "{told:?}");
    seen(&mut scene).await
}

#[tokio::test]
async fn a_count_that_is_not_so_and_a_source_without_a_name_are_refused() -> Result<()> {
    let (mut scene, mut agent) = scene().await?;
    agent.put("openssl", "4")?;
    let commit = agent.picture.commit();
    agent.nodes.extend(commit.made);
    let Became::Refused(why) = agent.offer_root(commit.root, 7, Answers::Truly).await? else {
        anyhow::bail!("it does not hold seven")
    };
    ensure!(why.message == "it was told as 7 resources and holds 2", "{why:?}");
    unseen(&mut scene, "it was told as 7 resources and holds 2").await?;
    agent.sources = vec![wire::SourceTold::default()];
    let Became::Refused(why) = agent.offer(Answers::Truly).await? else {
        anyhow::bail!("a source has a name")
    };
    ensure!(why.field.as_deref() == Some("inventory.sources.name"), "{why:?}");
    agent.sources.clear();
    agent.tell().await?;
    scene.until("drift", |report, _| report.drift && report.observed).await?;
    Ok(())
}
