//! After when a change happened, as far as an agent says.

use tamer_model::Timestamp;
use tamer_proto::wire;

use super::stage::{Agent, Stage, id, package};
use crate::clock;

/// A source of packages that was as before until then.
fn packages(still: u64) -> Vec<wire::SourceTold> {
    let source = |name: &str, kind: &str, still| wire::SourceTold {
        name: name.to_owned(),
        complete: true,
        kinds: vec![kind.to_owned()],
        still,
        ..Default::default()
    };
    // What did not change says nothing of what did.
    vec![source("packages", "package", still), source("users", "user", 1)]
}

async fn upgrade(agent: &mut Agent, version: &str, still: u64) {
    agent.put(&package("curl", version));
    agent.sources = packages(still);
    agent.tell().await;
}

/// The newest step of the history.
async fn newest(stage: &Stage) -> Option<Timestamp> {
    let past = stage.drift.past(id(0), Timestamp::default()).await.expect("a history");
    past.first().expect("a step").record.still
}

#[tokio::test]
async fn a_change_happened_after_what_its_agent_saw_last() {
    let stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("curl", "1")]).await;
    let still = clock::now().as_millis() - 5_000;
    upgrade(&mut agent, "2", still).await;
    assert_eq!(newest(&stage).await, Some(Timestamp::from_millis(still)));
    // It does not know.
    upgrade(&mut agent, "3", 0).await;
    assert_eq!(newest(&stage).await, None);
    // A picture was told that never came here: what the agent says is of that one.
    agent.counter += 1;
    upgrade(&mut agent, "4", still).await;
    assert_eq!(newest(&stage).await, None);
    upgrade(&mut agent, "5", still).await;
    assert_eq!(newest(&stage).await, Some(Timestamp::from_millis(still)));
}
