//! What is kept of what hosts hold: changes by their age and number, snapshots by what the tags say,
//! and nodes that any of it still needs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tamer_model::{FindingId, HostId, Problem, Timestamp};
use tamer_store::Key;
use tracing::info;

use super::{Kept, Retention, delete, each, keys_of};
use crate::drift::{AckRecord, DeltaRecord, Drift, SnapshotRecord};
use crate::state::{decode, keys};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Removes what retention says, and then the nodes that nothing needs any more.
pub async fn remove(drift: &Drift, retention: &Retention, now: Timestamp) -> Result<(), Problem> {
    hosts(drift).await?;
    history(drift, retention, now).await?;
    acknowledgements(drift, now).await?;
    snapshots(drift, retention, now).await?;
    if let Some(swept) = drift.sweep().await?
        && swept.removed > 0
    {
        info!(removed = swept.removed, kept = swept.kept, "nodes of inventories were removed");
    }
    Ok(())
}

/// Removes what is known of hosts that were removed. Snapshots that hold them stay as they are.
async fn hosts(drift: &Drift) -> Result<(), Problem> {
    let mut all = keys_of(drift.store(), &keys::inventories()).await?;
    all.extend(keys_of(drift.store(), &keys::all_deltas()).await?);
    {
        let view = drift.fleet().view();
        all.retain(|key| host_of(key).is_some_and(|host| view.host(host).is_none()));
    }
    if all.is_empty() {
        return Ok(());
    }
    delete(drift.store(), all).await?;
    let fleet = drift.fleet().clone();
    drift.board().retain(|host| fleet.view().host(host).is_some());
    Ok(())
}

/// The host that a record is about.
fn host_of(key: &Key) -> Option<HostId> {
    key.as_text()?.split('/').nth(2)?.parse().ok()
}

/// Removes the oldest changes of each host. They are in order, the newest first, so what is left is
/// a chain without holes that ends at what is known now.
async fn history(drift: &Drift, retention: &Retention, now: Timestamp) -> Result<(), Problem> {
    let mut counts: BTreeMap<HostId, usize> = BTreeMap::new();
    let mut old = Vec::new();
    each(drift.store(), &keys::all_deltas(), |entry| {
        let record: DeltaRecord = decode(&entry.key, &entry.value)?;
        if let Some(host) = host_of(&entry.key) {
            let count = counts.entry(host).or_default();
            *count += 1;
            let too_old = now.since(record.at) > DAY * retention.history_days;
            if *count > retention.history || (retention.history_days > 0 && too_old) {
                // All before it go, too, whatever time a clock gave them.
                *count = usize::MAX / 2;
                old.push(entry.key);
            }
        }
        Ok(())
    })
    .await?;
    delete(drift.store(), old).await
}

/// Removes acknowledgements whose time is over.
async fn acknowledgements(drift: &Drift, now: Timestamp) -> Result<(), Problem> {
    let mut over = Vec::new();
    each(drift.store(), &keys::all_acknowledged(), |entry| {
        let record: AckRecord = decode(&entry.key, &entry.value)?;
        let known = keys::tail(&entry.key).parse::<FindingId>().is_ok();
        if record.until <= now || !known {
            over.push(entry.key);
        }
        Ok(())
    })
    .await?;
    delete(drift.store(), over).await
}

async fn snapshots(drift: &Drift, retention: &Retention, now: Timestamp) -> Result<(), Problem> {
    let all = drift.snapshots().await?;
    let needed: BTreeSet<_> = drift.needed_snapshots().await?.into_keys().collect();
    for record in over(all, retention, now) {
        // A baseline that was set meanwhile keeps it: the removal looks again.
        if !needed.contains(&record.id) && drift.forget_snapshot(&record).await? {
            info!(snapshot = %record.id, "removed: it was kept long enough");
        }
    }
    Ok(())
}

/// The snapshots that no rule keeps. `all` are from the newest on.
fn over(all: Vec<SnapshotRecord>, retention: &Retention, now: Timestamp) -> Vec<SnapshotRecord> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut over = Vec::new();
    for record in all {
        let mut rules: Vec<(&str, &Kept)> = Vec::new();
        for (tag, kept) in &retention.snapshot_tags {
            if has_tag(&record, tag) {
                rules.push((tag, kept));
            }
        }
        if rules.is_empty() {
            rules.push(("", &retention.snapshots));
        }
        let mut keeps = false;
        for (tag, kept) in rules {
            let count = seen.entry(tag).or_default();
            *count += 1;
            let young = kept.days == 0 || now.since(record.at) <= DAY * kept.days;
            keeps |= *count <= kept.count && young;
        }
        if !keeps {
            over.push(record);
        }
    }
    over
}

fn has_tag(record: &SnapshotRecord, tag: &str) -> bool {
    match tag.split_once('=') {
        Some((key, value)) => record.tags.get(key).is_some_and(|one| one == value),
        None => record.tags.contains_key(tag),
    }
}

#[cfg(test)]
mod tests {
    use tamer_drift::Digest;
    use tamer_model::{Selector, SnapshotId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1000 * 24 * 3600 * 1000);

    fn snapshot(days: u64, tags: &[(&str, &str)]) -> SnapshotRecord {
        let at = Timestamp::from_millis(NOW.as_millis() - days * DAY.as_millis() as u64);
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        SnapshotRecord {
            id: SnapshotId::at(at.as_millis(), [1; 4]),
            name: None,
            tags: tags.collect(),
            request: None,
            at,
            by: "ann".parse().expect("a name"),
            selector: Selector::default(),
            root: Digest::from_bytes([0; 32]),
            hosts: 0,
            resources: 0,
            missing: Vec::new(),
            missing_count: 0,
            took_ms: 0,
            oldest_at: at,
            incomplete: 0,
            imported: false,
        }
    }

    #[test]
    fn snapshots_go_by_number_and_age_unless_a_tag_says_otherwise() {
        let prod = [("env", "prod")];
        let all =
            [(0, &[][..]), (1, &prod), (2, &[]), (3, &[]), (40, &[("commit", "1a")]), (90, &prod)];
        let all: Vec<_> = all.iter().map(|(days, tags)| snapshot(*days, tags)).collect();
        let tag = |tag: &str, count, days| (tag.to_owned(), Kept { count, days });
        let retention = Retention {
            snapshots: Kept { count: 2, days: 30 },
            snapshot_tags: [tag("env=prod", 1, 0), tag("commit", 9, 30)].into(),
            ..Retention::default()
        };
        let age = |record: &SnapshotRecord| NOW.since(record.at).as_secs() / DAY.as_secs();
        let gone: Vec<_> = over(all.clone(), &retention, NOW).iter().map(age).collect();
        // The third without a tag, the commit's by its age, the second of production.
        assert_eq!(gone, [3, 40, 90]);
        let retention = Retention { snapshots: Kept { count: 0, days: 0 }, ..Retention::default() };
        assert_eq!(over(all, &retention, NOW).len(), 6);
    }
}
