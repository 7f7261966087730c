//! What a coordinator plays about drift.

use std::sync::{Arc, Mutex};

use futures_util::stream::{self, StreamExt};
use tamer_model::Problem;
use tamer_proto::{status_of, wire};
use tonic::{Request, Response, Status, Streaming};
use wire::drift_server::Drift;

use crate::play::Out;

type Answer<T> = Result<Response<T>, Status>;

/// The answers.
#[derive(Default)]
pub struct Pictures {
    pub asked: Arc<DriftAsked>,
    /// Every question is refused with it.
    pub refuses: Option<Problem>,
    /// The pages of a report; each question after these finds the last ones again.
    pub reports: Vec<Vec<wire::DriftReport>>,
    /// Listed two a page.
    pub snapshots: Vec<wire::SnapshotView>,
    /// The pages of one.
    pub shown: Vec<wire::ShowSnapshotResponse>,
    pub baselines: Vec<wire::BaselineView>,
    /// The pieces of a file, and what cuts it short.
    pub exported: Vec<Vec<u8>>,
    pub cut: Option<Problem>,
    pub verified: wire::VerifySnapshotsResponse,
    /// Documents.
    pub rules: Vec<String>,
    pub replay: String,
    pub proposals: String,
    /// Of any two.
    pub changes: Vec<wire::HostChanges>,
    /// Told two a page.
    pub history: Vec<wire::HistoryEntry>,
    /// What each watch tells before it ends; the last one stays open.
    pub alarms: Vec<Vec<wire::DriftAlarm>>,
}

/// What was asked.
#[derive(Debug, Default)]
pub struct DriftAsked {
    pub drift: Mutex<Vec<wire::GetDriftRequest>>,
    pub takes: Mutex<Vec<wire::TakeSnapshotRequest>>,
    pub lists: Mutex<Vec<wire::ListSnapshotsRequest>>,
    pub shows: Mutex<Vec<wire::ShowSnapshotRequest>>,
    pub sets: Mutex<Vec<wire::SetBaselineRequest>>,
    pub accepts: Mutex<Vec<wire::AcceptDriftRequest>>,
    pub clears: Mutex<Vec<wire::ClearBaselineRequest>>,
    pub diffs: Mutex<Vec<wire::DiffSnapshotsRequest>>,
    pub exports: Mutex<Vec<String>>,
    /// The name, and the file.
    pub imports: Mutex<Vec<(String, Vec<u8>)>>,
    pub removals: Mutex<Vec<String>>,
    pub verifies: Mutex<Vec<wire::VerifySnapshotsRequest>>,
    pub puts: Mutex<Vec<String>>,
    pub replays: Mutex<Vec<wire::ReplayRuleRequest>>,
    pub histories: Mutex<Vec<wire::GetHistoryRequest>>,
    pub watches: Mutex<Vec<wire::GetDriftRequest>>,
    pub asides: Mutex<Vec<wire::AcknowledgeDriftRequest>>,
}

fn keep<T>(list: &Mutex<Vec<T>>, one: T) -> usize {
    let mut list = list.lock().expect("a lock");
    list.push(one);
    list.len()
}

/// What was asked so far; from here on it is forgotten.
pub fn taken<T>(list: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *list.lock().expect("a lock"))
}

fn view(document: String) -> wire::RuleView {
    wire::RuleView { document, at: 1_000, ..wire::RuleView::default() }
}

impl Pictures {
    fn or_refused<T>(&self, answer: T) -> Answer<T> {
        match &self.refuses {
            Some(problem) => Err(status_of(problem.clone())),
            None => Ok(Response::new(answer)),
        }
    }

    /// How many reports were begun before this question.
    fn look(&self) -> usize {
        let asked = self.asked.drift.lock().expect("a lock");
        asked.iter().filter(|one| one.page_token.is_empty()).count() - 1
    }

    fn baseline(&self) -> wire::BaselineView {
        self.baselines.first().cloned().unwrap_or_default()
    }
}

#[tonic::async_trait]
impl Drift for Pictures {
    type DiffSnapshotsStream = Out<wire::HostChanges>;
    type ExportSnapshotStream = Out<wire::SnapshotPiece>;
    type WatchDriftStream = Out<wire::DriftAlarm>;

    async fn take_snapshot(
        &self,
        request: Request<wire::TakeSnapshotRequest>,
    ) -> Answer<wire::SnapshotView> {
        keep(&self.asked.takes, request.into_inner());
        self.or_refused(self.snapshots.first().cloned().unwrap_or_default())
    }

    async fn list_snapshots(
        &self,
        request: Request<wire::ListSnapshotsRequest>,
    ) -> Answer<wire::ListSnapshotsResponse> {
        let request = request.into_inner();
        let from: usize = request.page_token.parse().unwrap_or(0);
        keep(&self.asked.lists, request);
        let snapshots: Vec<_> = self.snapshots.iter().skip(from).take(2).cloned().collect();
        let next = from + snapshots.len();
        let next_page_token =
            if next < self.snapshots.len() { next.to_string() } else { String::new() };
        self.or_refused(wire::ListSnapshotsResponse { snapshots, next_page_token })
    }

    async fn show_snapshot(
        &self,
        request: Request<wire::ShowSnapshotRequest>,
    ) -> Answer<wire::ShowSnapshotResponse> {
        let request = request.into_inner();
        let at: usize = request.page_token.parse().unwrap_or(0);
        keep(&self.asked.shows, request);
        self.or_refused(self.shown.get(at).cloned().unwrap_or_default())
    }

    async fn diff_snapshots(
        &self,
        request: Request<wire::DiffSnapshotsRequest>,
    ) -> Answer<Self::DiffSnapshotsStream> {
        keep(&self.asked.diffs, request.into_inner());
        self.or_refused(stream::iter(self.changes.clone().into_iter().map(Ok)).boxed())
    }

    async fn export_snapshot(
        &self,
        request: Request<wire::ExportSnapshotRequest>,
    ) -> Answer<Self::ExportSnapshotStream> {
        keep(&self.asked.exports, request.into_inner().snapshot);
        let piece = |data: &Vec<u8>| Ok(wire::SnapshotPiece { data: data.clone().into() });
        let pieces: Vec<_> = self.exported.iter().map(piece).collect();
        let end = self.cut.clone().map(|problem| Err(status_of(problem)));
        self.or_refused(stream::iter(pieces.into_iter().chain(end)).boxed())
    }

    async fn import_snapshot(
        &self,
        request: Request<Streaming<wire::ImportSnapshotRequest>>,
    ) -> Answer<wire::SnapshotView> {
        use wire::import_snapshot_request::Frame;
        let mut messages = request.into_inner();
        let (mut name, mut file) = (None, Vec::new());
        while let Some(message) = messages.message().await? {
            match message.frame.expect("something") {
                Frame::Open(open) => assert_eq!(name.replace(open.name), None, "opened once"),
                Frame::Piece(piece) => {
                    assert!(name.is_some() && piece.data.len() <= 64 * 1024);
                    file.extend_from_slice(&piece.data);
                    // What is wrong is known before the end.
                    self.or_refused(())?;
                }
            }
        }
        keep(&self.asked.imports, (name.expect("opened"), file));
        self.or_refused(self.snapshots.first().cloned().unwrap_or_default())
    }

    async fn remove_snapshot(
        &self,
        request: Request<wire::RemoveSnapshotRequest>,
    ) -> Answer<wire::RemoveSnapshotResponse> {
        let id = request.into_inner().snapshot;
        keep(&self.asked.removals, id.clone());
        self.or_refused(wire::RemoveSnapshotResponse { id })
    }

    async fn verify_snapshots(
        &self,
        request: Request<wire::VerifySnapshotsRequest>,
    ) -> Answer<wire::VerifySnapshotsResponse> {
        keep(&self.asked.verifies, request.into_inner());
        self.or_refused(self.verified.clone())
    }

    async fn set_baseline(
        &self,
        request: Request<wire::SetBaselineRequest>,
    ) -> Answer<wire::BaselineView> {
        keep(&self.asked.sets, request.into_inner());
        self.or_refused(self.baseline())
    }

    async fn list_baselines(
        &self,
        _: Request<wire::ListBaselinesRequest>,
    ) -> Answer<wire::ListBaselinesResponse> {
        self.or_refused(wire::ListBaselinesResponse { baselines: self.baselines.clone() })
    }

    async fn show_baseline(
        &self,
        _: Request<wire::ShowBaselineRequest>,
    ) -> Answer<wire::ShowBaselineResponse> {
        self.or_refused(wire::ShowBaselineResponse { versions: self.baselines.clone() })
    }

    async fn accept_drift(
        &self,
        request: Request<wire::AcceptDriftRequest>,
    ) -> Answer<wire::BaselineView> {
        keep(&self.asked.accepts, request.into_inner());
        self.or_refused(self.baseline())
    }

    async fn clear_baseline(
        &self,
        request: Request<wire::ClearBaselineRequest>,
    ) -> Answer<wire::ClearBaselineResponse> {
        keep(&self.asked.clears, request.into_inner());
        self.or_refused(wire::ClearBaselineResponse { version: self.baseline().version })
    }

    async fn get_drift(
        &self,
        request: Request<wire::GetDriftRequest>,
    ) -> Answer<wire::DriftReport> {
        let request = request.into_inner();
        let at: usize = request.page_token.parse().unwrap_or(0);
        keep(&self.asked.drift, request);
        let look = self.look().min(self.reports.len().saturating_sub(1));
        let page = self.reports.get(look).and_then(|pages| pages.get(at));
        self.or_refused(page.cloned().unwrap_or_default())
    }

    async fn watch_drift(
        &self,
        request: Request<wire::GetDriftRequest>,
    ) -> Answer<Self::WatchDriftStream> {
        let number = keep(&self.asked.watches, request.into_inner());
        let told = self.alarms.get(number - 1).cloned().unwrap_or_default();
        let told = stream::iter(told.into_iter().map(Ok));
        Ok(Response::new(match number < self.alarms.len() {
            true => told.boxed(),
            false => told.chain(stream::pending()).boxed(),
        }))
    }

    async fn get_history(
        &self,
        request: Request<wire::GetHistoryRequest>,
    ) -> Answer<wire::GetHistoryResponse> {
        let request = request.into_inner();
        let from: usize = request.page_token.parse().unwrap_or(0);
        keep(&self.asked.histories, request);
        let entries: Vec<_> = self.history.iter().skip(from).take(2).cloned().collect();
        let next = from + entries.len();
        let next_page_token =
            if next < self.history.len() { next.to_string() } else { String::new() };
        self.or_refused(wire::GetHistoryResponse { entries, next_page_token, kept_since: 0 })
    }

    async fn put_rule(&self, request: Request<wire::PutRuleRequest>) -> Answer<wire::RuleView> {
        keep(&self.asked.puts, request.into_inner().document);
        self.or_refused(view(self.rules.first().cloned().unwrap_or_default()))
    }

    async fn list_rules(
        &self,
        _: Request<wire::ListRulesRequest>,
    ) -> Answer<wire::ListRulesResponse> {
        let rules = self.rules.iter().cloned().map(view).collect();
        self.or_refused(wire::ListRulesResponse { rules })
    }

    async fn remove_rule(
        &self,
        request: Request<wire::RemoveRuleRequest>,
    ) -> Answer<wire::RemoveRuleResponse> {
        self.or_refused(wire::RemoveRuleResponse { id: request.into_inner().id })
    }

    async fn replay_rule(
        &self,
        request: Request<wire::ReplayRuleRequest>,
    ) -> Answer<wire::ReplayRuleResponse> {
        keep(&self.asked.replays, request.into_inner());
        self.or_refused(wire::ReplayRuleResponse { document: self.replay.clone() })
    }

    async fn propose_noise(
        &self,
        _: Request<wire::ProposeNoiseRequest>,
    ) -> Answer<wire::ProposeNoiseResponse> {
        self.or_refused(wire::ProposeNoiseResponse { document: self.proposals.clone() })
    }

    async fn acknowledge_drift(
        &self,
        request: Request<wire::AcknowledgeDriftRequest>,
    ) -> Answer<wire::AcknowledgeDriftResponse> {
        let request = request.into_inner();
        let (finding, until) = (request.finding.clone(), request.until);
        keep(&self.asked.asides, request);
        self.or_refused(wire::AcknowledgeDriftResponse { finding, until })
    }
}
