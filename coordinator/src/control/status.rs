//! The fleet at a glance.

use tamer_model::{HostState, Problem};
use tamer_proto::wire;
use tamer_store::Range;

use super::People;
use crate::clock;
use crate::state::{Unstorable, keys};

impl People {
    pub(super) async fn status(&self) -> Result<wire::GetStatusResponse, Problem> {
        let running =
            self.store.range(Range::prefix(&keys::actives())).await.map_err(Unstorable::problem)?;
        let view = self.fleet.view();
        Ok(wire::GetStatusResponse {
            fleet: self.fleet_id.to_string(),
            ca: self.authority.fingerprint().to_string(),
            coordinator: self.coordinator.to_string(),
            coordinator_version: env!("CARGO_PKG_VERSION").to_owned(),
            store: self.store.name().to_owned(),
            ready: view.count(HostState::Ready) as u32,
            lost: view.count(HostState::Lost) as u32,
            pending: view.pending().len() as u32,
            running_batches: running.entries.len() as u32,
            instances: view.instances().count() as u32,
            started_at: self.started_at.as_millis(),
            now: clock::now().as_millis(),
        })
    }
}
