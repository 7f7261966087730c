//! The coordinator's `Workloads` service.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tamer_model::Problem;
use tamer_proto::wire;
use tonic::Streaming;

use super::{Api, answer};
use crate::contract::{
    Account, Applied, DrainProgress, Placement, Workload, WorkloadDetail, WorkloadPlan,
    WorkloadVersion,
};
use crate::errors::of_status;

/// What a watch tells. Dropping a `next` loses nothing.
pub type Views<T> = BoxStream<'static, Result<T, Problem>>;

/// The version that a workload must have for an apply to hold; 0 when it must not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Which workload.
    pub workload: String,
    /// Its version.
    pub version: u32,
}

/// A change of a workload without a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// So many copies.
    Scale(u32),
    /// All copies are made anew.
    Restart,
    /// None of it runs until it is started.
    Stop,
    /// It runs again.
    Start,
    /// Back to this version; none: the one before.
    Revert(Option<u32>),
    /// It goes, with its copies.
    Remove,
    /// It is balanced now, within its budget.
    Rebalance,
}

/// A drain to begin, or to end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drain {
    /// The host's name or id.
    pub host: String,
    /// After so many milliseconds what is left is stopped; none: as long as it takes.
    pub deadline_ms: Option<u64>,
    /// Copies of workloads that run on every host stay.
    pub keep_every_host: bool,
    /// Ends the drain.
    pub cancel: bool,
    /// Why, for people.
    pub reason: String,
}

impl Api {
    /// What applying these documents would do.
    pub async fn plan_workloads(&mut self, documents: &[String]) -> Result<WorkloadPlan, Problem> {
        let request = wire::PlanWorkloadsRequest { documents: documents.to_vec() };
        answer(self.workloads.plan_workloads(request).await).map(Into::into)
    }

    /// Applies these documents, all or none. The same request is the same apply, however often it
    /// is asked for.
    pub async fn apply_workloads(
        &mut self,
        documents: &[String],
        expected: &[Expected],
        take_over: bool,
        request_id: &str,
    ) -> Result<Vec<Applied>, Problem> {
        let expected = expected.iter().cloned();
        let expected = expected
            .map(|Expected { workload, version }| wire::ExpectedVersion { workload, version });
        let request = wire::ApplyWorkloadsRequest {
            documents: documents.to_vec(),
            take_over,
            expected: expected.collect(),
            request_id: request_id.to_owned(),
        };
        let applied = answer(self.workloads.apply_workloads(request).await)?;
        Ok(applied.workloads.into_iter().map(Into::into).collect())
    }

    /// The workloads that `selector` means, by name.
    pub async fn workloads(&mut self, selector: &str) -> Result<Vec<Workload>, Problem> {
        let request = wire::ListWorkloadsRequest { selector: selector.to_owned() };
        let listed = answer(self.workloads.list_workloads(request).await)?;
        listed.workloads.into_iter().map(TryInto::try_into).collect()
    }

    /// Everything about a workload.
    pub async fn workload(&mut self, name: &str) -> Result<WorkloadDetail, Problem> {
        let request = wire::GetWorkloadRequest { name: name.to_owned() };
        answer(self.workloads.get_workload(request).await)?.try_into()
    }

    /// The same at each change.
    pub async fn watch_workload(&mut self, name: &str) -> Result<Views<WorkloadDetail>, Problem> {
        let request = wire::GetWorkloadRequest { name: name.to_owned() };
        let stream = answer(self.workloads.watch_workload(request).await)?;
        Ok(views(stream, WorkloadDetail::try_from))
    }

    /// The versions of a workload, the newest first.
    pub async fn workload_versions(&mut self, name: &str) -> Result<Vec<WorkloadVersion>, Problem> {
        let request = wire::ListWorkloadVersionsRequest { name: name.to_owned() };
        let listed = answer(self.workloads.list_workload_versions(request).await)?;
        Ok(listed.versions.into_iter().map(Into::into).collect())
    }

    /// Changes a workload; returns it as it is then.
    pub async fn change_workload(
        &mut self,
        name: &str,
        change: Change,
        take_over: bool,
    ) -> Result<WorkloadDetail, Problem> {
        let change = Some(change.into());
        let request = wire::ChangeWorkloadRequest { name: name.to_owned(), change, take_over };
        answer(self.workloads.change_workload(request).await)?.try_into()
    }

    /// Why a placement is where it is, or why a workload's copies have no host.
    pub async fn why(&mut self, subject: &str) -> Result<Account, Problem> {
        let request = wire::WhyRequest { subject: subject.to_owned() };
        answer(self.workloads.why(request).await).map(Into::into)
    }

    /// The placements of a workload, or of a host, or of both; all when both are empty.
    pub async fn placements(
        &mut self,
        workload: &str,
        host: &str,
    ) -> Result<Vec<Placement>, Problem> {
        let mut placements = Vec::new();
        let mut page_token = String::new();
        loop {
            let (workload, host) = (workload.to_owned(), host.to_owned());
            let request = wire::ListPlacementsRequest { workload, host, page_size: 0, page_token };
            let page = answer(self.workloads.list_placements(request).await)?;
            placements.extend(page.placements.into_iter().map(Placement::from));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(placements);
            }
        }
    }

    /// What balancing a workload, or all that allow it, would move now.
    pub async fn plan_rebalance(&mut self, workload: &str) -> Result<WorkloadPlan, Problem> {
        let request = wire::PlanRebalanceRequest { workload: workload.to_owned() };
        answer(self.workloads.plan_rebalance(request).await).map(Into::into)
    }

    /// Begins a drain, or ends it.
    pub async fn drain_host(&mut self, drain: &Drain) -> Result<DrainProgress, Problem> {
        let Drain { host, deadline_ms, keep_every_host, cancel, reason } = drain.clone();
        let request = wire::DrainHostRequest { host, deadline_ms, keep_every_host, cancel, reason };
        answer(self.workloads.drain_host(request).await).map(Into::into)
    }

    /// How far a drain is, at each change.
    pub async fn watch_drain(&mut self, host: &str) -> Result<Views<DrainProgress>, Problem> {
        let request = wire::WatchDrainRequest { host: host.to_owned() };
        let stream = answer(self.workloads.watch_drain(request).await)?;
        Ok(views(stream, |view| Ok(view.into())))
    }
}

pub(super) fn views<W: Send + 'static, T: Send + 'static>(
    stream: Streaming<W>,
    view: fn(W) -> Result<T, Problem>,
) -> Views<T> {
    stream.map(move |told| told.map_err(of_status).and_then(view)).boxed()
}

impl From<Change> for wire::change_workload_request::Change {
    fn from(change: Change) -> Self {
        let empty = wire::Empty {};
        match change {
            Change::Scale(count) => Self::Scale(count),
            Change::Restart => Self::Restart(empty),
            Change::Stop => Self::Stop(empty),
            Change::Start => Self::Start(empty),
            Change::Revert(version) => Self::Revert(version.unwrap_or(0)),
            Change::Remove => Self::Remove(empty),
            Change::Rebalance => Self::Rebalance(empty),
        }
    }
}
