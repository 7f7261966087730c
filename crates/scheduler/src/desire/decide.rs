//! The whole of it: from a workload and its copies to what it needs.

use std::collections::BTreeSet;

use tamer_model::{HostId, Run, StopCause, Timestamp, Workload};

use super::budget::Budget;
use super::counts::count;
use super::judge::{Judged, State, Terms};
use super::needs::Needs;
use super::slots::{Slot, Slots};
use super::surplus::cut;
use super::update::{Gate, Progress, deadline, over, progress};
use super::{CopyView, Desire};
use crate::WorkloadStep;

/// What a workload needs now. `copies`: all placements it has a record of, in any order. `eligible`:
/// the hosts that fit, for a workload that runs on every host, in any order: those where a new copy
/// may go. A copy on another host stays while its own host meets the demands and is not drained.
pub fn desire(
    workload: &Workload,
    copies: &[CopyView],
    eligible: Option<&[HostId]>,
    now: Timestamp,
) -> Desire {
    let terms = Terms { workload, now };
    let mut judged: Vec<_> = copies.iter().map(|view| terms.judge(view)).collect();
    judged.sort_unstable_by_key(|copy| (terms.place(copy), copy.view.id));
    if workload.removing || workload.stopped {
        return none(&terms, &judged);
    }
    let eligible: BTreeSet<HostId> = eligible.into_iter().flatten().copied().collect();
    let progress = stage(&terms, &judged, &eligible);
    if progress.gate != Gate::Open {
        judged.iter_mut().for_each(Judged::hold);
    }
    Decision::new(terms, &judged, &eligible, progress).decide()
}

/// Nothing is wanted. What is done stays known until the workload is removed.
fn none(terms: &Terms<'_>, judged: &[Judged<'_>]) -> Desire {
    let removing = terms.workload.removing;
    let cause = if removing { StopCause::WorkloadRemoved } else { StopCause::WorkloadStopped };
    let goes = |copy: &&Judged<'_>| match copy.state {
        State::Stopping(_) => false,
        State::Done => removing,
        State::Dead(_) | State::Unknown | State::Lost | State::Here => true,
    };
    Desire {
        stops: judged.iter().filter(goes).map(|copy| (copy.view.id, cause)).collect(),
        step: (removing && judged.is_empty())
            .then(|| WorkloadStep::Remove { workload: terms.workload.spec.name.clone() }),
        counts: count(terms, judged, 0, 0),
        ..Desire::default()
    }
}

/// How the update stands. Where every host has its own copy, those count that may have a new one.
fn stage(terms: &Terms<'_>, judged: &[Judged<'_>], eligible: &BTreeSet<HostId>) -> Progress {
    match terms.workload.spec.run {
        Run::Count(count) => progress(terms, judged, count),
        Run::ToCompletion { completions, .. } => progress(terms, judged, completions),
        Run::EveryHost => {
            let on = |copy: &&Judged<'_>| eligible.contains(&copy.view.host);
            let counted: Vec<_> = judged.iter().filter(on).copied().collect();
            progress(terms, &counted, length(eligible.len()))
        }
    }
}

pub(super) fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A decision under way.
pub(super) struct Decision<'b, 'a> {
    pub(super) terms: Terms<'b>,
    pub(super) judged: &'b [Judged<'a>],
    pub(super) eligible: &'b BTreeSet<HostId>,
    pub(super) progress: Progress,
    pub(super) slots: Slots<'a>,
    /// How many places shall be held.
    pub(super) want: u32,
    /// How many may be filled now.
    pub(super) fill: u32,
    pub(super) budget: Budget,
}

impl<'b, 'a> Decision<'b, 'a> {
    fn new(
        terms: Terms<'b>,
        judged: &'b [Judged<'a>],
        eligible: &'b BTreeSet<HostId>,
        progress: Progress,
    ) -> Self {
        let slots = Slots::new(&terms, judged);
        let (want, fill) = match terms.workload.spec.run {
            Run::Count(count) => (count, count),
            Run::EveryHost => (length(eligible.len()), length(eligible.len())),
            Run::ToCompletion { completions, parallelism } => {
                let left = completions.saturating_sub(length(slots.done.len()));
                (left, left.min(parallelism))
            }
        };
        let budget = Budget::new(terms.workload.spec.update.max_in_flight);
        Self { terms, judged, eligible, progress, slots, want, fill, budget }
    }

    fn decide(mut self) -> Desire {
        if !self.terms.every_host() {
            cut(&mut self.slots, self.want);
        }
        let finished = self.finished();
        let mut needs = Needs {
            terms: self.terms,
            gate: self.progress.gate,
            judged: self.judged,
            demands: Vec::new(),
            stops: std::mem::take(&mut self.slots.stops),
        };
        let unplaced = if self.terms.every_host() {
            self.fill_hosts(&mut needs)
        } else {
            self.fill_indices(&mut needs)
        };
        self.budget.missing(unplaced);
        let pending = self.change(&mut needs);
        let wake = self.wake(pending);
        Desire {
            step: match self.progress.step.take() {
                Some(step @ WorkloadStep::Revert { .. }) => Some(step),
                step => finished.or(step),
            },
            wake,
            counts: count(&self.terms, self.judged, self.wanted(), unplaced),
            spare: self.budget.left(),
            demands: needs.demands,
            stops: needs.stops,
        }
    }

    fn wanted(&self) -> u32 {
        match self.terms.workload.spec.run {
            Run::Count(count) => count,
            Run::EveryHost => self.want,
            Run::ToCompletion { completions, .. } => completions,
        }
    }

    /// That the update is over, if it is.
    fn finished(&self) -> Option<WorkloadStep> {
        let workload = self.terms.workload;
        if self.terms.completes() {
            return self.completed();
        }
        let current = |slot: &Slot<'_>| {
            slot.hold.any(|copy| copy.settled) && !slot.hold.any(|copy| !self.terms.current(copy))
        };
        let counted = self.slots.held.iter().filter(|slot| self.counts(slot));
        let settled = counted.filter(|slot| current(slot)).count() == self.want as usize;
        over(workload, self.want, settled)
    }

    /// Work that ends was well when all of it succeeded.
    fn completed(&self) -> Option<WorkloadStep> {
        let Workload { spec, stable, update, template, .. } = self.terms.workload;
        let all = self.want == 0 && !self.slots.done.is_empty();
        let stable = if all { Some(*template) } else { *stable };
        (stable != self.terms.workload.stable || update.is_some()).then(|| WorkloadStep::Update {
            workload: spec.name.clone(),
            update: None,
            stable,
        })
    }

    /// Whether a place is one of those that are wanted.
    pub(super) fn counts(&self, slot: &Slot<'_>) -> bool {
        !self.terms.every_host() || self.eligible.contains(&slot.hold.serving().view.host)
    }

    /// When time alone changes something. `pending`: something waits for copies to settle.
    fn wake(&self, pending: bool) -> Option<Timestamp> {
        let pending =
            pending || self.terms.workload.update.is_some() || self.progress.step.is_some();
        let times = self.judged.iter().flat_map(|copy| {
            let watched = self
                .progress
                .watched
                .filter(|_| copy.here() && !copy.settled && self.terms.current(copy));
            let deadline = watched.map(|begun_at| deadline(&self.terms, copy, begun_at));
            let [lost, drained] = self.terms.changes(copy);
            [lost, drained, deadline, copy.settles().filter(|_| pending)]
        });
        times.flatten().filter(|at| *at > self.terms.now).min()
    }
}
