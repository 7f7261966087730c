//! How an update stands: canaries, failure, going back.

use tamer_model::{Stage, StopCause, Timestamp, Update, UpdateState, Workload};

use super::judge::{Death, Judged, State, Terms};
use crate::{Failed, Failure, WorkloadStep};

/// What an update allows now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Outdated copies are replaced.
    Open,
    /// The first new copies are made beside the old ones; the others stay as they are.
    Canary,
    /// It failed: no copy is replaced because it is outdated.
    Shut,
}

/// How an update stands after a look at the copies.
#[derive(Debug)]
pub(super) struct Progress {
    pub gate: Gate,
    pub step: Option<WorkloadStep>,
    /// When the update under way began; none when there is none whose copies are watched.
    pub watched: Option<Timestamp>,
}

/// What the copies say about the update. `judged`: those that count, in the order of their places;
/// `want`: how many copies are wanted.
pub(super) fn progress(terms: &Terms<'_>, judged: &[Judged<'_>], want: u32) -> Progress {
    let workload = terms.workload;
    if terms.completes() {
        // Work that ends is not watched: what fails is tried again.
        return Progress { gate: Gate::Open, step: None, watched: None };
    }
    match workload.update.as_ref().map(|update| (update.begun_at, &update.stage)) {
        None => begin(terms, judged, want),
        Some((_, Stage::Failed { .. })) => Progress { gate: Gate::Shut, step: None, watched: None },
        Some((begun_at, stage @ (Stage::Canary | Stage::Rolling))) => {
            let failure = judged.iter().find_map(|copy| failure(terms, copy, begun_at));
            match failure {
                Some(failure) => failed(workload, begun_at, failure),
                None => go_on(terms, judged, want, begun_at, *stage == Stage::Canary),
            }
        }
    }
}

/// That the update is over, if it is. `settled`: all that is wanted is of the newest template and
/// well for long enough.
pub(super) fn over(workload: &Workload, want: u32, settled: bool) -> Option<WorkloadStep> {
    let stable = match want {
        // Nothing was seen to be well.
        0 => workload.stable,
        _ if settled => Some(workload.template),
        _ => return None,
    };
    let failed = matches!(workload.update, Some(UpdateState { stage: Stage::Failed { .. }, .. }));
    let stands = workload.update.is_none() && workload.stable == stable;
    let stays = stands || (failed && want == 0);
    (!stays).then(|| WorkloadStep::Update {
        workload: workload.spec.name.clone(),
        update: None,
        stable,
    })
}

/// When a copy that is watched has failed, unless it is well before.
pub(super) fn deadline(terms: &Terms<'_>, copy: &Judged<'_>, begun_at: Timestamp) -> Timestamp {
    let deadline = terms.workload.spec.update.deadline;
    copy.view.made_at.max(begun_at).plus(deadline.duration())
}

/// Whether the update goes back to what was well before: that is not watched, there is nothing
/// behind it.
pub(super) fn goes_home(workload: &Workload) -> bool {
    workload.stable == Some(workload.template)
}

fn begin(terms: &Terms<'_>, judged: &[Judged<'_>], want: u32) -> Progress {
    let workload = terms.workload;
    let home = goes_home(workload);
    let outdated = judged.iter().any(|copy| copy.lives() && !terms.current(copy));
    if want == 0 || (home && !outdated) {
        return Progress { gate: Gate::Open, step: None, watched: None };
    }
    let older = |copy: &Judged<'_>| copy.lives() && copy.view.template < workload.template;
    let canary = workload.spec.update.canary > 0
        && workload.stable.is_some()
        && !home
        && judged.iter().any(older);
    let stage = if canary { Stage::Canary } else { Stage::Rolling };
    stands(workload, terms.now, stage)
}

fn go_on(
    terms: &Terms<'_>,
    judged: &[Judged<'_>],
    want: u32,
    begun_at: Timestamp,
    canary: bool,
) -> Progress {
    if !canary {
        return Progress { gate: Gate::Open, step: None, watched: watched(terms, begun_at) };
    }
    let settled = terms
        .groups(judged)
        .filter(|group| group.iter().any(|copy| terms.current(copy) && copy.settled))
        .count();
    let possible = terms.groups(judged).filter(|group| takes_canary(terms, group)).count();
    let asked = (terms.workload.spec.update.canary.min(want) as usize).min(possible.max(1));
    let outdated = judged.iter().any(|copy| copy.lives() && !terms.current(copy));
    if settled >= asked || !outdated || goes_home(terms.workload) {
        return stands(terms.workload, begun_at, Stage::Rolling);
    }
    Progress { gate: Gate::Canary, step: None, watched: Some(begun_at) }
}

/// Whether a place has a canary or may get one: not where two copies are, one of them lost.
fn takes_canary(terms: &Terms<'_>, group: &[Judged<'_>]) -> bool {
    let mut living = group.iter().filter(|copy| copy.lives());
    let alone = match (living.next(), living.next()) {
        (Some(copy), None) => copy.here(),
        (Some(_), Some(_)) | (None, _) => false,
    };
    alone || group.iter().any(|copy| copy.lives() && terms.current(copy))
}

fn stands(workload: &Workload, begun_at: Timestamp, stage: Stage) -> Progress {
    let gate = if stage == Stage::Canary { Gate::Canary } else { Gate::Open };
    let watched = (!goes_home(workload)).then_some(begun_at);
    let step = WorkloadStep::Update {
        workload: workload.spec.name.clone(),
        update: Some(UpdateState { begun_at, stage }),
        stable: workload.stable,
    };
    Progress { gate, step: Some(step), watched }
}

fn watched(terms: &Terms<'_>, begun_at: Timestamp) -> Option<Timestamp> {
    (!goes_home(terms.workload)).then_some(begun_at)
}

/// It goes back where it can and may; otherwise it stays as it is until a person acts.
fn failed(workload: &Workload, begun_at: Timestamp, failure: Failure) -> Progress {
    let name = workload.spec.name.clone();
    let step = match workload.stable {
        Some(to) if workload.spec.update.auto_revert => {
            WorkloadStep::Revert { workload: name, to, failure }
        }
        Some(_) | None => WorkloadStep::Fail { workload: name, begun_at, failure },
    };
    Progress { gate: Gate::Shut, step: Some(step), watched: None }
}

/// Whether a copy means that the update has failed. A failed copy says so until it is gone, so that
/// nothing is missed when it is told to stop before the failure is stored.
fn failure(terms: &Terms<'_>, copy: &Judged<'_>, begun_at: Timestamp) -> Option<Failure> {
    if goes_home(terms.workload) || !terms.current(copy) {
        return None;
    }
    let view = copy.view;
    let how = match copy.state {
        State::Dead(Death::Failed) | State::Stopping(StopCause::Failed) => {
            (view.made_at >= begun_at).then_some(Failed::Ended)
        }
        State::Here if !copy.well && deadline(terms, copy, begun_at) <= terms.now => {
            let Update { healthy_for, deadline, .. } = terms.workload.spec.update;
            Some(Failed::NotWell { healthy_for, deadline })
        }
        State::Here | State::Unknown | State::Lost | State::Done => None,
        State::Dead(_) | State::Stopping(_) => None,
    }?;
    Some(Failure { index: view.index, placement: view.id, host: view.host, how })
}

impl Terms<'_> {
    /// Whether a copy is of the template that is wanted.
    pub(super) fn current(&self, copy: &Judged<'_>) -> bool {
        copy.view.template == self.workload.template
    }
}
