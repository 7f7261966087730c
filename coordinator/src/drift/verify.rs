//! Reading everything that is kept, and removing what nothing needs.

use std::collections::HashSet;

use tamer_drift::Digest;
use tamer_drift::tree::TreeError;
use tamer_model::{HostId, Problem};
use tracing::{debug, warn};

use super::nodes::{Pinned, Swept};
use super::record::{DeltaRecord, SnapshotRecord};
use super::snapshots::entries;
use super::{Drift, off, trees};
use crate::state::{decode, keys};

/// Damage that is told one by one.
const TOLD: usize = 1_000;

/// What a look at everything found.
#[derive(Debug, Default)]
pub struct Verified {
    pub snapshots: u32,
    pub nodes: u64,
    pub bytes: u64,
    pub damage: Vec<Damage>,
    pub left_out: u32,
    /// Hosts whose agents are asked for what is gone of their newest picture.
    pub asked: u32,
}

/// A tree that cannot be read, and its first bad node.
#[derive(Debug, Clone)]
pub struct Damage {
    /// None: it is the newest picture of a host.
    pub snapshot: Option<SnapshotRecord>,
    /// None: it is the tree of hosts.
    pub host: Option<HostId>,
    pub digest: Digest,
    pub problem: String,
}

impl Drift {
    /// Reads and hashes every node of these snapshots, and of every host's newest picture when all
    /// are meant. What is damaged of a newest picture is asked for from its agent.
    ///
    /// # Errors
    /// `StoreFailed` when a record cannot be read.
    pub async fn verify(&self, only: Option<SnapshotRecord>) -> Result<Verified, Problem> {
        let mut verified = Verified::default();
        // Trees that were read once, so that what snapshots share is not read for each.
        let mut seen = HashSet::new();
        let everything = only.is_none();
        let snapshots = match only {
            Some(one) => vec![one],
            None => self.snapshots().await?,
        };
        for snapshot in snapshots {
            verified.snapshots += 1;
            let (shelf, root) = (self.nodes().clone(), snapshot.root);
            let hosts = self.turn(move || Ok(trees::hosts_from_disk(&shelf, root))).await?;
            match hosts {
                Err(error) => verified.add(Some(&snapshot), None, &error),
                Ok(hosts) => {
                    for (host, pictured) in hosts {
                        let found = self.verify_tree(pictured.root, &mut seen).await?;
                        verified.count(found, Some(&snapshot), host);
                    }
                }
            }
        }
        for (host, root) in self.board().roots() {
            // A snapshot's damage may be what this host has, and its agent can give it.
            if !everything && verified.damage.is_empty() {
                break;
            }
            let found = self.verify_tree(root, &mut seen).await?;
            if found.as_ref().is_some_and(Result::is_err) {
                self.board().damage(host);
                verified.asked += 1;
            }
            if everything {
                verified.count(found, None, host);
            }
        }
        Ok(verified)
    }

    /// None when the tree was found whole before.
    async fn verify_tree(
        &self,
        root: Digest,
        seen: &mut HashSet<Digest>,
    ) -> Result<Option<Result<tamer_drift::tree::Summary, TreeError>>, Problem> {
        if seen.contains(&root) {
            return Ok(None);
        }
        let shelf = self.nodes().clone();
        let found = self.turn(move || Ok(trees::verify(&shelf, root))).await?;
        if found.is_ok() {
            seen.insert(root);
        }
        Ok(Some(found))
    }

    /// Removes the nodes that nothing needs: no host's newest picture, no snapshot, no change whose
    /// delta was too long, and nobody who works with one. None when it was put off.
    ///
    /// # Errors
    /// `DataFolder` when the disk fails, `StoreFailed` when a record cannot be read.
    pub async fn sweep(&self) -> Result<Option<Swept>, Problem> {
        // Begun before the roots are read: what is named by a record after that was used after.
        let Some(sweep) = self.nodes().begin_sweep() else { return Ok(None) };
        let pinned = sweep.pinned();
        let (mut hosts, anchors) = self.recorded_roots().await?;
        let fleets: Vec<Digest> = self.snapshots().await?.iter().map(|one| one.root).collect();
        let shelf = self.nodes().clone();
        let marked = self
            .turn(move || {
                let mut marked = HashSet::new();
                for root in fleets {
                    hosts.extend(trees::mark_fleet(&shelf, root, &mut marked)?);
                }
                hosts.into_iter().try_for_each(|root| trees::mark(&shelf, root, &mut marked))?;
                // Of these some may be on its way, or gone for good.
                for pin in pinned.into_iter().chain(anchors.into_iter().map(Pinned::Host)) {
                    let marked = &mut marked;
                    let part = match pin {
                        Pinned::Host(root) => trees::mark(&shelf, root, marked),
                        Pinned::Fleet(root) => trees::mark_fleet(&shelf, root, marked).map(drop),
                    };
                    if let Err(problem) = part {
                        debug!(%problem, "a tree that is not whole was marked as far as it goes");
                    }
                }
                Ok(marked)
            })
            .await;
        let marked = match marked {
            Ok(marked) => marked,
            Err(problem) => {
                // What lies below a node that is gone is not known, and must not be removed.
                warn!(%problem, "nodes of inventories are not swept while one is missing");
                return Ok(None);
            }
        };
        off(move || sweep.finish(&marked)).await.map(Some)
    }

    /// The roots of hosts' newest pictures, and those that changes are kept by.
    async fn recorded_roots(&self) -> Result<(Vec<Digest>, Vec<Digest>), Problem> {
        let mut roots: Vec<Digest> =
            self.board().roots().into_iter().map(|(_, root)| root).collect();
        for entry in entries(self.store(), &keys::inventories()).await? {
            let record: super::HostRecord = decode(&entry.key, &entry.value)?;
            roots.push(record.root);
        }
        let mut anchors = Vec::new();
        for entry in entries(self.store(), &keys::all_deltas()).await? {
            let record: DeltaRecord = decode(&entry.key, &entry.value)?;
            anchors.extend(record.anchor());
        }
        Ok((roots, anchors))
    }
}

impl Verified {
    fn count(
        &mut self,
        found: Option<Result<tamer_drift::tree::Summary, TreeError>>,
        snapshot: Option<&SnapshotRecord>,
        host: HostId,
    ) {
        match found {
            None => {}
            Some(Ok(summary)) => {
                self.nodes += summary.nodes;
                self.bytes += summary.bytes;
            }
            Some(Err(error)) => self.add(snapshot, Some(host), &error),
        }
    }

    fn add(&mut self, snapshot: Option<&SnapshotRecord>, host: Option<HostId>, error: &TreeError) {
        if self.damage.len() >= TOLD {
            self.left_out += 1;
            return;
        }
        let digest = match error {
            TreeError::Missing(digest)
            | TreeError::Damaged(digest)
            | TreeError::Malformed { digest, .. } => *digest,
        };
        let (snapshot, problem) = (snapshot.cloned(), error.to_string());
        self.damage.push(Damage { snapshot, host, digest, problem });
    }
}
