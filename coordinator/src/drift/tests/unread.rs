//! A host that is as it was is not read again, and what ends there is told all the same.

use tamer_drift::finding::{How, Verdict};
use tamer_drift::tree::Nodes as _;
use tamer_drift::{Kind, Resource};
use tamer_model::Timestamp;

use super::meaning::{baseline, drift};
use super::stage::{Agent, Stage, id, key};
use crate::clock;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn certificate(name: &str, days: u64) -> Resource {
    let ends = clock::now().as_millis() + days * DAY_MS;
    let ends = i64::try_from(ends).expect("a time");
    Resource::new(key(Kind::Certificate, name), name).with("not_after", ends)
}

async fn with(stage: &Stage, certificates: &[Resource]) -> Agent {
    let mut agent = stage.connect(0);
    certificates.iter().for_each(|one| agent.put(one));
    agent.tell().await;
    agent
}

/// Loses every node of the picture, in memory too.
fn lose(stage: &Stage, agent: &Agent) {
    std::fs::remove_dir_all(stage.folder.path().join("inventory")).expect("removed");
    for (digest, _) in agent.nodes.iter() {
        assert!(stage.drift.nodes().read_file(digest).expect("a disk").is_none());
        assert!(stage.drift.nodes().node(digest).is_none());
    }
}

#[tokio::test]
async fn a_second_look_at_the_same_picture_reads_nothing() {
    let stage = Stage::new(1).await;
    let agent = with(&stage, &[certificate("a", 400), certificate("b", 500)]).await;
    baseline(&stage).await;
    assert!(stage.drift.board().get(id(0)).ends().is_none(), "nobody has looked");
    assert_eq!(drift(&stage).await.report.verdict, Verdict::None);
    assert_eq!(stage.drift.board().get(id(0)).ends().map(<[Timestamp]>::len), Some(2));
    lose(&stage, &agent);
    // Something else changed, so that the answer is made anew.
    stage.drift.board().tell();
    let again = drift(&stage).await;
    assert_eq!((again.report.verdict, again.observed()), (Verdict::None, true));
}

#[tokio::test]
async fn what_ends_soon_is_told_at_every_look() {
    let stage = Stage::new(1).await;
    let mut agent = with(&stage, &[certificate("long", 400), certificate("short", 10)]).await;
    baseline(&stage).await;
    for _ in 0..3 {
        let told = drift(&stage).await;
        let found: Vec<_> =
            told.report.findings.iter().map(|one| (one.name.as_str(), one.change)).collect();
        assert_eq!(found, [("short", How::Due)]);
        stage.drift.board().tell();
    }
    // Renewed, it is a change like any other, and what is known of the picture before is of no use.
    agent.put(&certificate("short", 300));
    agent.tell().await;
    assert!(stage.drift.board().get(id(0)).ends().is_none());
    let told = drift(&stage).await;
    let found: Vec<_> = told.report.findings.iter().map(|one| one.change).collect();
    assert_eq!(found, [How::Changed]);
}
