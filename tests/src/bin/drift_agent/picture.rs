//! The agent's picture, as the coordinator has it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tamer_proto::wire;
use tamer_proto::wire::drift_client::DriftClient;
use tamer_tests::bench::{RealAgent, Setting};

const LIMIT: Duration = Duration::from_secs(120);
/// How often it is looked for: a snapshot each time.
const LOOK: Duration = Duration::from_millis(250);

/// What is known of it.
pub struct Picture {
    pub resources: u64,
    /// From the start of the agent until the coordinator had it whole.
    pub took: Duration,
    /// The longest collector of its full pass.
    pub pass: Duration,
}

/// Waits until the coordinator has one of so many resources.
pub async fn whole(
    setting: &Setting,
    agent: &RealAgent,
    resources: usize,
    began: Instant,
) -> Result<Picture> {
    let mut drift = DriftClient::new(setting.coordinator.as_admin().await?);
    loop {
        // Refused while nothing is known of any host.
        let taken = drift.take_snapshot(wire::TakeSnapshotRequest::default()).await;
        let taken = taken.map(tonic::Response::into_inner).unwrap_or_default();
        let took = began.elapsed();
        if taken.resources >= resources as u64 {
            let pass = Duration::from_millis(taken.took_ms);
            return Ok(Picture { resources: taken.resources, took, pass });
        }
        let (so_far, log) = (taken.resources, || agent.log());
        ensure!(took < LIMIT, "{so_far} resources after {took:.0?}: {}", log());
        tokio::time::sleep(LOOK).await;
    }
}
