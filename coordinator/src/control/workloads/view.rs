//! Workloads and placements as people see them.

use std::borrow::Cow;
use std::sync::Arc;

use tamer_model::{
    Code, HostId, HostState, Placement, PlacementStatus, Problem, Selector, Stage, Subject, Why,
    Wish, Workload, WorkloadName,
};
use tamer_proto::wire;
use tamer_scheduler::Counts;
use tamer_store::Revision;

use super::{document, state, words};
use crate::control::People;
use crate::fleet::View;
use crate::workloads::{Board, Copy};

/// The longest reason of a state, in characters: ten thousand rows are one message.
const LONGEST: usize = 256;
/// Placements that a view shows; `ListPlacements` has all of them.
const SHOWN: usize = 1000;

impl People {
    pub(in crate::control) fn list_workloads(
        &self,
        request: &wire::ListWorkloadsRequest,
    ) -> Result<wire::ListWorkloadsResponse, Problem> {
        let selector: Selector = match request.selector.as_str() {
            "" => Selector::default(),
            text => text.parse()?,
        };
        let mut all = self.all_workloads();
        all.retain(|workload| selector.matches(&Told(workload)));
        // A row looks at every copy: the controller has its turn between two of them.
        let workloads = all.iter().map(|workload| row(&self.workloads.read(), workload)).collect();
        Ok(wire::ListWorkloadsResponse { workloads })
    }

    /// A workload as it stands. Never waits for the store.
    pub(in crate::control) fn view_workload(
        &self,
        name: &str,
    ) -> Result<wire::WorkloadView, Problem> {
        let name = super::name(name)?;
        let (view, board) = (self.fleet.view(), self.workloads.read());
        let applied = board.workload(&name).ok_or_else(|| unknown(&name))?;
        let workload = &applied.workload;
        let row = row(&board, workload);
        let copies = row.copies.unwrap_or_default();
        let mut placements: Vec<_> = board.copies_of(&name).collect();
        placements.sort_by_key(|copy| (copy.placement.index, copy.placement.id));
        placements.truncate(SHOWN);
        Ok(wire::WorkloadView {
            row: Some(row),
            document: document::document(&workload.spec),
            template: workload.template,
            stable: workload.stable,
            update: update(workload, copies.well, copies.wanted),
            placements: placements.into_iter().map(|copy| placement(&view, copy)).collect(),
            unplaced: board
                .unplaced(&name)
                .map(|(unplaced, since)| words::unplaced(unplaced, since.as_millis())),
            created_at: workload.created_at.as_millis(),
        })
    }

    /// The record of a workload that a person means, for changing it.
    pub(super) async fn find_workload(&self, text: &str) -> Result<(Workload, Revision), Problem> {
        let name = super::name(text)?;
        self.stored_workload(&name).await?.ok_or_else(|| unknown(&name))
    }

    /// The records of all workloads.
    pub(super) fn all_workloads(&self) -> Vec<Arc<Workload>> {
        self.workloads.read().workloads().map(|applied| applied.workload.clone()).collect()
    }
}

/// What selectors over workloads look at.
struct Told<'a>(&'a Workload);

impl Subject for Told<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let Self(Workload { spec, owner, .. }) = self;
        match key {
            "name" => Some(Cow::Borrowed(spec.name.as_str())),
            "owner" => Some(Cow::Borrowed(owner.as_str())),
            "provider" => Some(Cow::Borrowed(spec.provider.as_str())),
            key => {
                let label = spec.labels.iter().find(|(name, _)| name.as_str() == key);
                label.map(|(_, value)| Cow::Borrowed(value.as_str()))
            }
        }
    }
}

fn unknown(name: &WorkloadName) -> Problem {
    Problem::new(Code::NotFound, format!("there is no workload {name}"))
        .on("name")
        .remedy("`tamerctl workload ls` lists them")
}

fn row(board: &Board, workload: &Workload) -> wire::WorkloadRow {
    let counts = board.scheduler().counts(&workload.spec.name);
    let nowhere = board.scheduler().unplaced(&workload.spec.name);
    let (state, reason) = state::state(workload, &counts, nowhere.as_ref());
    let copies = board.copies_of(&workload.spec.name);
    let begun = workload.update.as_ref().map(|update| update.begun_at);
    let changed = copies.map(|copy| {
        let told = copy.status.as_ref().map(|status| status.since);
        told.unwrap_or(copy.placement.made_at).max(copy.placement.made_at)
    });
    let changed_at = changed.chain(begun).chain(workload.rebalance_at).max();
    wire::WorkloadRow {
        name: workload.spec.name.to_string(),
        owner: workload.owner.to_string(),
        provider: workload.spec.provider.to_string(),
        version: workload.version,
        copies: Some(copy_counts(counts)),
        state: state.as_str().to_owned(),
        reason: reason.chars().take(LONGEST).collect(),
        changed_at: changed_at.unwrap_or(workload.created_at).as_millis(),
    }
}

fn copy_counts(counts: Counts) -> wire::CopyCounts {
    let Counts {
        wanted,
        running,
        well,
        former,
        starting,
        failed,
        unknown,
        unplaced,
        completed,
        stopping,
    } = counts;
    wire::CopyCounts {
        wanted,
        running,
        well,
        starting,
        failed,
        unknown,
        unplaced,
        completed,
        stopping,
        former,
    }
}

fn update(workload: &Workload, replaced: u32, total: u32) -> Option<wire::UpdateView> {
    let update = workload.update.as_ref()?;
    let (stage, reason) = match &update.stage {
        Stage::Canary => ("canary", String::new()),
        Stage::Rolling => ("rolling", String::new()),
        Stage::Failed { reason } => ("failed", reason.clone()),
    };
    let begun_at = update.begun_at.as_millis();
    Some(wire::UpdateView { stage: stage.to_owned(), begun_at, reason, replaced, total })
}

/// A placement, with what is known of its host.
pub fn placement(view: &View, copy: &Copy) -> wire::PlacementView {
    let Placement { id, workload, index, template, host, made_at, why, replaces, wish } =
        &*copy.placement;
    wire::PlacementView {
        id: id.to_string(),
        workload: workload.to_string(),
        index: *index,
        template: *template,
        host: host.to_string(),
        host_name: super::host_name(view, *host),
        host_state: host_state(view, *host).as_str().to_owned(),
        made_at: made_at.as_millis(),
        cause: why.cause.as_str().to_owned(),
        score: Some(score(why)),
        replaces: replaces.map(|id| id.to_string()).unwrap_or_default(),
        stopping: match wish {
            Wish::Run => String::new(),
            Wish::Stop { at: _, cause } => cause.as_str().to_owned(),
        },
        status: copy.status.as_deref().map(|status| PlacementStatus::clone(status).into()),
    }
}

/// The points that a placement's host got.
pub fn score(why: &Why) -> wire::Score {
    wire::Score { points: why.score, fitting: why.fitting, hosts: why.hosts }
}

/// How a host is doing; one that was removed is as good as lost.
pub fn host_state(view: &View, host: HostId) -> HostState {
    view.host(host).map_or(HostState::Lost, |member| member.status.state)
}
