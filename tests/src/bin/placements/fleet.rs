//! What the coordinator is asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tamer_model::WorkloadSpec;
use tamer_proto::wire;
use tamer_proto::wire::workloads_client::WorkloadsClient;
use tamer_tests::bench::{Setting, patiently};
use tonic::transport::Channel;

use crate::tally::LIMIT;
use crate::wanted;

/// How often the counts of copies are asked for, and so how exactly their moments are known. More
/// often would be measured too.
const LOOK: Duration = Duration::from_millis(50);

/// Calls of an administrator.
#[derive(Clone)]
pub struct Fleet(WorkloadsClient<Channel>);

/// A copy as it is compared before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub workload: String,
    pub index: u32,
    pub template: u32,
    pub host: String,
    pub host_name: String,
    pub stopping: String,
}

impl Fleet {
    /// On a connection of its own. Where thousands of hosts come back at once, the door turns away
    /// what is too much for it.
    pub async fn of(setting: &Setting) -> Result<Self> {
        let client = WorkloadsClient::new(patiently(|| setting.coordinator.as_admin()).await?);
        Ok(Self(client.max_decoding_message_size(tamer_proto::MAX_MESSAGE)))
    }

    /// Applies a file.
    pub async fn apply(&mut self, specs: &[WorkloadSpec]) -> Result<()> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok().context("random bytes")?;
        let request = wire::ApplyWorkloadsRequest {
            documents: wanted::documents(specs)?,
            request_id: u128::from_be_bytes(id).to_string(),
            ..Default::default()
        };
        self.0.apply_workloads(request).await?;
        Ok(())
    }

    /// The copies of all workloads, counted.
    pub async fn counts(&mut self) -> Result<wire::CopyCounts> {
        let rows = self.0.list_workloads(wire::ListWorkloadsRequest::default()).await?;
        let copies = rows.into_inner().workloads.into_iter().filter_map(|row| row.copies);
        Ok(copies.fold(wire::CopyCounts::default(), |all, one| wire::CopyCounts {
            wanted: all.wanted + one.wanted,
            running: all.running + one.running,
            well: all.well + one.well,
            starting: all.starting + one.starting,
            failed: all.failed + one.failed,
            unknown: all.unknown + one.unknown,
            unplaced: all.unplaced + one.unplaced,
            completed: all.completed + one.completed,
            stopping: all.stopping + one.stopping,
            former: all.former + one.former,
        }))
    }

    /// Waits until the counts are so, and says after how long they were seen to be.
    pub async fn until(
        &mut self,
        what: &str,
        so: impl Fn(&wire::CopyCounts) -> bool,
    ) -> Result<Duration> {
        let began = Instant::now();
        loop {
            let counts = self.counts().await?;
            let took = began.elapsed();
            if so(&counts) {
                return Ok(took);
            }
            if took > LIMIT {
                bail!("{what}: {counts:?} after {took:.0?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until so many copies run and nothing else is there or wanted.
    pub async fn settled(&mut self, copies: usize) -> Result<Duration> {
        self.until("copies run", |counts| {
            let wire::CopyCounts { wanted, running, stopping, .. } = counts;
            (*wanted as usize, *running as usize, *stopping) == (copies, copies, 0)
        })
        .await
    }

    /// Every copy, by its id.
    pub async fn copies(&mut self) -> Result<BTreeMap<String, Copy>> {
        let mut all = BTreeMap::new();
        let mut request = wire::ListPlacementsRequest { page_size: 5000, ..Default::default() };
        loop {
            let page = self.0.list_placements(request.clone()).await?.into_inner();
            all.extend(page.placements.into_iter().map(copy));
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Begins to drain a host.
    pub async fn drain(&mut self, host: String) -> Result<()> {
        self.0.drain_host(wire::DrainHostRequest { host, ..Default::default() }).await?;
        Ok(())
    }
}

fn copy(view: wire::PlacementView) -> (String, Copy) {
    let wire::PlacementView { id, workload, index, template, host, host_name, stopping, .. } = view;
    (id, Copy { workload, index, template, host, host_name, stopping })
}
