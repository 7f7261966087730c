//! What a coordinator plays about workloads.

use std::sync::{Arc, Mutex};

use futures_util::stream::{self, StreamExt};
use tamer_model::{Code, Problem};
use tamer_proto::{status_of, wire};
use tonic::{Request, Response, Status};
use wire::workloads_server::Workloads;

use crate::play::{Out, Plays};

type Answer<T> = Result<Response<T>, Status>;

/// The answers.
pub struct Fleet {
    pub asked: Arc<FleetAsked>,
    pub plan: wire::WorkloadPlan,
    /// Every apply is refused with it.
    pub refuses: Option<Problem>,
    /// Listed and shown.
    pub view: wire::WorkloadView,
    pub watch: Plays<wire::GetWorkloadRequest, wire::WorkloadView>,
    pub versions: Vec<wire::WorkloadVersionView>,
    pub why: wire::WhyResponse,
    /// Told one after the other; the first answers the drain itself.
    pub drain: Vec<wire::DrainView>,
}

/// What was asked.
#[derive(Debug, Default)]
pub struct FleetAsked {
    pub plans: Mutex<Vec<wire::PlanWorkloadsRequest>>,
    pub applies: Mutex<Vec<wire::ApplyWorkloadsRequest>>,
    pub lists: Mutex<Vec<wire::ListWorkloadsRequest>>,
    pub changes: Mutex<Vec<wire::ChangeWorkloadRequest>>,
    pub placements: Mutex<Vec<wire::ListPlacementsRequest>>,
    pub drains: Mutex<Vec<wire::DrainHostRequest>>,
    pub rebalances: Mutex<Vec<wire::PlanRebalanceRequest>>,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            asked: Arc::default(),
            plan: wire::WorkloadPlan::default(),
            refuses: None,
            view: view("running", 3),
            watch: Box::new(|_| {
                stream::iter([Ok(view("running", 3))]).chain(stream::pending()).boxed()
            }),
            versions: Vec::new(),
            why: wire::WhyResponse::default(),
            drain: Vec::new(),
        }
    }
}

/// `web` in version 4, of whose three copies so many are well.
pub fn view(state: &str, well: u32) -> wire::WorkloadView {
    wire::WorkloadView {
        row: Some(wire::WorkloadRow {
            name: "web".to_owned(),
            owner: "admin".to_owned(),
            provider: "docker".to_owned(),
            version: 4,
            copies: Some(wire::CopyCounts {
                wanted: 3,
                running: well,
                well,
                ..wire::CopyCounts::default()
            }),
            state: state.to_owned(),
            reason: String::new(),
            changed_at: 1000,
        }),
        template: 4,
        created_at: 1000,
        ..wire::WorkloadView::default()
    }
}

/// A copy of `web` on `host` that runs.
pub fn placement(index: u32, host: &str) -> wire::PlacementView {
    wire::PlacementView {
        id: format!("p-{index:016}"),
        workload: "web".to_owned(),
        index,
        template: 4,
        host: format!("h-{host}"),
        host_name: host.to_owned(),
        host_state: "ready".to_owned(),
        made_at: 1000,
        cause: "a copy was missing".to_owned(),
        status: Some(wire::PlacementStatus {
            phase: "running".to_owned(),
            since: 1000,
            ..wire::PlacementStatus::default()
        }),
        ..wire::PlacementView::default()
    }
}

/// A change of `web` as a plan tells it.
pub fn change(what: &str, version: u32) -> wire::WorkloadChange {
    wire::WorkloadChange {
        name: "web".to_owned(),
        what: what.to_owned(),
        lost: "a copy on a lost host is replaced after 5m".to_owned(),
        version,
        ..wire::WorkloadChange::default()
    }
}

fn keep<T>(list: &Mutex<Vec<T>>, one: T) {
    list.lock().expect("a lock").push(one);
}

#[tonic::async_trait]
impl Workloads for Fleet {
    type WatchWorkloadStream = Out<wire::WorkloadView>;
    type WatchDrainStream = Out<wire::DrainView>;

    async fn plan_workloads(
        &self,
        request: Request<wire::PlanWorkloadsRequest>,
    ) -> Answer<wire::WorkloadPlan> {
        keep(&self.asked.plans, request.into_inner());
        Ok(Response::new(self.plan.clone()))
    }

    async fn apply_workloads(
        &self,
        request: Request<wire::ApplyWorkloadsRequest>,
    ) -> Answer<wire::ApplyWorkloadsResponse> {
        keep(&self.asked.applies, request.into_inner());
        if let Some(problem) = &self.refuses {
            return Err(status_of(problem.clone()));
        }
        let applied = |change: &wire::WorkloadChange| wire::AppliedWorkload {
            name: change.name.clone(),
            what: change.what.clone(),
            version: change.version + u32::from(change.what != "unchanged"),
        };
        let workloads = self.plan.workloads.iter().map(applied).collect();
        Ok(Response::new(wire::ApplyWorkloadsResponse { workloads }))
    }

    async fn list_workloads(
        &self,
        request: Request<wire::ListWorkloadsRequest>,
    ) -> Answer<wire::ListWorkloadsResponse> {
        keep(&self.asked.lists, request.into_inner());
        let workloads = self.view.row.iter().cloned().collect();
        Ok(Response::new(wire::ListWorkloadsResponse { workloads }))
    }

    async fn get_workload(
        &self,
        request: Request<wire::GetWorkloadRequest>,
    ) -> Answer<wire::WorkloadView> {
        match request.into_inner().name.as_str() {
            "web" => Ok(Response::new(self.view.clone())),
            name => Err(status_of(Problem::new(Code::NotFound, format!("no workload {name:?}")))),
        }
    }

    async fn list_workload_versions(
        &self,
        _: Request<wire::ListWorkloadVersionsRequest>,
    ) -> Answer<wire::ListWorkloadVersionsResponse> {
        let versions = self.versions.clone();
        Ok(Response::new(wire::ListWorkloadVersionsResponse { versions }))
    }

    async fn change_workload(
        &self,
        request: Request<wire::ChangeWorkloadRequest>,
    ) -> Answer<wire::WorkloadView> {
        keep(&self.asked.changes, request.into_inner());
        Ok(Response::new(self.view.clone()))
    }

    async fn why(&self, _: Request<wire::WhyRequest>) -> Answer<wire::WhyResponse> {
        Ok(Response::new(self.why.clone()))
    }

    async fn watch_workload(
        &self,
        request: Request<wire::GetWorkloadRequest>,
    ) -> Answer<Self::WatchWorkloadStream> {
        Ok(Response::new((self.watch)(request.into_inner())))
    }

    async fn list_placements(
        &self,
        request: Request<wire::ListPlacementsRequest>,
    ) -> Answer<wire::ListPlacementsResponse> {
        let request = request.into_inner();
        let from: usize = request.page_token.parse().unwrap_or(0);
        keep(&self.asked.placements, request);
        let placements: Vec<_> = self.view.placements.iter().skip(from).take(2).cloned().collect();
        let next = from + placements.len();
        let more = next < self.view.placements.len();
        let next_page_token = if more { next.to_string() } else { String::new() };
        Ok(Response::new(wire::ListPlacementsResponse { placements, next_page_token }))
    }

    async fn plan_rebalance(
        &self,
        request: Request<wire::PlanRebalanceRequest>,
    ) -> Answer<wire::WorkloadPlan> {
        keep(&self.asked.rebalances, request.into_inner());
        Ok(Response::new(self.plan.clone()))
    }

    async fn drain_host(
        &self,
        request: Request<wire::DrainHostRequest>,
    ) -> Answer<wire::DrainView> {
        keep(&self.asked.drains, request.into_inner());
        self.drain
            .first()
            .cloned()
            .map(Response::new)
            .ok_or_else(|| status_of(Problem::new(Code::NotFound, "there is no such host")))
    }

    async fn watch_drain(
        &self,
        _: Request<wire::WatchDrainRequest>,
    ) -> Answer<Self::WatchDrainStream> {
        let told = self.drain.clone().into_iter().map(Ok);
        Ok(Response::new(stream::iter(told).chain(stream::pending()).boxed()))
    }
}
