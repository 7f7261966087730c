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

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use tamer_drift::{Digest, Domain};
use tamer_model::{Code, HostId, Problem, Timestamp};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message as ToAgent;
use tamer_store::{Commit, CommitError};
use tracing::{info, warn};

use super::board::Beat;
use super::chain::{Link, Unseen, both, link};
use super::nodes::{Pin, Pinned};
use super::record::{DeltaRecord, GapRecord, HostRecord, Short, SourceSeen};
use super::told::{Told, digest};
use super::trees::{self, Step};
use super::{Drift, off};
use crate::clock;
use crate::session::Live;
use crate::state::{Unstorable, encode, keys};

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
    /// The picture is on record, and some of its nodes are not what they were.
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
        let root = told.root.clone();
        match Told::read(told, ours) {
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
        let known = self.drift.board().get(self.host).record;
        let link = link(known.as_ref().map(|(record, _)| &**record), &told, reconnected);
        self.upload = Some(self.upload_of(told, link, false));
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

    /// Writes the record and what changed. False when it has to be tried again.
    async fn take_over(&self, upload: &Upload) -> Result<bool, Problem> {
        let board = self.drift.board();
        let known = board.get(self.host).record;
        let mut record = record_of(&upload.told);
        if known.as_ref().is_some_and(|(known, _)| same(known, &record)) {
            board.repaired(self.host);
            return Ok(true);
        }
        let before = known.as_ref().map(|(record, _)| record.root);
        let (shelf, root) = (self.drift.nodes().clone(), upload.told.root);
        let step = match before {
            Some(before) if before == root => Step::default(),
            before => match self.drift.turn(move || trees::step(&shelf, before, root)).await {
                // A node that was there when it was asked about is damaged.
                Err(problem) if problem.code == Code::NotFound => return Ok(false),
                step => step?,
            },
        };
        if step.total.is_some_and(|total| total != upload.told.resources) {
            let (told, total) = (upload.told.resources, step.total.unwrap_or_default());
            let message = format!("it was told as {told} resources and holds {total}");
            return Err(Problem::field("inventory.resources", message));
        }
        let (key, mut commit) = (keys::inventory(self.host), Commit::new());
        commit = match &known {
            None => commit.absent(key.clone()),
            Some((_, at)) => commit.modified_at(key.clone(), *at),
        };
        let since = board.get(self.host).confirmed_at;
        record.step = known.as_ref().map_or(0, |(known, _)| known.step);
        let still = known.as_ref().and_then(|(known, _)| still_of(known, &upload.told, &step));
        if let Some(delta) = delta_of(upload, before, step, (since, still)) {
            record.step += 1;
            commit = commit.put(keys::delta(self.host, record.step), encode(&delta));
        }
        commit = commit.put(key, encode(&record));
        tamer_crash::point("take-inventory.begun");
        match self.drift.store().commit(commit).await {
            Ok(at) => {
                tamer_crash::point("take-inventory.stored");
                board.put(self.host, record, at, clock::now());
                Ok(true)
            }
            Err(CommitError::Conflict { .. }) => {
                board.refresh(self.drift.store(), self.host).await?;
                Ok(false)
            }
            Err(error) => Err(error.problem()),
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

fn told_of(record: &HostRecord) -> Told {
    let HostRecord { epoch, counter, root, at, took_ms, resources, sources, step: _ } =
        record.clone();
    Told { epoch, counter, root, at, took_ms, resources, sources, gap: None }
}

fn record_of(told: &Told) -> HostRecord {
    let Told { epoch, counter, root, at, took_ms, resources, sources, gap: _ } = told.clone();
    HostRecord { epoch, counter, root, at, took_ms, resources, sources, step: 0 }
}

/// Whether a record says nothing new. Times move with every pass, and are no news.
fn same(known: &HostRecord, new: &HostRecord) -> bool {
    let still = |record: &HostRecord| {
        let sources = record.sources.iter();
        sources.map(|one| (one.name.clone(), one.complete, one.problem.clone())).collect::<Vec<_>>()
    };
    known.root == new.root
        && known.epoch == new.epoch
        && known.counter == new.counter
        && still(known) == still(new)
}

/// Until when everything that changed was as the picture before says. That is what the agent says of
/// the picture that it told before; when that is not the one that is known here, nobody can say.
fn still_of(known: &HostRecord, told: &Told, step: &Step) -> Option<Timestamp> {
    let next = told.epoch == known.epoch && told.counter == known.counter + 1;
    if !next || step.kinds.is_empty() {
        return None;
    }
    let is_of = |source: &&SourceSeen| {
        let mut kinds = source.kinds.iter().filter_map(|kind| kind.parse().ok());
        kinds.any(|kind| step.kinds.contains(&kind))
    };
    // One that does not say it makes all of them unknown.
    told.sources.iter().filter(is_of).map(|source| source.still).min().flatten()
}

/// What the history keeps of it; nothing when nothing happened.
fn delta_of(
    upload: &Upload,
    before: Option<Digest>,
    step: Step,
    (since, still): (Option<Timestamp>, Option<Timestamp>),
) -> Option<DeltaRecord> {
    let Upload { told, link, .. } = upload;
    let changes = before != Some(told.root);
    if !changes && link.gap.is_none() && !link.began {
        return None;
    }
    let lost = step.before_lost.then(|| Unseen {
        from: since.unwrap_or(told.at).min(told.at),
        to: told.at,
        why: "the picture before was damaged here".to_owned(),
    });
    let gap = both(link.gap.clone(), lost).map(|gap| GapRecord {
        from: gap.from,
        to: gap.to,
        why: gap.why,
        changed: step.changed,
    });
    Some(DeltaRecord {
        at: told.at,
        before: before.filter(|_| changes && step.delta.is_none() && !step.before_lost).map(Short),
        changed: step.changed,
        delta: step.delta,
        since: since.filter(|_| !link.began),
        still: still.filter(|_| !link.began),
        gap,
        began: link.began,
    })
}
