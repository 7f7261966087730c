//! The suite that every provider passes, against real engines.

use crate::support::Rig;
use tamer_provider::conformance::{Filter, run};

async fn conforms(rig: Option<Rig>) {
    let Some(rig) = rig else { return };
    let filter = Filter::new(&std::env::var("TAMER_CHECKS").unwrap_or_default());
    let report = run(&rig, &filter).await;
    drop(rig);
    assert!(report.passed(), "\n{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_conforms() {
    conforms(Rig::docker().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn podman_conforms() {
    conforms(Rig::podman().await).await;
}
