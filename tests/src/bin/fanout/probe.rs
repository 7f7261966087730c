//! The real agent with nothing to do.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::{Coordinator, RealAgent};
use tonic::transport::Channel;

/// Resident bytes and share of a core of a real agent with nothing to do.
pub async fn idle_agent(
    programs: &Path,
    coordinator: &Coordinator,
    control: &mut ControlClient<Channel>,
) -> Result<(u64, f64)> {
    let data = tempfile::tempdir()?;
    let who = ("real", data.path());
    let agent = RealAgent::start(programs, coordinator.address, control, who, &[]).await?;
    // What it did to join is not idling.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let share = agent.process().cpu_share(Duration::from_secs(20)).await?;
    Ok((agent.process().memory()?, share))
}
