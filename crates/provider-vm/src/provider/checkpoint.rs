//! Checkpoints: libvirt's internal snapshots, which are kept in the machine's own disks.

use tamer_model::{Checkpoint, CheckpointKind, CheckpointName, NativeId, Timestamp};
use tamer_provider::{Fault, FaultKind, Result};

use super::MachineProvider;
use super::look::find;
use crate::faults::fault;
use crate::rpc::{Domain, Snapshot, code};
use crate::session::Live;
use crate::xml::{self, Element};

impl MachineProvider {
    pub(super) async fn saved(&self, id: &NativeId) -> Result<Vec<Checkpoint>> {
        self.only_qemu("a checkpoint")?;
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        checkpoints(&live, &domain).await
    }

    pub(super) async fn save(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        self.only_qemu("a checkpoint")?;
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        let known = live.book.read(&live.quick, &domain).await?;
        can_hold(&known)?;
        // libvirt itself would take it for a redefinition, or refuse it with a number of no use.
        match live.quick.snapshot_lookup(&domain, name.as_str()).await {
            Ok(_) => {
                let what = format!("the machine {id} has a checkpoint {name} already");
                return Err(Fault::new(FaultKind::AlreadyExists, what));
            }
            Err(error) if error.code() == Some(code::VIR_ERR_NO_DOMAIN_SNAPSHOT) => {}
            Err(error) => return Err(fault(&error, format!("cannot look for {name}"))),
        }
        let made = live.slow.snapshot_create_xml(&domain, &xml::snapshot(name.as_str()), 0).await;
        made.map(drop)
            .map_err(|error| fault(&error, format!("cannot make a checkpoint of the machine {id}")))
    }

    pub(super) async fn revert(&self, id: &NativeId, name: &CheckpointName) -> Result<NativeId> {
        let (live, snapshot) = self.checkpoint(id, name).await?;
        let what = || format!("cannot bring the machine {id} back to {name}");
        live.slow.snapshot_revert(&snapshot, 0).await.map_err(|error| fault(&error, what()))?;
        live.book.strike(&snapshot.domain.uuid);
        Ok(id.clone())
    }

    pub(super) async fn forget(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        let (live, snapshot) = self.checkpoint(id, name).await?;
        let what = || format!("cannot remove the checkpoint {name} of the machine {id}");
        live.slow.snapshot_delete(&snapshot, 0).await.map_err(|error| fault(&error, what()))
    }

    async fn checkpoint(&self, id: &NativeId, name: &CheckpointName) -> Result<(Live, Snapshot)> {
        self.only_qemu("a checkpoint")?;
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        match live.quick.snapshot_lookup(&domain, name.as_str()).await {
            Ok(snapshot) => Ok((live, snapshot)),
            Err(error) => {
                let what = format!("the machine {id} has no checkpoint {name}");
                Err(fault(&error, what).remedy("list its checkpoints"))
            }
        }
    }
}

/// The checkpoints of a domain, oldest first. Snapshots whose names cannot be checkpoints' are not
/// ours, and are not told.
pub(super) async fn checkpoints(live: &Live, domain: &Domain) -> Result<Vec<Checkpoint>> {
    let what = || format!("cannot list the checkpoints of {:?}", domain.name);
    let snapshots = live.quick.snapshots(domain).await.map_err(|error| fault(&error, what()))?;
    let mut read = Vec::with_capacity(snapshots.len());
    for snapshot in snapshots {
        let Ok(name) = snapshot.name.parse::<CheckpointName>() else { continue };
        match live.quick.snapshot_xml(&snapshot).await {
            Ok(text) => read.push(
                Told::read(name, &text)
                    .map_err(|said| Fault::new(FaultKind::Failed, what()).said(said))?,
            ),
            // Removed since it was listed.
            Err(error) if error.code() == Some(code::VIR_ERR_NO_DOMAIN_SNAPSHOT) => {}
            Err(error) => return Err(fault(&error, what())),
        }
    }
    Ok(in_order(read))
}

/// Why a machine can hold no checkpoint.
fn can_hold(machine: &xml::Domain) -> Result<()> {
    let mut written =
        machine.disks.iter().filter(|d| !d.read_only && matches!(&*d.device, "disk" | "lun"));
    let refused = |why: &str| Err(Fault::unsupported("a checkpoint of this machine", why));
    let Some(first) = written.next() else {
        return refused("it has no disk to keep it in");
    };
    match std::iter::once(first).chain(written).find(|disk| disk.format != "qcow2") {
        Some(disk) => refused(&format!(
            "its disk {} is {}, and only qcow2 can keep a checkpoint",
            disk.target, disk.format
        )),
        None => Ok(()),
    }
}

/// What a snapshot's description tells.
struct Told {
    checkpoint: Checkpoint,
    parent: Option<String>,
}

impl Told {
    fn read(name: CheckpointName, text: &str) -> std::result::Result<Self, String> {
        let root = Element::read(text)?;
        let seconds = root.text_at(&["creationTime"]).and_then(|text| text.parse::<u64>().ok());
        let memory = root.at(&["memory"]).and_then(|memory| memory.attribute("snapshot"));
        let kind = match memory {
            Some("internal" | "external") => CheckpointKind::Full,
            _ => CheckpointKind::Disk,
        };
        let created_at =
            seconds.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
        let checkpoint = Checkpoint { name, created_at, kind, size_bytes: None };
        Ok(Self { checkpoint, parent: root.text_at(&["parent", "name"]).map(str::to_owned) })
    }
}

/// By time, which libvirt keeps in seconds, and in one second each after what it was made on.
fn in_order(told: Vec<Told>) -> Vec<Checkpoint> {
    let depth = |told_one: &Told| {
        let mut depth = 0;
        let mut parent = told_one.parent.as_deref();
        // A chain is not longer than the list.
        while let Some(name) = parent.filter(|_| depth <= told.len()) {
            depth += 1;
            parent = told
                .iter()
                .find(|other| other.checkpoint.name.as_str() == name)
                .and_then(|other| other.parent.as_deref());
        }
        depth
    };
    let mut keyed: Vec<_> = told
        .iter()
        .map(|one| ((one.checkpoint.created_at, depth(one)), one.checkpoint.clone()))
        .collect();
    keyed.sort_by(|(a, one), (b, two)| a.cmp(b).then_with(|| one.name.cmp(&two.name)));
    keyed.into_iter().map(|(_, checkpoint)| checkpoint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, parent: &str, time: u64, memory: &str) -> Told {
        let parent = match parent {
            "" => String::new(),
            name => format!("<parent><name>{name}</name></parent>"),
        };
        let text = format!(
            "<domainsnapshot><name>{name}</name>{parent}<creationTime>{time}</creationTime>\
             <memory snapshot='{memory}'/></domainsnapshot>"
        );
        Told::read(name.parse().expect("a name"), &text).expect("read")
    }

    #[test]
    fn the_oldest_is_first_also_within_a_second() {
        let told = vec![
            told("a", "z", 5, "internal"),
            told("z", "", 5, "no"),
            told("m", "a", 5, "no"),
            told("b", "m", 4, "no"),
        ];
        let sorted = in_order(told);
        let names: Vec<_> = sorted.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["b", "z", "a", "m"]);
        assert_eq!(sorted[2].kind, CheckpointKind::Full);
        assert_eq!(sorted[1].kind, CheckpointKind::Disk);
        assert_eq!(sorted[0].created_at, Some(Timestamp::from_millis(4000)));
    }
}
