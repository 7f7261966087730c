//! What the coordinator is asked.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tamer_drift::finding::Report;
use tamer_proto::wire;
use tamer_proto::wire::drift_client::DriftClient;
use tamer_tests::bench::{Setting, patiently};
use tonic::transport::Channel;

use crate::tally::LIMIT;

/// How often it is asked again while what is waited for is not there.
const LOOK: Duration = Duration::from_millis(10);

/// Calls of an administrator.
pub struct Fleet(DriftClient<Channel>);

/// An answer, and what it took.
pub struct Told {
    pub report: Report,
    /// Whether everything that is meant was seen.
    pub observed: bool,
    pub took: Duration,
    /// The length of the report's document.
    pub bytes: usize,
}

/// A baseline as it is compared before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    pub version: u32,
    pub snapshot: String,
    pub root: Vec<u8>,
    pub hosts: u32,
}

impl Fleet {
    /// On a connection of its own.
    pub async fn of(setting: &Setting) -> Result<Self> {
        let client = DriftClient::new(patiently(|| setting.coordinator.as_admin()).await?);
        Ok(Self(client.max_decoding_message_size(tamer_proto::MAX_MESSAGE)))
    }

    /// What is known now is the baseline from now on.
    pub async fn set_baseline(&mut self) -> Result<Baseline> {
        self.0.set_baseline(wire::SetBaselineRequest::default()).await?;
        self.baseline().await
    }

    /// The one baseline that there is.
    pub async fn baseline(&mut self) -> Result<Baseline> {
        let all = self.0.list_baselines(wire::ListBaselinesRequest {}).await?.into_inner();
        ensure!(all.baselines.len() == 1, "{} baselines", all.baselines.len());
        let wire::BaselineView { version, snapshot, .. } = all.baselines[0].clone();
        let request = wire::ShowSnapshotRequest { snapshot, page_size: 1, ..Default::default() };
        let shown = self.0.show_snapshot(request).await?.into_inner().snapshot.unwrap_or_default();
        let wire::SnapshotView { id: snapshot, root, hosts, .. } = shown;
        Ok(Baseline { version, snapshot, root, hosts })
    }

    /// What is different from the baseline now, on the hosts that are meant.
    pub async fn drift(&mut self, selector: &str) -> Result<Told> {
        let began = Instant::now();
        let request = wire::GetDriftRequest { selector: selector.to_owned(), ..Default::default() };
        let told = self.0.get_drift(request).await?.into_inner();
        let took = began.elapsed();
        let report = serde_json::from_str(&told.document)?;
        Ok(Told { report, observed: told.observed, took, bytes: told.document.len() })
    }

    /// Asks until the answer is so. Returns it, and after how long it came.
    pub async fn until(
        &mut self,
        what: &str,
        so: impl Fn(&Told) -> bool,
    ) -> Result<(Told, Duration)> {
        let began = Instant::now();
        loop {
            let told = self.drift("").await?;
            let took = began.elapsed();
            if so(&told) {
                return Ok((told, took));
            }
            let words = &told.report.summary.words;
            ensure!(took < LIMIT, "{what}: after {took:.0?} it is told: {words}");
            tokio::time::sleep(LOOK).await;
        }
    }
}
