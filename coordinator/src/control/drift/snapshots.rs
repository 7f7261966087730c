//! Snapshots: taken, listed, shown, compared, removed.

use futures_util::Stream;
use tamer_model::{HostId, Problem, Timestamp};
use tamer_proto::{status_of, wire};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{next_page, offset, page_size, selector, view};
use crate::audit;
use crate::control::{Asker, People};
use crate::drift::{Named, SnapshotRecord, Wanted};

/// Changes to a message, and their bytes: a message is shorter than 4 MiB.
const CHANGES: usize = 200;
const CHANGE_BYTES: usize = 1 << 20;
/// Messages that wait for whoever takes them.
const AHEAD: usize = 2;
const USUAL_LIMIT: u32 = 10_000;
const MOST_CHANGES: u32 = 100_000;
/// Bytes of resources on a page.
const PAGE_BYTES: usize = 2 << 20;

impl People {
    pub(super) async fn take_snapshot(
        &self,
        asker: &Asker,
        request: wire::TakeSnapshotRequest,
    ) -> Result<wire::SnapshotView, Problem> {
        let wire::TakeSnapshotRequest { name, tags, selector: text, request_id, at } = request;
        let wanted = Wanted {
            name: snapshot_name(&name)?,
            tags: tags.into_iter().collect(),
            selector: selector(&text)?,
            request: (!request_id.is_empty()).then_some(request_id),
            at: (at > 0).then_some(Timestamp::from_millis(at)),
        };
        let record = self.drift.take(wanted, &asker.name, &audited(asker, "snapshot.take")).await?;
        Ok(view::snapshot(&record, Vec::new()))
    }

    pub(super) async fn list_snapshots(
        &self,
        request: wire::ListSnapshotsRequest,
    ) -> Result<wire::ListSnapshotsResponse, Problem> {
        let wire::ListSnapshotsRequest { name, tags, page_size: asked, page_token } = request;
        let fits = |record: &SnapshotRecord| {
            let named = record.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
            (name.is_empty() || fits(&name, named))
                && tags.iter().all(|(key, value)| record.tags.get(key) == Some(value))
        };
        let mut needed = self.drift.needed_snapshots().await?;
        let all: Vec<_> = self.drift.snapshots().await?.into_iter().filter(fits).collect();
        let (from, size) = (offset(&page_token)?, page_size(asked, 200, 1000));
        let page = all.iter().skip(from).take(size);
        let snapshots = page
            .map(|record| view::snapshot(record, needed.remove(&record.id).unwrap_or_default()))
            .collect();
        let next_page_token = next_page(from + size, all.len());
        Ok(wire::ListSnapshotsResponse { snapshots, next_page_token })
    }

    pub(super) async fn show_snapshot(
        &self,
        request: wire::ShowSnapshotRequest,
    ) -> Result<wire::ShowSnapshotResponse, Problem> {
        let wire::ShowSnapshotRequest { snapshot, host, page_size: asked, page_token } = request;
        let record = self.drift.find_snapshot(&snapshot).await?;
        let needed = self.drift.needed_snapshots().await?.remove(&record.id).unwrap_or_default();
        let names = self.drift.names_of(record.id).await?;
        let states = self.drift.hosts_of(record.root).await?;
        let shown = wire::ShowSnapshotResponse {
            snapshot: Some(view::snapshot(&record, needed)),
            ..Default::default()
        };
        let size = page_size(asked, 500, 2000);
        if !host.is_empty() {
            let id = host_in(&names, &host)?;
            let state = states.get(&id).ok_or_else(|| not_in(&host))?;
            let page = self.drift.resources(state.root, page_token, (size, PAGE_BYTES)).await?;
            let (resources, next_page_token) = page;
            return Ok(wire::ShowSnapshotResponse { resources, next_page_token, ..shown });
        }
        let from = offset(&page_token)?;
        let hosts = names.iter().skip(from).take(size).filter_map(|named| {
            let state = states.get(&named.id)?;
            Some(wire::SnapshotHost {
                id: named.id.to_string(),
                name: named.name.to_string(),
                root: state.root.as_bytes().to_vec(),
                at: state.at.as_millis(),
                resources: named.resources,
                incomplete: named.incomplete.clone(),
            })
        });
        let missing = if from == 0 { record.missing.as_slice() } else { &[] };
        Ok(wire::ShowSnapshotResponse {
            hosts: hosts.collect(),
            missing: missing.iter().map(ToString::to_string).collect(),
            next_page_token: next_page(from + size, names.len()),
            ..shown
        })
    }

    pub(super) async fn diff_snapshots(
        &self,
        request: wire::DiffSnapshotsRequest,
    ) -> Result<impl Stream<Item = Result<wire::HostChanges, Status>> + Send + 'static, Problem>
    {
        let wire::DiffSnapshotsRequest { before, after, host, limit } = request;
        let before = self.drift.find_snapshot(&before).await.map_err(|p| p.on("before"))?;
        let mut names = self.drift.names_of(before.id).await?;
        let earlier = self.drift.hosts_of(before.root).await?;
        let later = if after.is_empty() {
            let known = self.drift.known(&before.selector);
            names.extend(known.names);
            known.hosts
        } else {
            let after = self.drift.find_snapshot(&after).await.map_err(|p| p.on("after"))?;
            names.extend(self.drift.names_of(after.id).await?);
            self.drift.hosts_of(after.root).await?
        };
        let only = if host.is_empty() { None } else { Some(host_in(&names, &host)?) };
        let mut hosts: Vec<HostId> = earlier.keys().chain(later.keys()).copied().collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.retain(|host| only.is_none_or(|only| only == *host));
        let mut left = page_size(limit, USUAL_LIMIT, MOST_CHANGES);
        let (out, stream) = mpsc::channel(AHEAD);
        let (drift, stop) = (self.drift.clone(), self.stop.clone());
        let work = async move {
            for host in hosts {
                let named = names.iter().find(|named| named.id == host);
                let name = named.map(|named| named.name.to_string()).unwrap_or_default();
                let (a, b) = (earlier.get(&host), later.get(&host));
                let (a, b) = (a.map(|state| state.root), b.map(|state| state.root));
                let what = match (a, b) {
                    (Some(a), Some(b)) if a == b => continue,
                    (Some(_), Some(_)) => "changed",
                    (None, _) => "created",
                    (_, None) => "deleted",
                };
                // Of a host that came or went as a whole the resources are not told one by one.
                let told = if a.is_some() && b.is_some() {
                    drift.between(a, b, left).await
                } else {
                    Ok((Vec::new(), 0))
                };
                let (changes, left_out) = match told {
                    Ok(told) => told,
                    Err(problem) => {
                        let _ = out.send(Err(status_of(problem))).await;
                        return;
                    }
                };
                left = left.saturating_sub(changes.len());
                for message in messages((host, name, what), changes, left_out) {
                    if out.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
        Ok(ReceiverStream::new(stream))
    }

    pub(super) async fn remove_snapshot(
        &self,
        asker: &Asker,
        text: &str,
    ) -> Result<wire::RemoveSnapshotResponse, Problem> {
        let record = self.drift.remove_snapshot(text, &audited(asker, "snapshot.rm")).await?;
        Ok(wire::RemoveSnapshotResponse { id: record.id.to_string() })
    }
}

/// The name that a person gave a snapshot.
pub fn snapshot_name(text: &str) -> Result<Option<tamer_model::SnapshotName>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let invalid = |error: tamer_model::InvalidName| Problem::field("name", error.to_string());
    text.parse().map(Some).map_err(invalid)
}

/// Adds who did it to the commit that does it.
pub fn audited<'a>(
    asker: &'a Asker,
    what: &'a str,
) -> impl Fn(tamer_store::Commit, &SnapshotRecord) -> tamer_store::Commit + Send + Sync + 'a {
    move |commit, record| {
        let name = record.name.as_ref().map(|name| format!("name={name} ")).unwrap_or_default();
        let detail = format!("{name}hosts={} resources={}", record.hosts, record.resources);
        audit::done(commit, &asker.caller, what, record.id, detail)
    }
}

/// The host that a person means, of those of a snapshot.
fn host_in(names: &[Named], text: &str) -> Result<HostId, Problem> {
    let is = |named: &&Named| named.name.as_str() == text || named.id.to_string() == text;
    names.iter().find(is).map(|named| named.id).ok_or_else(|| not_in(text))
}

fn not_in(host: &str) -> Problem {
    let host: String = host.chars().take(64).collect();
    Problem::new(tamer_model::Code::NotFound, format!("the snapshot has no host {host:?}"))
        .on("host")
        .remedy("`tamerctl snapshot show` lists its hosts")
}

/// The messages that tell one host's changes: each has so many, and so many bytes.
fn messages(
    (host, name, what): (HostId, String, &str),
    changes: Vec<String>,
    left_out: u64,
) -> Vec<wire::HostChanges> {
    let empty = wire::HostChanges {
        host: host.to_string(),
        name,
        what: what.to_owned(),
        changes: Vec::new(),
        left_out: 0,
    };
    let mut all = vec![empty.clone()];
    let mut bytes = 0;
    for change in changes {
        let full = all.last().is_some_and(|last| last.changes.len() >= CHANGES);
        if full || bytes > CHANGE_BYTES {
            all.push(empty.clone());
            bytes = 0;
        }
        bytes += change.len();
        if let Some(last) = all.last_mut() {
            last.changes.push(change);
        }
    }
    if let Some(last) = all.last_mut() {
        last.left_out = left_out;
    }
    all
}

/// Whether a name fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    pattern.parse::<tamer_drift::finding::Glob>().is_ok_and(|glob| glob.matches(name))
}
