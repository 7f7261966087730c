//! Workloads: planned, applied, looked at, changed; and drains of hosts, which move their copies.

mod apply;
mod change;
mod check;
mod diff;
mod document;
mod drain;
mod notes;
mod placements;
mod plan;
mod rehearse;
mod state;
mod versions;
mod view;
mod watch;
mod why;
mod words;

use tamer_model::{HostId, Problem, WorkloadName};
use tamer_proto::wire::workloads_server::Workloads;
use tamer_proto::{status_of, wire};
use tonic::{Request, Response, Status};

use super::{Events, People};
use crate::fleet::View;

#[tonic::async_trait]
impl Workloads for People {
    type WatchWorkloadStream = Events<wire::WorkloadView>;
    type WatchDrainStream = Events<wire::DrainView>;

    async fn plan_workloads(
        &self,
        request: Request<wire::PlanWorkloadsRequest>,
    ) -> Result<Response<wire::WorkloadPlan>, Status> {
        let asker = Self::asker(&request)?;
        let plan = self.plan_workloads(&asker, request.into_inner()).await;
        plan.map(Response::new).map_err(status_of)
    }

    async fn apply_workloads(
        &self,
        request: Request<wire::ApplyWorkloadsRequest>,
    ) -> Result<Response<wire::ApplyWorkloadsResponse>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = format!("{} workloads", request.documents.len());
        self.apply_workloads(&asker, request).await.map(Response::new).map_err(|problem| {
            // What is wrong with a value may quote it, and a document may hold secrets.
            let place = problem.field.as_deref().filter(|field| field.starts_with("workloads"));
            let detail = place.unwrap_or(&problem.message);
            self.refusals.tell(&asker.caller, "workload.apply", on, problem.code, detail);
            status_of(problem)
        })
    }

    async fn list_workloads(
        &self,
        request: Request<wire::ListWorkloadsRequest>,
    ) -> Result<Response<wire::ListWorkloadsResponse>, Status> {
        self.list_workloads(&request.into_inner()).map(Response::new).map_err(status_of)
    }

    async fn get_workload(
        &self,
        request: Request<wire::GetWorkloadRequest>,
    ) -> Result<Response<wire::WorkloadView>, Status> {
        self.view_workload(&request.into_inner().name).map(Response::new).map_err(status_of)
    }

    async fn list_workload_versions(
        &self,
        request: Request<wire::ListWorkloadVersionsRequest>,
    ) -> Result<Response<wire::ListWorkloadVersionsResponse>, Status> {
        let name = request.into_inner().name;
        self.workload_versions(&name).await.map(Response::new).map_err(status_of)
    }

    async fn change_workload(
        &self,
        request: Request<wire::ChangeWorkloadRequest>,
    ) -> Result<Response<wire::WorkloadView>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let (on, what) = (request.name.clone(), change::what(&request));
        self.answer(&asker, what, &on, self.change_workload(&asker, request).await)
    }

    async fn why(
        &self,
        request: Request<wire::WhyRequest>,
    ) -> Result<Response<wire::WhyResponse>, Status> {
        self.why(&request.into_inner()).map(Response::new).map_err(status_of)
    }

    async fn watch_workload(
        &self,
        request: Request<wire::GetWorkloadRequest>,
    ) -> Result<Response<Self::WatchWorkloadStream>, Status> {
        let stream = self.watch_workload(request.into_inner()).map_err(status_of)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn list_placements(
        &self,
        request: Request<wire::ListPlacementsRequest>,
    ) -> Result<Response<wire::ListPlacementsResponse>, Status> {
        self.list_placements(request.into_inner()).map(Response::new).map_err(status_of)
    }

    async fn plan_rebalance(
        &self,
        request: Request<wire::PlanRebalanceRequest>,
    ) -> Result<Response<wire::WorkloadPlan>, Status> {
        self.plan_rebalance(&request.into_inner()).map(Response::new).map_err(status_of)
    }

    async fn drain_host(
        &self,
        request: Request<wire::DrainHostRequest>,
    ) -> Result<Response<wire::DrainView>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.host.clone();
        let what = if request.cancel { "host.drain.cancel" } else { "host.drain" };
        self.answer(&asker, what, &on, self.drain_host(&asker, request).await)
    }

    async fn watch_drain(
        &self,
        request: Request<wire::WatchDrainRequest>,
    ) -> Result<Response<Self::WatchDrainStream>, Status> {
        let stream = self.watch_drain(request.into_inner()).map_err(status_of)?;
        Ok(Response::new(Box::pin(stream)))
    }
}

fn name(text: &str) -> Result<WorkloadName, Problem> {
    text.parse().map_err(|error: tamer_model::InvalidName| {
        Problem::field("name", error.to_string()).remedy("write a workload's name, as in web-front")
    })
}

/// The name of a host; of one that was removed its id.
fn host_name(view: &View, host: HostId) -> String {
    view.host(host).map_or_else(|| host.to_string(), |member| member.host.name.to_string())
}
