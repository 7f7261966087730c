//! The inventory as the agent runs it, until its picture has what is waited for.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tamer_agent::inventory::{Inventory, Settings, SourceReport, Told};
use tamer_provider::registry::Registry;
use tokio_util::sync::CancellationToken;

/// What came of it.
pub struct Looked {
    /// From the start until the picture was whole and written down.
    pub took: Duration,
    told: Arc<Told>,
}

impl Looked {
    /// How long the last look at a source took.
    pub fn of(&self, source: &str) -> Result<Duration> {
        let named = |report: &&SourceReport| report.name == source;
        let report = self.told.sources.iter().find(named).context("no such source")?;
        Ok(Duration::from_millis(report.took_ms))
    }
}

/// Looks at this host until these sources are seen whole; `data` is where the agent keeps things.
pub async fn look(
    data: &Path,
    registry: &Registry,
    settings: &Settings,
    sources: &[&str],
    limit: Duration,
) -> Result<Looked> {
    let opened = Inventory::open(data, registry, settings)?;
    let (inventory, handle) = opened.context("it is enabled")?;
    let mut revision = handle.board().revision();
    let finish = CancellationToken::new();
    let began = Instant::now();
    let running = tokio::spawn(inventory.run(finish.clone()));
    let whole = async {
        loop {
            revision.mark_unchanged();
            if let Some(told) = handle.board().take()
                && sources.iter().all(|name| is_whole(&told, name))
            {
                return anyhow::Ok(Looked { took: began.elapsed(), told });
            }
            revision.changed().await.context("the inventory ended")?;
        }
    };
    let looked = tokio::time::timeout(limit, whole).await;
    finish.cancel();
    running.await?;
    looked.with_context(|| format!("{sources:?} were not seen whole within {limit:?}"))?
}

fn is_whole(told: &Told, source: &str) -> bool {
    let mut reports = told.sources.iter();
    reports.any(|report| report.name == source && report.problem.is_none() && report.at.is_some())
}
