//! The coordinator's `Drift` service: snapshots.

use std::collections::BTreeMap;

use tamer_model::Problem;
use tamer_proto::{Required, wire};

use super::{Api, answer};
use crate::contract::{HostPicture, Snapshot, SnapshotDetail, SnapshotHost};

/// A snapshot to take. The same one is the same request, however often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Take {
    /// Empty: none.
    pub name: String,
    /// What people keep it under: a commit, an environment.
    pub tags: BTreeMap<String, String>,
    /// Over hosts; empty: all.
    pub selector: String,
    /// What the hosts held then, in milliseconds since the Unix epoch; none: now.
    pub at: Option<u64>,
    /// Drawn once for all tries.
    pub request_id: String,
}

impl Api {
    /// Keeps what is known of the hosts.
    pub async fn take_snapshot(&mut self, take: &Take) -> Result<Snapshot, Problem> {
        let Take { name, tags, selector, at, request_id } = take.clone();
        let request = wire::TakeSnapshotRequest {
            name,
            tags: tags.into_iter().collect(),
            selector,
            request_id,
            at: at.unwrap_or(0),
        };
        answer(self.drift.take_snapshot(request).await).map(Into::into)
    }

    /// The snapshots with a name like this one and all of these tags, newest first.
    pub async fn snapshots(
        &mut self,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<Vec<Snapshot>, Problem> {
        let mut snapshots = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = wire::ListSnapshotsRequest {
                name: name.to_owned(),
                tags: tags.clone().into_iter().collect(),
                page_size: 0,
                page_token,
            };
            let page = answer(self.drift.list_snapshots(request).await)?;
            snapshots.extend(page.snapshots.into_iter().map(Snapshot::from));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(snapshots);
            }
        }
    }

    /// A snapshot by its id or name, and its hosts.
    pub async fn snapshot(&mut self, snapshot: &str) -> Result<SnapshotDetail, Problem> {
        let first = self.snapshot_page(snapshot, "", String::new()).await?;
        let mut page_token = first.next_page_token.clone();
        let mut detail = SnapshotDetail::try_from(first)?;
        while !page_token.is_empty() {
            // By its id: a name may mean a newer one by now.
            let id = detail.snapshot.snapshot.clone();
            let page = self.snapshot_page(&id, "", page_token).await?;
            detail.members.extend(page.hosts.into_iter().map(SnapshotHost::from));
            page_token = page.next_page_token;
        }
        Ok(detail)
    }

    /// What a snapshot holds of a host, by the host's name or id.
    pub async fn host_picture(
        &mut self,
        snapshot: &str,
        host: &str,
    ) -> Result<HostPicture, Problem> {
        let first = self.snapshot_page(snapshot, host, String::new()).await?;
        let id = first.snapshot.required("snapshot")?.id;
        let mut picture =
            HostPicture { snapshot: id, host: host.to_owned(), resources: Vec::new() };
        picture.add(&first.resources)?;
        let mut page_token = first.next_page_token;
        while !page_token.is_empty() {
            let id = picture.snapshot.clone();
            let page = self.snapshot_page(&id, host, page_token).await?;
            picture.add(&page.resources)?;
            page_token = page.next_page_token;
        }
        Ok(picture)
    }

    async fn snapshot_page(
        &mut self,
        snapshot: &str,
        host: &str,
        page_token: String,
    ) -> Result<wire::ShowSnapshotResponse, Problem> {
        let (snapshot, host) = (snapshot.to_owned(), host.to_owned());
        let request = wire::ShowSnapshotRequest { snapshot, host, page_size: 0, page_token };
        answer(self.drift.show_snapshot(request).await)
    }
}
