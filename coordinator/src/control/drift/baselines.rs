//! Baselines: set, listed, shown, cleared.

use tamer_model::{BaselineName, Problem, SnapshotId};
use tamer_proto::wire;
use tamer_store::Commit;

use super::snapshots::audited as audited_snapshot;
use super::{selector, view};
use crate::audit;
use crate::control::{Asker, People};
use crate::drift::{BaselineRecord, Setting, Wanted, name_of};

impl People {
    pub(super) async fn set_baseline(
        &self,
        asker: &Asker,
        request: wire::SetBaselineRequest,
    ) -> Result<wire::BaselineView, Problem> {
        let wire::SetBaselineRequest { name, snapshot, selector: text, note, expected } = request;
        let name = name_of(&name).map_err(|problem| problem.on("name"))?;
        let selector = selector(&text)?;
        let snapshot = if snapshot.is_empty() {
            let tags = [("baseline".to_owned(), name.to_string())].into();
            let wanted = Wanted { tags, selector: selector.clone(), ..Wanted::default() };
            self.drift.take(wanted, &asker.name, &audited_snapshot(asker, "snapshot.take")).await?
        } else {
            self.drift.find_snapshot(&snapshot).await?
        };
        let expected = (expected > 0).then_some(expected);
        let setting = Setting { name, selector, note, expected, accepted: None };
        let audited = audited(asker, "baseline.set");
        let record = self.drift.set_baseline(setting, &snapshot, &asker.name, &audited).await?;
        Ok(view::baseline(&record, snapshot.hosts, false))
    }

    pub(super) async fn list_baselines(&self) -> Result<wire::ListBaselinesResponse, Problem> {
        let mut baselines = Vec::new();
        for baseline in self.drift.baselines().await? {
            let hosts = self.hosts_in(baseline.record.snapshot).await?;
            baselines.push(view::baseline(&baseline.record, hosts, false));
        }
        Ok(wire::ListBaselinesResponse { baselines })
    }

    pub(super) async fn show_baseline(
        &self,
        name: &str,
    ) -> Result<wire::ShowBaselineResponse, Problem> {
        let name = name_of(name)?;
        let in_force = self.in_force(&name).await?;
        let mut versions = Vec::new();
        for record in self.drift.versions(&name).await? {
            let hosts = self.hosts_in(record.snapshot).await?;
            versions.push(view::baseline(&record, hosts, in_force.is_none()));
        }
        if versions.is_empty() {
            // The problem of one that is not there.
            self.drift.baseline(&name).await?;
        }
        Ok(wire::ShowBaselineResponse { versions })
    }

    /// The version that counts; none when it was cleared.
    async fn in_force(&self, name: &BaselineName) -> Result<Option<u32>, Problem> {
        match self.drift.baseline(name).await {
            Ok(baseline) => Ok(Some(baseline.record.version)),
            Err(problem) if problem.code == tamer_model::Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    pub(super) async fn clear_baseline(
        &self,
        asker: &Asker,
        name: &str,
    ) -> Result<wire::ClearBaselineResponse, Problem> {
        let name = name_of(name)?;
        let audited = audited(asker, "baseline.clear");
        let record = self.drift.clear_baseline(&name, &audited).await?;
        Ok(wire::ClearBaselineResponse { version: record.version })
    }

    /// How many hosts a snapshot has; none when it was removed after its baseline was cleared.
    async fn hosts_in(&self, id: SnapshotId) -> Result<u32, Problem> {
        Ok(self.drift.snapshot_entry(id).await?.map_or(0, |(record, _)| record.hosts))
    }
}

/// Adds who did it to the commit that does it.
pub fn audited<'a>(
    asker: &'a Asker,
    what: &'a str,
) -> impl Fn(Commit, &BaselineRecord) -> Commit + Send + Sync + 'a {
    move |commit, record| {
        let accepted = match record.accepted.len() {
            0 => String::new(),
            some => format!(" accepted={some}"),
        };
        let detail = format!("version={} snapshot={}{accepted}", record.version, record.snapshot);
        audit::done(commit, &asker.caller, what, &record.name, detail)
    }
}
