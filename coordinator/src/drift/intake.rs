//! What one session tells of its host's picture, taken in.
//!
//! ```text
//! told ─▶ which nodes are lacking? ─▶ asked for ─▶ checked, written ─▶ … none is lacking
//!      ─▶ the difference to the picture before ─▶ record and delta in one commit ─▶ acknowledged
//! ```
//!
//! One for each session, and only that session's task calls it: so a host's record has one writer,
//! or two for a moment when a session replaces another; the commit's precondition decides. Whatever
//! is cut off begins again with the next telling: nodes that are there are not asked for twice.

mod step;
mod take_over;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use tamer_drift::{Digest, Domain};
use tamer_model::{Code, HostId, Problem, Timestamp};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message as ToAgent;
use tracing::{info, warn};

use self::step::told_of;
use super::board::Beat;
use super::chain::{Link, link};
use super::nodes::{Pin, Pinned};
use super::told::{Told, digest};
use super::{Drift, off, trees};
use crate::clock;
use crate::session::Live;

/// Nodes that are asked for at once: with leaves of some 8 KiB they fill two messages of 1 MiB.
const ASKED: usize = 256;
/// Nodes of one picture that may be wrong before it is not taken.
const BAD: u32 = 32;
/// How long an answer may be silent before it is asked for again, at a heartbeat.
const SILENT: Duration = Duration::from_secs(30);

/// Takes in what one session tells.
pub struct Intake {
    drift: Drift,
    host: HostId,
    upload: Option<Upload>,
    /// Whether this session told of a picture before.
    told: bool,
}

/// A picture on its way.
struct Upload {
    told: Told,
    link: Link,
    /// Keeps what came from being swept away before a record names it.
    _pin: Pin,
    asked: BTreeSet<Digest>,
    asked_at: Timestamp,
    bad: u32,
    /// Some nodes of the picture on record are not what they were: all of this one is looked at.
    repairs: bool,
}

impl Intake {
    pub fn new(drift: Drift, host: HostId) -> Self {
        Self { drift, host, upload: None, told: false }
    }

    /// A heartbeat with the root that the agent has. Compares it with the one that is known.
    pub async fn beat(&mut self, live: &Live, root: &[u8]) -> Result<(), Problem> {
        let root = if root.is_empty() { None } else { Some(digest(root, "heartbeat.inventory")?) };
        let now = clock::now();
        match self.drift.board().beat(self.host, root, now) {
            Beat::Same => return Ok(()),
            Beat::Damaged if self.upload.is_none() => return Box::pin(self.repair(live)).await,
            Beat::Damaged | Beat::Other => {}
        }
        match &mut self.upload {
            Some(upload) if now.since(upload.asked_at) > SILENT => {
                upload.asked_at = now;
                ask(live, &upload.asked);
            }
            // The agent tells of it, or has begun to.
            Some(_) | None => {}
        }
        Ok(())
    }

    /// Asks for what is damaged of the picture on record.
    async fn repair(&mut self, live: &Live) -> Result<(), Problem> {
        let Some((record, _)) = self.drift.board().get(self.host).record else { return Ok(()) };
        let told = told_of(&record);
        let link = Link { began: false, gap: None };
        self.upload = Some(self.upload_of(told, link, true));
        self.go_on(live).await
    }

    /// A picture. What is wrong with it is told to the agent; the session goes on.
    pub async fn told(
        &mut self,
        live: &Live,
        told: wire::InventoryTold,
        ours: impl Fn(u64) -> Timestamp,
    ) -> Result<(), Problem> {
        let (root, now) = (told.root.clone(), clock::now());
        // Nobody has seen what is still to come, whatever a clock says that jumped ahead.
        match Told::read(told, |theirs| ours(theirs).min(now)) {
            Ok(told) => self.begin(live, told).await,
            Err(problem) => {
                self.refuse(live, root, problem);
                Ok(())
            }
        }
    }

    /// Nodes that were asked for.
    pub async fn nodes(&mut self, live: &Live, came: wire::InventoryNodes) -> Result<(), Problem> {
        let wire::InventoryNodes { nodes, unknown } = came;
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let unknown = unknown.iter().filter_map(|bytes| digest(bytes, "unknown").ok());
        if unknown.into_iter().any(|digest| upload.asked.contains(&digest)) {
            // It has a newer one, and tells of it; what came is there for that one.
            self.upload = None;
            return Ok(());
        }
        let (good, bad) = sort(nodes, &mut upload.asked);
        upload.bad += bad;
        if bad > 0 {
            warn!(host = %self.host, bad, "nodes of an inventory are not those that were asked for");
        }
        let (moved, shelf) = (!good.is_empty(), self.drift.nodes().clone());
        let write = move || good.iter().try_for_each(|(digest, node)| shelf.write(*digest, node));
        off(write).await?;
        let Some(upload) = &mut self.upload else { return Ok(()) };
        if upload.bad > BAD {
            let message = format!("{} of its nodes are not what their names say", upload.bad);
            return self.give_up(live, Problem::field("inventory.nodes", message)).await;
        }
        match (upload.asked.is_empty(), moved) {
            (true, _) => self.go_on(live).await,
            // The rest of the answer is on its way.
            (false, true) => Ok(()),
            (false, false) => {
                ask(live, &upload.asked);
                Ok(())
            }
        }
    }

    async fn begin(&mut self, live: &Live, told: Told) -> Result<(), Problem> {
        let reconnected = !std::mem::replace(&mut self.told, true);
        self.drift.board().speak(self.host, told.root);
        let known = self.drift.board().get(self.host);
        let told = match &known.record {
            // Nor was it seen before what came before it, whatever one says that was set back.
            Some((record, _)) => Told { at: told.at.max(record.at.min(clock::now())), ..told },
            None => told,
        };
        let link = link(known.record.as_ref().map(|(record, _)| &**record), &told, reconnected);
        // What is damaged of the picture before may be part of this one too.
        self.upload = Some(self.upload_of(told, link, known.damaged));
        self.go_on(live).await
    }

    fn upload_of(&self, told: Told, link: Link, repairs: bool) -> Upload {
        let (pin, asked_at) = (self.drift.nodes().pin(Pinned::Host(told.root)), clock::now());
        Upload { told, link, _pin: pin, asked: BTreeSet::new(), asked_at, bad: 0, repairs }
    }

    /// Asks for what is lacking, or takes over what is whole.
    async fn go_on(&mut self, live: &Live) -> Result<(), Problem> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let (root, shelf) = (upload.told.root, self.drift.nodes().clone());
        // What is beside the picture before is looked at; of a damaged one, everything.
        let beside = self.drift.board().get(self.host).root().filter(|_| !upload.repairs);
        let lacking = self.drift.turn(move || trees::lacking(&shelf, root, beside, ASKED)).await;
        match lacking {
            Err(problem) if problem.code == Code::InvalidField => self.give_up(live, problem).await,
            Err(problem) => Err(problem),
            Ok(lacking) if lacking.is_empty() => self.finish(live).await,
            Ok(lacking) => {
                upload.asked = lacking.into_iter().collect();
                upload.asked_at = clock::now();
                ask(live, &upload.asked);
                Ok(())
            }
        }
    }

    async fn finish(&mut self, live: &Live) -> Result<(), Problem> {
        let Some(upload) = self.upload.take() else { return Ok(()) };
        let root = upload.told.root;
        tamer_crash::point("take-inventory.whole");
        let taken = self.take_over(&upload).await;
        match taken {
            Ok(true) => {
                let stored = wire::InventoryStored { root: root.as_bytes().to_vec() };
                live.send(ToAgent::InventoryStored(stored));
                Ok(())
            }
            // A node of the earlier picture is damaged, or another session was first: from the start.
            Ok(false) => {
                self.upload = Some(upload);
                Box::pin(self.go_on(live)).await
            }
            Err(problem) if problem.code == Code::InvalidField => {
                self.refuse(live, root.as_bytes().to_vec(), problem);
                Ok(())
            }
            Err(problem) => Err(problem),
        }
    }

    async fn give_up(&mut self, live: &Live, problem: Problem) -> Result<(), Problem> {
        if let Some(upload) = self.upload.take() {
            self.refuse(live, upload.told.root.as_bytes().to_vec(), problem);
        }
        Ok(())
    }

    fn refuse(&mut self, live: &Live, root: Vec<u8>, problem: Problem) {
        info!(host = %self.host, %problem, "an inventory was not taken");
        self.upload = None;
        self.drift.board().refuse(self.host, problem.clone());
        let refused = wire::InventoryRefused { root, problem: Some(problem.into()) };
        live.send(ToAgent::InventoryRefused(refused));
    }
}

/// Parts what was asked for from what was not, by the digests of the bytes.
fn sort(nodes: Vec<Bytes>, asked: &mut BTreeSet<Digest>) -> (Vec<(Digest, Bytes)>, u32) {
    let mut bad = 0;
    let mut good = Vec::new();
    for node in nodes {
        let digest = Digest::of(Domain::HOST, &node);
        if asked.remove(&digest) {
            good.push((digest, node));
        } else {
            bad += 1;
        }
    }
    (good, bad)
}

fn ask(live: &Live, digests: &BTreeSet<Digest>) {
    let digests = digests.iter().map(|digest| digest.as_bytes().to_vec()).collect();
    live.send(ToAgent::InventoryWanted(wire::InventoryWanted { digests }));
}
