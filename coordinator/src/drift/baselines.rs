//! Baselines: named versions, each of them a snapshot that somebody declared to be right.
//!
//! A version is written once. Accepting makes another one, and only a person does that.

use std::collections::BTreeMap;

use tamer_model::{BaselineName, Code, FindingId, Problem, Selector, SnapshotId, UserName};
use tamer_store::{Commit, CommitError, Revision};

use super::Drift;
use super::record::{ACCEPTED, BaselineRecord, InForce, SnapshotRecord};
use super::snapshots::entries;
use crate::clock;
use crate::state::{Unstorable, decode, encode, keys};

/// The baseline that is meant when none is named.
const DEFAULT: &str = "default";
/// The most baselines of a fleet.
const MOST: usize = 1_000;
/// The longest note, in bytes.
const MAX_NOTE: usize = 2_000;

/// A baseline: the version that counts.
#[derive(Debug, Clone)]
pub struct Baseline {
    pub record: BaselineRecord,
    pub in_force: InForce,
    at: Revision,
}

/// A version to be.
#[derive(Debug, Clone)]
pub struct Setting {
    pub name: BaselineName,
    pub selector: Selector,
    pub note: String,
    /// The version that was looked at; none: whichever there is.
    pub expected: Option<u32>,
    /// The version that it was made from, and the findings that were accepted.
    pub accepted: Option<(u32, Vec<FindingId>)>,
}

/// Adds who did it to the commit that does it.
pub type Audited<'a> = &'a (dyn Fn(Commit, &BaselineRecord) -> Commit + Send + Sync);

/// The name that a person gave, or the one that is meant without.
///
/// # Errors
/// `InvalidField` for a text that is no name.
pub fn name_of(text: &str) -> Result<BaselineName, Problem> {
    let text = if text.is_empty() { DEFAULT } else { text };
    text.parse()
        .map_err(|error: tamer_model::InvalidName| Problem::field("baseline", error.to_string()))
}

impl Drift {
    /// The version of a baseline that counts.
    ///
    /// # Errors
    /// `NotFound` when there is none, or it was cleared.
    pub async fn baseline(&self, name: &BaselineName) -> Result<Baseline, Problem> {
        let none = |what: &str| {
            Problem::new(Code::NotFound, format!("{what} {name}"))
                .on("baseline")
                .remedy("set one: `tamerctl baseline set SNAPSHOT`")
        };
        let found = self.baseline_entry(name).await?;
        let (in_force, at) = found.ok_or_else(|| none("there is no baseline"))?;
        if in_force.cleared {
            return Err(none("somebody cleared the baseline"));
        }
        let record = self.version(name, in_force.version).await?;
        Ok(Baseline { record, in_force, at })
    }

    /// All that count, by name.
    pub async fn baselines(&self) -> Result<Vec<Baseline>, Problem> {
        let mut all = Vec::new();
        for entry in entries(self.store(), &keys::baselines()).await? {
            let in_force: InForce = decode(&entry.key, &entry.value)?;
            let Ok(name) = keys::tail(&entry.key).parse() else { continue };
            if !in_force.cleared {
                let record = self.version(&name, in_force.version).await?;
                all.push(Baseline { record, in_force, at: entry.modified });
            }
        }
        Ok(all)
    }

    /// Every version there was, the newest first.
    pub async fn versions(&self, name: &BaselineName) -> Result<Vec<BaselineRecord>, Problem> {
        let all = entries(self.store(), &keys::baseline_versions(name)).await?;
        all.iter().rev().map(|entry| decode(&entry.key, &entry.value)).collect()
    }

    /// The snapshots that versions of baselines need, and which those are.
    pub async fn needed_snapshots(&self) -> Result<BTreeMap<SnapshotId, Vec<String>>, Problem> {
        let mut needed: BTreeMap<SnapshotId, Vec<String>> = BTreeMap::new();
        for baseline in self.baselines().await? {
            for version in self.versions(&baseline.record.name).await? {
                let who = format!("{} version {}", version.name, version.version);
                needed.entry(version.snapshot).or_default().push(who);
            }
        }
        Ok(needed)
    }

    /// Makes a snapshot the newest version of a baseline.
    ///
    /// # Errors
    /// `Conflict` when the baseline is at another version than was looked at, or the snapshot was
    /// removed meanwhile.
    pub async fn set_baseline(
        &self,
        setting: Setting,
        snapshot: &SnapshotRecord,
        by: &UserName,
        audited: Audited<'_>,
    ) -> Result<BaselineRecord, Problem> {
        let Setting { name, selector, note, expected, accepted } = setting;
        check_note(&note)?;
        let known = self.baseline_entry(&name).await?;
        let version = known.as_ref().map_or(0, |(in_force, _)| in_force.version);
        check_expected(&name, known.as_ref().map(|(in_force, _)| in_force), expected)?;
        if known.is_none() && entries(self.store(), &keys::baselines()).await?.len() >= MOST {
            return Err(Problem::new(
                Code::ResourceExhausted,
                format!("there are {MOST} baselines"),
            )
            .remedy("use one of them for more hosts, by a selector"));
        }
        let (before, accepted) = accepted.map_or((None, Vec::new()), |(from, findings)| {
            (Some(from), findings.into_iter().take(ACCEPTED).collect())
        });
        let record = BaselineRecord {
            name: name.clone(),
            version: version + 1,
            snapshot: snapshot.id,
            selector,
            at: clock::now(),
            by: by.clone(),
            note,
            before,
            accepted,
        };
        self.write_version(&record, known.map(|(_, at)| at), audited).await
    }

    async fn write_version(
        &self,
        record: &BaselineRecord,
        known: Option<Revision>,
        audited: Audited<'_>,
    ) -> Result<BaselineRecord, Problem> {
        let gone = || {
            Problem::new(Code::Conflict, format!("{} was removed meanwhile", record.snapshot))
                .remedy("take another snapshot and set that")
        };
        let (snapshot, at) = self.snapshot_entry(record.snapshot).await?.ok_or_else(gone)?;
        let (key, in_force) =
            (keys::baseline(&record.name), InForce { version: record.version, cleared: false });
        let commit = match known {
            None => Commit::new().absent(key.clone()),
            Some(at) => Commit::new().modified_at(key.clone(), at),
        };
        let version = keys::baseline_version(&record.name, record.version);
        let kept = keys::snapshot(snapshot.id);
        let commit = commit
            .put(key, encode(&in_force))
            .absent(version.clone())
            .put(version, encode(record))
            // Written again as it is: who removes it at this moment sees that it is needed.
            .modified_at(kept.clone(), at)
            .put(kept, encode(&snapshot));
        match self.store().commit(audited(commit, record)).await {
            Ok(_) => {
                self.board().tell();
                Ok(record.clone())
            }
            Err(error @ CommitError::Conflict { .. }) => Err(error.problem().on("baseline")),
            Err(error) => Err(error.problem()),
        }
    }

    /// Ends a baseline. Its versions stay, and nothing is compared with it any more.
    pub async fn clear_baseline(
        &self,
        name: &BaselineName,
        audited: Audited<'_>,
    ) -> Result<BaselineRecord, Problem> {
        let Baseline { record, in_force, at } = self.baseline(name).await?;
        let key = keys::baseline(name);
        let cleared = InForce { cleared: true, ..in_force };
        let commit = Commit::new().modified_at(key.clone(), at).put(key, encode(&cleared));
        self.store().commit(audited(commit, &record)).await.map_err(Unstorable::problem)?;
        self.board().tell();
        Ok(record)
    }

    async fn baseline_entry(
        &self,
        name: &BaselineName,
    ) -> Result<Option<(InForce, Revision)>, Problem> {
        let key = keys::baseline(name);
        let entry = self.store().get(&key).await.map_err(Unstorable::problem)?;
        entry.map(|entry| Ok((decode(&key, &entry.value)?, entry.modified))).transpose()
    }

    async fn version(&self, name: &BaselineName, version: u32) -> Result<BaselineRecord, Problem> {
        let key = keys::baseline_version(name, version);
        let entry = self.store().get(&key).await.map_err(Unstorable::problem)?;
        let entry = entry.ok_or_else(|| {
            Problem::new(Code::StoreFailed, format!("version {version} of {name} is not there"))
                .remedy("restore the store from a backup, or set the baseline again")
        })?;
        decode(&key, &entry.value)
    }
}

/// Refuses a note that is too long to be one.
pub fn check_note(note: &str) -> Result<(), Problem> {
    if note.len() > MAX_NOTE {
        let message = format!("{} bytes, more than {MAX_NOTE}", note.len());
        return Err(Problem::field("note", message).remedy("refer to a longer text by its address"));
    }
    Ok(())
}

fn check_expected(
    name: &BaselineName,
    known: Option<&InForce>,
    expected: Option<u32>,
) -> Result<(), Problem> {
    let version = known.map_or(0, |in_force| in_force.version);
    match expected {
        Some(expected) if expected != version => {
            let message = format!("{name} is at version {version}, not {expected}");
            Err(Problem::new(Code::Conflict, message)
                .on("expected")
                .remedy("look at what changed: `tamerctl baseline show`, then repeat the command"))
        }
        Some(_) | None => Ok(()),
    }
}
