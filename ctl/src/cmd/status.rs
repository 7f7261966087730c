//! `tamerctl status`.

use super::watch::watch;
use crate::Session;
use crate::contract::{HostCounts, Status};
use crate::errors::Failure;
use crate::output::{Cell, Line, human, pairs, print};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show it again whenever it changes
    #[arg(long)]
    watch: bool,
}

/// Runs it.
pub async fn run(Args { watch: again }: Args, session: &Session) -> Result<(), Failure> {
    if !again {
        let mut api = session.api().await?;
        let status = api.status().await?;
        let text = session.render(&status, |wide| lines(&status, api.address(), wide))?;
        return Ok(print::text(&text)?);
    }
    watch(session, async |api| {
        let status = api.status().await?;
        session.render(&status, |wide| lines(&status, api.address(), wide))
    })
    .await
}

fn lines(status: &Status, address: &str, wide: bool) -> Vec<Line> {
    let Status {
        fleet,
        ca,
        coordinator,
        coordinator_version,
        store,
        hosts: HostCounts { ready, lost, pending },
        running_batches,
        instances,
        started_at,
        now,
    } = status;
    let up = human::span(now.since(*started_at));
    let mut shown: Vec<(&'static str, Cell)> = vec![
        ("Fleet", fleet.as_str().into()),
        ("Hosts", format!("{ready} ready, {lost} lost, {pending} pending").into()),
        ("Instances", instances.to_string().into()),
        ("Batches", format!("{running_batches} running").into()),
        ("Coordinator", format!("{address}, version {coordinator_version}, up {up}").into()),
    ];
    if wide {
        shown.extend([
            ("Coordinator id", coordinator.as_str().into()),
            ("Store", store.as_str().into()),
            ("CA", ca.as_str().into()),
            ("Started", started_at.to_string().into()),
        ]);
    }
    pairs(shown)
}
