//! Whether everything that is kept is what it was.

use std::collections::BTreeMap;

use tamer_model::{HostId, Problem};
use tamer_proto::wire;

use crate::control::People;
use crate::drift::{Damage, Verified};

impl People {
    pub(super) async fn verify_snapshots(
        &self,
        request: wire::VerifySnapshotsRequest,
    ) -> Result<wire::VerifySnapshotsResponse, Problem> {
        let only = match request.snapshot.as_str() {
            "" => None,
            text => Some(self.drift.find_snapshot(text).await?),
        };
        let Verified { snapshots, nodes, bytes, damage, left_out, asked } =
            self.drift.verify(only).await?;
        let names = self.names();
        Ok(wire::VerifySnapshotsResponse {
            snapshots,
            nodes,
            bytes,
            damage: damage.into_iter().map(|one| told(one, &names)).collect(),
            left_out,
            asked,
        })
    }

    fn names(&self) -> BTreeMap<HostId, String> {
        let view = self.fleet.view();
        view.hosts().map(|member| (member.host.id, member.host.name.to_string())).collect()
    }
}

fn told(damage: Damage, names: &BTreeMap<HostId, String>) -> wire::Damage {
    let Damage { snapshot, host, digest, problem } = damage;
    // A host that was removed has its id for a name.
    let name = |host: HostId| names.get(&host).cloned().unwrap_or_else(|| host.to_string());
    wire::Damage {
        snapshot: snapshot.map(|record| record.id.to_string()).unwrap_or_default(),
        host: host.map(name).unwrap_or_default(),
        digest: digest.as_bytes().to_vec(),
        problem,
    }
}
