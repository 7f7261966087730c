//! The whole of it: from a workload and its copies to what it needs.

use std::collections::BTreeSet;

use tamer_model::{HostId, Run, StopCause, Timestamp, Workload};

use super::budget::Budget;
use super::counts::count;
use super::judge::{Judged, Leaving, State, Terms};
use super::needs::Needs;
use super::pair::Hold;
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

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

struct Decision<'b, 'a> {
    terms: Terms<'b>,
    judged: &'b [Judged<'a>],
    eligible: &'b BTreeSet<HostId>,
    progress: Progress,
    slots: Slots<'a>,
    /// How many places shall be held.
    want: u32,
    /// How many may be filled now.
    fill: u32,
    budget: Budget,
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
    fn counts(&self, slot: &Slot<'_>) -> bool {
        !self.terms.every_host() || self.eligible.contains(&slot.hold.serving().view.host)
    }

    /// Demands a copy for each index that has none; how many those are.
    fn fill_indices(&mut self, needs: &mut Needs<'_, '_>) -> u32 {
        let held = length(self.slots.held.len());
        let missing = self.fill.saturating_sub(held);
        let dead = &self.slots.dead[..self.slots.dead.len().min(missing as usize)];
        dead.iter().for_each(|dead| needs.revive(dead, None));
        let mut taken: Vec<u32> = self.slots.held.iter().map(|slot| slot.index).collect();
        taken.extend(dead.iter().map(|dead| dead.view.index));
        taken.extend(&self.slots.done);
        let fresh = missing as usize - dead.len();
        free(taken).take(fresh).for_each(|index| needs.vacant(index, None));
        missing
    }

    /// The same for each host that has none.
    fn fill_hosts(&mut self, needs: &mut Needs<'_, '_>) -> u32 {
        let holds: BTreeSet<HostId> =
            self.slots.held.iter().map(|slot| slot.hold.serving().view.host).collect();
        let wanted = self.judged.iter().filter(|copy| copy.view.wanted());
        let mut indices = free(wanted.map(|copy| copy.view.index).collect());
        let mut missing = 0;
        for host in self.eligible.difference(&holds) {
            missing += 1;
            let dead = self.slots.dead.iter().find(|dead| dead.view.host == *host);
            match dead {
                Some(dead) => needs.revive(dead, Some(*host)),
                None => needs.vacant(indices.next().unwrap_or(u32::MAX), Some(*host)),
            }
        }
        missing
    }

    /// What becomes of copies that are lost or leave. Whether something waits for its turn.
    fn change(&mut self, needs: &mut Needs<'_, '_>) -> bool {
        let mut leaving: Vec<(Slot<'a>, Judged<'a>, Leaving)> = Vec::new();
        let (mut held, mut canaries) = (Vec::new(), 0);
        let spec = &self.terms.workload.spec;
        let mut pending = spec.rebalance.is_some();
        for slot in std::mem::take(&mut self.slots.held) {
            canaries += u32::from(slot.hold.any(|copy| self.terms.current(copy)));
            let copy = slot.hold.replaceable();
            if self.progress.gate == Gate::Canary
                && let Hold::One(copy) = slot.hold
                && copy.held
                && copy.here()
                && self.counts(&slot)
            {
                held.push((slot, copy));
            }
            let leaves = copy.filter(Judged::here).and_then(|copy| Some((copy, copy.leaving?)));
            match (copy, leaves) {
                (_, Some((copy, Leaving::Overdue | Leaving::Unfitting)))
                    if self.terms.every_host() =>
                {
                    let cause = copy.leaving.map_or(StopCause::Surplus, Leaving::stop);
                    needs.stops.push((copy.view.id, cause));
                    continue;
                }
                (_, Some((copy, leaving @ Leaving::Overdue))) => {
                    needs.evict(&slot, &copy, leaving);
                    self.budget.missing(1);
                    continue;
                }
                (_, Some((copy, why))) if self.counts(&slot) => leaving.push((slot, copy, why)),
                (Some(copy), _) if copy.state == State::Lost => needs.relieve(&slot),
                (_, Some(_) | None) => {}
            }
            if self.counts(&slot) {
                pending |= slot.hold.other().is_some();
                self.budget.count(&slot.hold);
            }
        }
        pending |= !leaving.is_empty();
        self.replace(needs, leaving);
        let canaries = self.terms.workload.spec.update.canary.saturating_sub(canaries);
        held.sort_by_key(|(slot, copy)| (copy.well, slot.index));
        for (slot, copy) in held.iter().take(canaries as usize) {
            needs.canary(slot, copy, &mut self.budget);
        }
        pending
    }

    /// Lets those go whose turn it is: what is not well first, then what presses most.
    fn replace(
        &mut self,
        needs: &mut Needs<'_, '_>,
        mut leaving: Vec<(Slot<'a>, Judged<'a>, Leaving)>,
    ) {
        leaving.sort_by_key(|(slot, copy, leaving)| (copy.well, *leaving, slot.index));
        for (slot, copy, leaving) in leaving {
            if self.budget.take(&copy) {
                needs.replace(&slot, &copy, leaving);
            }
        }
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

/// The lowest indices that are not taken.
fn free(mut taken: Vec<u32>) -> impl Iterator<Item = u32> {
    taken.sort_unstable();
    (0..=u32::MAX).filter(move |index| taken.binary_search(index).is_err())
}
