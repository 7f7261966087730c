//! Snapshots: taken of what is known, found, listed, removed.
//!
//! A snapshot is a record and a tree of hosts. Taking one reads no host and copies nothing: the trees
//! are there, and named from then on.

mod find;
mod remove;
mod tags;
mod write;

use std::collections::BTreeMap;

use tamer_drift::fleet::{HostState, SourceState};
use tamer_model::{
    Code, HostId, HostName, Problem, Selector, SnapshotId, SnapshotName, Timestamp, UserName,
};
use tamer_store::Commit;

use super::nodes::{Pin, Pinned};
use super::record::{MISSING, Named, SnapshotRecord, SourceSeen};
use super::trees;
use super::{Drift, HostRecord};
use crate::clock;

pub use find::entries;
use tags::check_tags;

/// A snapshot to take.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub name: Option<SnapshotName>,
    pub tags: BTreeMap<String, String>,
    /// Which hosts are meant.
    pub selector: Selector,
    /// Asking again with the same one is the same request.
    pub request: Option<String>,
    /// What the hosts held then, as far as their history reaches; none: what is known now.
    pub at: Option<Timestamp>,
}

/// The hosts of a snapshot to be, and what is said of them.
#[derive(Default)]
pub struct Taken {
    pub hosts: BTreeMap<HostId, HostState>,
    pub names: Vec<Named>,
    pub missing: Vec<HostName>,
    pub took_ms: u64,
}

/// Adds who did it to the commit that does it.
pub type Audited<'a> = &'a (dyn Fn(Commit, &SnapshotRecord) -> Commit + Send + Sync);

impl Drift {
    /// Keeps what is known now of the hosts that are meant.
    ///
    /// # Errors
    /// `InvalidField` for tags that cannot be and for a time that is still to come, `SelectionEmpty`
    /// when nothing is known of any host that is meant, or nothing of that time, `ResourceExhausted`
    /// when there are too many snapshots.
    pub async fn take(
        &self,
        wanted: Wanted,
        by: &UserName,
        audited: Audited<'_>,
    ) -> Result<SnapshotRecord, Problem> {
        if let Some(request) = &wanted.request {
            crate::batch::make::check_request(request)?;
            if let Some(taken) = self.taken_by(request).await? {
                return Ok(taken);
            }
        }
        if wanted.at.is_some_and(|at| at > clock::now()) {
            return Err(Problem::field("at", "that time is still to come")
                .remedy("name a time in the past, or none for what is known now"));
        }
        let mut taken = self.known(&wanted.selector);
        let _pins = match wanted.at {
            None => Vec::new(),
            Some(at) => self.back_to(&mut taken, at).await?,
        };
        if taken.hosts.is_empty() {
            return Err(nothing(wanted.at, taken.missing.len()));
        }
        self.keep(wanted, taken, by, false, audited).await
    }

    /// Puts the pictures of a time in the place of the newest. A host whose history does not reach
    /// so far is missing.
    async fn back_to(&self, taken: &mut Taken, at: Timestamp) -> Result<Vec<Pin>, Problem> {
        let mut pins = Vec::new();
        let names = std::mem::take(&mut taken.names);
        for mut named in names {
            let Some(root) = self.picture_at(named.id, at).await? else {
                taken.hosts.remove(&named.id);
                taken.missing.push(named.name);
                continue;
            };
            pins.push(self.nodes().pin(Pinned::Host(root)));
            let shelf = self.nodes().clone();
            named.resources = self.turn(move || trees::count(&shelf, root)).await?;
            if let Some(state) = taken.hosts.get_mut(&named.id)
                && state.root != root
            {
                (state.root, state.at) = (root, at);
            }
            taken.names.push(named);
        }
        Ok(pins)
    }

    /// What is known of the hosts that a selector names.
    pub fn known(&self, selector: &Selector) -> Taken {
        let records = self.board().records();
        let view = self.fleet().view();
        let mut taken = Taken::default();
        for member in view.select(selector) {
            let (id, name) = (member.host.id, member.host.name.clone());
            match records.get(&id) {
                Some(record) => taken.add(id, name, record),
                None => taken.missing.push(name),
            }
        }
        taken
    }

    /// Writes a snapshot of these hosts, whose trees are here.
    pub async fn keep(
        &self,
        wanted: Wanted,
        taken: Taken,
        by: &UserName,
        imported: bool,
        audited: Audited<'_>,
    ) -> Result<SnapshotRecord, Problem> {
        let Wanted { name, tags, selector, request, at: _ } = wanted;
        check_tags(&tags)?;
        self.check_room().await?;
        // From here to the commit no sweep takes what the snapshot is made of.
        let _pins: Vec<Pin> =
            taken.hosts.values().map(|host| self.nodes().pin(Pinned::Host(host.root))).collect();
        let (shelf, hosts) = (self.nodes().clone(), taken.hosts.clone());
        let (root, _pin) = self
            .turn(move || {
                let root = trees::fleet(&shelf, &hosts)?;
                let pin = shelf.pin(Pinned::Fleet(root));
                shelf.sync()?;
                Ok((root, pin))
            })
            .await?;
        tamer_crash::point("take-snapshot.synced");
        let now = clock::now();
        let record = SnapshotRecord {
            id: SnapshotId::at(now.as_millis(), clock::random()),
            name,
            tags,
            request,
            at: now,
            by: by.clone(),
            selector,
            root,
            hosts: u32::try_from(taken.hosts.len()).unwrap_or(u32::MAX),
            resources: taken.names.iter().map(|host| host.resources).sum(),
            missing: taken.missing.iter().take(MISSING).cloned().collect(),
            missing_count: u32::try_from(taken.missing.len()).unwrap_or(u32::MAX),
            took_ms: taken.took_ms,
            oldest_at: taken.hosts.values().map(|host| host.at).min().unwrap_or(now),
            incomplete: taken.names.iter().filter(|host| !host.incomplete.is_empty()).count()
                as u32,
            imported,
        };
        self.write_snapshot(&record, &taken.names, audited).await
    }
}

/// Why a snapshot would hold no host.
fn nothing(at: Option<Timestamp>, missing: usize) -> Problem {
    let hosts = "`tamerctl host ls -o wide` shows labels and the agents' versions";
    let (field, message, remedy) = match (missing, at) {
        (0, _) => ("selector", "the selector names no host".to_owned(), hosts),
        (some, None) => {
            ("selector", format!("nothing is known yet of any of the {some} hosts"), hosts)
        }
        (some, Some(_)) => (
            "at",
            format!("nothing of that time is kept of any of the {some} hosts"),
            "`tamerctl drift history` shows how far it goes; `[retention]` says how much is kept",
        ),
    };
    Problem::new(Code::SelectionEmpty, message).on(field).remedy(remedy)
}

impl Taken {
    /// Adds a host as it is known.
    pub fn add(&mut self, id: HostId, name: HostName, record: &HostRecord) {
        let HostRecord { epoch, counter, root, at, took_ms, resources, sources, step: _ } = record;
        let told = sources.iter().filter_map(|source| Some((source.name.parse().ok()?, source)));
        let told = told.map(|(name, source)| (name, state_of(source))).collect();
        let (root, epoch, counter, at) = (*root, *epoch.as_bytes(), *counter, *at);
        self.hosts.insert(id, HostState { root, epoch, counter, at, sources: told });
        let incomplete = sources.iter().filter(|source| !source.complete);
        let incomplete = incomplete.map(|source| source.name.clone()).collect();
        self.names.push(Named { id, name, resources: *resources, incomplete });
        self.took_ms = self.took_ms.max(*took_ms);
    }
}

fn state_of(source: &SourceSeen) -> SourceState {
    let SourceSeen { name: _, complete, problem, at, kinds: _, still: _ } = source;
    let problem = (!problem.is_empty()).then(|| problem.clone());
    SourceState { complete: *complete, problem, took_ms: 0, resources: 0, at: *at }
}
