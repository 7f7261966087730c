//! Snapshots: taken of what is known, found, listed, removed.
//!
//! A snapshot is a record and a tree of hosts. Taking one reads no host and copies nothing: the trees
//! are there, and named from then on.

use std::collections::BTreeMap;

use tamer_drift::Digest;
use tamer_drift::fleet::{HostState, SourceState};
use tamer_model::{
    Code, HostId, HostName, Problem, Selector, SnapshotId, SnapshotName, Timestamp, UserName,
};
use tamer_store::{Commit, CommitError, Entry, Key, Prefix, Range, Revision, Store};

use super::nodes::{Pin, Pinned};
use super::record::{MISSING, NAMED_CHUNK, Named, SnapshotRecord, SourceSeen};
use super::trees;
use super::{Drift, HostRecord};
use crate::clock;
use crate::state::{Unstorable, decode, encode, keys};

/// The most snapshots that are kept at once, with those of baselines.
const MOST: usize = 5_000;
const MAX_TAGS: usize = 32;
const MAX_TAG_KEY: usize = 64;
const MAX_TAG_VALUE: usize = 256;

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
    /// `InvalidField` for tags that cannot be, `SelectionEmpty` when nothing is known of any host
    /// that is meant, `ResourceExhausted` when there are too many snapshots.
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
        let mut taken = self.known(&wanted.selector);
        let _pins = match wanted.at {
            None => Vec::new(),
            Some(at) => self.back_to(&mut taken, at).await?,
        };
        if taken.hosts.is_empty() {
            let message = match taken.missing.len() {
                0 => "the selector names no host".to_owned(),
                some => format!("nothing is known yet of any of the {some} hosts"),
            };
            return Err(Problem::new(Code::SelectionEmpty, message)
                .on("selector")
                .remedy("`tamerctl host ls -o wide` shows labels and the agents' versions"));
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
        let board = self.board().all();
        let view = self.fleet().view();
        let mut taken = Taken::default();
        for member in view.select(selector) {
            let (id, name) = (member.host.id, member.host.name.clone());
            match board.get(&id).and_then(|known| known.record.as_ref()) {
                Some((record, _)) => taken.add(id, name, record),
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

    async fn write_snapshot(
        &self,
        record: &SnapshotRecord,
        names: &[Named],
        audited: Audited<'_>,
    ) -> Result<SnapshotRecord, Problem> {
        // Chunks that a crash leaves without their record belong to an id that nobody has.
        for (number, chunk) in names.chunks(NAMED_CHUNK).enumerate() {
            let commit = Commit::new().put(keys::snapshot_hosts(record.id, number), encode(&chunk));
            self.store().commit(commit).await.map_err(Unstorable::problem)?;
        }
        let key = keys::snapshot(record.id);
        let mut commit = Commit::new().absent(key.clone()).put(key, encode(record));
        if let Some(request) = &record.request {
            let taken = keys::taken(request);
            commit = commit.absent(taken.clone()).put(taken, encode(&record.id));
        }
        match self.store().commit(audited(commit, record)).await {
            Ok(_) => {
                tamer_crash::point("take-snapshot.stored");
                Ok(record.clone())
            }
            // The same request came twice at once: both get what the first one took.
            Err(error @ CommitError::Conflict { .. }) => {
                self.drop_names(record.id).await?;
                let taken = match &record.request {
                    Some(request) => self.taken_by(request).await?,
                    None => None,
                };
                taken.ok_or_else(|| error.problem())
            }
            Err(error) => Err(error.problem()),
        }
    }

    /// The snapshot that a request took before.
    async fn taken_by(&self, request: &str) -> Result<Option<SnapshotRecord>, Problem> {
        let key = keys::taken(request);
        let Some(entry) = self.store().get(&key).await.map_err(Unstorable::problem)? else {
            return Ok(None);
        };
        let id: SnapshotId = decode(&key, &entry.value)?;
        Ok(self.snapshot_entry(id).await?.map(|(record, _)| record))
    }

    async fn check_room(&self) -> Result<(), Problem> {
        let count = entries(self.store(), &keys::snapshots()).await?.len();
        if count < MOST {
            return Ok(());
        }
        let message = format!("{count} snapshots are kept, and no more than {MOST} may be");
        Err(Problem::new(Code::ResourceExhausted, message).remedy(
            "remove some with `tamerctl snapshot rm`, or let `[retention.snapshots]` do it",
        ))
    }

    /// Every snapshot, from the newest on.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotRecord>, Problem> {
        let all = entries(self.store(), &keys::snapshots()).await?;
        all.iter().rev().map(|entry| decode(&entry.key, &entry.value)).collect()
    }

    /// The record of a snapshot, and its revision.
    pub async fn snapshot_entry(
        &self,
        id: SnapshotId,
    ) -> Result<Option<(SnapshotRecord, Revision)>, Problem> {
        let key = keys::snapshot(id);
        let entry = self.store().get(&key).await.map_err(Unstorable::problem)?;
        entry.map(|entry| Ok((decode(&key, &entry.value)?, entry.modified))).transpose()
    }

    /// The snapshot that a person means by its id, or the newest of that name.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn find_snapshot(&self, text: &str) -> Result<SnapshotRecord, Problem> {
        if let Ok(id) = text.parse::<SnapshotId>()
            && let Some((record, _)) = self.snapshot_entry(id).await?
        {
            return Ok(record);
        }
        let named =
            |one: &SnapshotRecord| one.name.as_ref().is_some_and(|name| name.as_str() == text);
        self.snapshots().await?.into_iter().find(named).ok_or_else(|| {
            let text: String = text.chars().take(64).collect();
            Problem::new(Code::NotFound, format!("there is no snapshot {text:?}"))
                .on("snapshot")
                .remedy("`tamerctl snapshot ls` lists them")
        })
    }

    /// The names of a snapshot's hosts.
    pub async fn names_of(&self, id: SnapshotId) -> Result<Vec<Named>, Problem> {
        let mut names = Vec::new();
        for entry in entries(self.store(), &keys::all_snapshot_hosts(id)).await? {
            names.append(&mut decode::<Vec<Named>>(&entry.key, &entry.value)?);
        }
        Ok(names)
    }

    /// The hosts of a snapshot.
    pub async fn hosts_of(&self, root: Digest) -> Result<BTreeMap<HostId, HostState>, Problem> {
        let shelf = self.nodes().clone();
        self.turn(move || trees::hosts(&shelf, root)).await
    }

    /// Removes a snapshot that a person means.
    ///
    /// # Errors
    /// `WrongState` while a baseline needs it.
    pub async fn remove_snapshot(
        &self,
        text: &str,
        audited: Audited<'_>,
    ) -> Result<SnapshotRecord, Problem> {
        let record = self.find_snapshot(text).await?;
        if let Some(baselines) = self.needed_snapshots().await?.get(&record.id) {
            let message =
                format!("{} is needed by the baseline {}", record.id, baselines.join(", "));
            return Err(Problem::new(Code::WrongState, message)
                .on("snapshot")
                .remedy("clear that baseline first: `tamerctl baseline clear`"));
        }
        match self.forget(&record, audited).await? {
            true => Ok(record),
            false => Err(Problem::new(Code::Conflict, "it was changed meanwhile")
                .remedy("look again and repeat the command")),
        }
    }

    /// Removes a snapshot that nothing needs. False when somebody was about to need it.
    pub async fn forget_snapshot(&self, record: &SnapshotRecord) -> Result<bool, Problem> {
        self.forget(record, &|commit, _| commit).await
    }

    /// Who sets a baseline writes the record again, so the precondition sees it.
    async fn forget(&self, record: &SnapshotRecord, audited: Audited<'_>) -> Result<bool, Problem> {
        let Some((record, at)) = self.snapshot_entry(record.id).await? else { return Ok(false) };
        if self.needed_snapshots().await?.contains_key(&record.id) {
            return Ok(false);
        }
        let key = keys::snapshot(record.id);
        let mut commit = Commit::new().modified_at(key.clone(), at).delete(key);
        if let Some(request) = &record.request {
            commit = commit.delete(keys::taken(request));
        }
        match self.store().commit(audited(commit, &record)).await {
            Ok(_) => {}
            Err(CommitError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.problem()),
        }
        self.drop_names(record.id).await?;
        Ok(true)
    }

    async fn drop_names(&self, id: SnapshotId) -> Result<(), Problem> {
        let all: Vec<Key> = entries(self.store(), &keys::all_snapshot_hosts(id))
            .await?
            .into_iter()
            .map(|entry| entry.key)
            .collect();
        for some in all.chunks(100) {
            let commit = some.iter().cloned().fold(Commit::new(), Commit::delete);
            self.store().commit(commit).await.map_err(Unstorable::problem)?;
        }
        Ok(())
    }
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

/// Every entry below a prefix. There are as many as are kept.
pub async fn entries(store: &Store, prefix: &Prefix) -> Result<Vec<Entry>, Problem> {
    let mut all = Vec::new();
    let mut next = Some(Range::prefix(prefix));
    while let Some(range) = next {
        let page = store.range(range).await.map_err(Unstorable::problem)?;
        all.extend(page.entries);
        next = page.next;
    }
    Ok(all)
}

/// Refuses tags that cannot be: they are shown in tables and written in commands.
pub fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Problem> {
    if tags.len() > MAX_TAGS {
        return Err(Problem::field(
            "tags",
            format!("{} of them, more than {MAX_TAGS}", tags.len()),
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    for (key, value) in tags {
        if key.is_empty() || key.len() > MAX_TAG_KEY || !key.chars().all(plain) {
            let key: String = key.chars().take(64).collect();
            return Err(Problem::field("tags", format!("{key:?} is no key of a tag"))
                .remedy("use 1 to 64 letters, digits, `.`, `_`, `-` and `/`"));
        }
        if value.len() > MAX_TAG_VALUE || value.chars().any(char::is_control) {
            return Err(Problem::field(
                "tags",
                format!("the value of {key:?} is no text of 256 bytes"),
            ));
        }
    }
    Ok(())
}
