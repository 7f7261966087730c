//! What people ask about what hosts hold: snapshots, baselines, drift, history, rules.

mod accept;
mod baselines;
mod exchange;
mod history;
mod report;
mod rules;
mod snapshots;
mod verify;
mod view;
mod watch;

use tamer_model::{Problem, Selector};
use tamer_proto::wire::drift_server::Drift;
use tamer_proto::{status_of, wire};
use tonic::{Request, Response, Status, Streaming};

use super::{Events, People};

#[tonic::async_trait]
impl Drift for People {
    type DiffSnapshotsStream = Events<wire::HostChanges>;
    type ExportSnapshotStream = Events<wire::SnapshotPiece>;
    type WatchDriftStream = Events<wire::DriftAlarm>;

    async fn take_snapshot(
        &self,
        request: Request<wire::TakeSnapshotRequest>,
    ) -> Result<Response<wire::SnapshotView>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.name.clone();
        self.answer(&asker, "snapshot.take", &on, self.take_snapshot(&asker, request).await)
    }

    async fn list_snapshots(
        &self,
        request: Request<wire::ListSnapshotsRequest>,
    ) -> Result<Response<wire::ListSnapshotsResponse>, Status> {
        self.list_snapshots(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn show_snapshot(
        &self,
        request: Request<wire::ShowSnapshotRequest>,
    ) -> Result<Response<wire::ShowSnapshotResponse>, Status> {
        self.show_snapshot(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn diff_snapshots(
        &self,
        request: Request<wire::DiffSnapshotsRequest>,
    ) -> Result<Response<Self::DiffSnapshotsStream>, Status> {
        let stream = self.diff_snapshots(request.into_inner()).await.map_err(status_of)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn export_snapshot(
        &self,
        request: Request<wire::ExportSnapshotRequest>,
    ) -> Result<Response<Self::ExportSnapshotStream>, Status> {
        let stream = self.export_snapshot(request.into_inner()).await.map_err(status_of)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn import_snapshot(
        &self,
        request: Request<Streaming<wire::ImportSnapshotRequest>>,
    ) -> Result<Response<wire::SnapshotView>, Status> {
        let asker = Self::asker(&request)?;
        let done = self.import_snapshot(&asker, request.into_inner()).await;
        self.answer(&asker, "snapshot.import", "", done)
    }

    async fn remove_snapshot(
        &self,
        request: Request<wire::RemoveSnapshotRequest>,
    ) -> Result<Response<wire::RemoveSnapshotResponse>, Status> {
        let asker = Self::asker(&request)?;
        let on = request.into_inner().snapshot;
        self.answer(&asker, "snapshot.rm", &on, self.remove_snapshot(&asker, &on).await)
    }

    async fn verify_snapshots(
        &self,
        request: Request<wire::VerifySnapshotsRequest>,
    ) -> Result<Response<wire::VerifySnapshotsResponse>, Status> {
        self.verify_snapshots(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn set_baseline(
        &self,
        request: Request<wire::SetBaselineRequest>,
    ) -> Result<Response<wire::BaselineView>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.name.clone();
        self.answer(&asker, "baseline.set", &on, self.set_baseline(&asker, request).await)
    }

    async fn list_baselines(
        &self,
        _: Request<wire::ListBaselinesRequest>,
    ) -> Result<Response<wire::ListBaselinesResponse>, Status> {
        self.list_baselines().await.map(Response::new).map_err(status_of)
    }

    async fn show_baseline(
        &self,
        request: Request<wire::ShowBaselineRequest>,
    ) -> Result<Response<wire::ShowBaselineResponse>, Status> {
        let name = request.into_inner().name;
        self.show_baseline(&name).await.map(Response::new).map_err(status_of)
    }

    async fn accept_drift(
        &self,
        request: Request<wire::AcceptDriftRequest>,
    ) -> Result<Response<wire::BaselineView>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.baseline.clone();
        self.answer(&asker, "baseline.accept", &on, self.accept_drift(&asker, request).await)
    }

    async fn clear_baseline(
        &self,
        request: Request<wire::ClearBaselineRequest>,
    ) -> Result<Response<wire::ClearBaselineResponse>, Status> {
        let asker = Self::asker(&request)?;
        let on = request.into_inner().name;
        self.answer(&asker, "baseline.clear", &on, self.clear_baseline(&asker, &on).await)
    }

    async fn get_drift(
        &self,
        request: Request<wire::GetDriftRequest>,
    ) -> Result<Response<wire::DriftReport>, Status> {
        self.get_drift(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn watch_drift(
        &self,
        request: Request<wire::GetDriftRequest>,
    ) -> Result<Response<Self::WatchDriftStream>, Status> {
        let stream = self.watch_drift(request.into_inner()).await.map_err(status_of)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn get_history(
        &self,
        request: Request<wire::GetHistoryRequest>,
    ) -> Result<Response<wire::GetHistoryResponse>, Status> {
        self.get_history(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn put_rule(
        &self,
        request: Request<wire::PutRuleRequest>,
    ) -> Result<Response<wire::RuleView>, Status> {
        let asker = Self::asker(&request)?;
        let done = self.put_rule(&asker, &request.into_inner().document).await;
        self.answer(&asker, "drift.rule", "", done)
    }

    async fn list_rules(
        &self,
        _: Request<wire::ListRulesRequest>,
    ) -> Result<Response<wire::ListRulesResponse>, Status> {
        self.list_rules().await.map(Response::new).map_err(status_of)
    }

    async fn remove_rule(
        &self,
        request: Request<wire::RemoveRuleRequest>,
    ) -> Result<Response<wire::RemoveRuleResponse>, Status> {
        let asker = Self::asker(&request)?;
        let on = request.into_inner().id;
        self.answer(&asker, "drift.rule.rm", &on, self.remove_rule(&asker, &on).await)
    }

    async fn replay_rule(
        &self,
        request: Request<wire::ReplayRuleRequest>,
    ) -> Result<Response<wire::ReplayRuleResponse>, Status> {
        let asker = Self::asker(&request)?;
        let replay = self.replay_rule(&asker, request.into_inner()).await;
        replay.map(Response::new).map_err(status_of)
    }

    async fn propose_noise(
        &self,
        request: Request<wire::ProposeNoiseRequest>,
    ) -> Result<Response<wire::ProposeNoiseResponse>, Status> {
        let asker = Self::asker(&request)?;
        let proposals = self.propose_noise(&asker, request.into_inner()).await;
        proposals.map(Response::new).map_err(status_of)
    }

    async fn acknowledge_drift(
        &self,
        request: Request<wire::AcknowledgeDriftRequest>,
    ) -> Result<Response<wire::AcknowledgeDriftResponse>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.finding.clone();
        self.answer(&asker, "drift.acknowledge", &on, self.acknowledge(&asker, request).await)
    }
}

/// The selector that a person wrote; an empty one names every host.
fn selector(text: &str) -> Result<Selector, Problem> {
    if text.is_empty() {
        return Ok(Selector::default());
    }
    text.parse().map_err(|problem: Problem| problem.on("selector"))
}

/// How many to a page.
fn page_size(asked: u32, usual: u32, most: u32) -> usize {
    let size = if asked == 0 { usual } else { asked.min(most) };
    size as usize
}

/// Where a page begins: what the page before said.
fn offset(token: &str) -> Result<usize, Problem> {
    if token.is_empty() {
        return Ok(0);
    }
    token.parse().map_err(|_| {
        Problem::field("page_token", "not a page token of this call")
            .remedy("use the one that came with the page before")
    })
}

/// The token of the page that begins there, when there is one.
fn next_page(at: usize, all: usize) -> String {
    if at < all { at.to_string() } else { String::new() }
}
