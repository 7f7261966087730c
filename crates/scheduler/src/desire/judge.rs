//! How one copy stands, seen from its workload.

use tamer_model::{Cause, Patience, Phase, Run, StopCause, Timestamp, Wish, Workload};

use super::{CopyView, HostStanding};

/// What copies are judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub workload: &'a Workload,
    pub now: Timestamp,
}

/// A copy, judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub view: &'a CopyView,
    pub state: State,
    /// Why it cannot stay where or as it is. Said of lost copies too, and not acted on there.
    pub leaving: Option<Leaving>,
    /// It is of another template, and stays nevertheless as long as the update stands as it does.
    pub held: bool,
    /// It is heard of, runs, and nothing says that it is unwell.
    pub well: bool,
    /// It was well for as long as the update policy asks: from when on, or none when it is not well.
    settles: Option<Timestamp>,
    /// Whether that time has come.
    pub settled: bool,
}

/// How a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is to stop.
    Stopping(StopCause),
    /// It will not run again.
    Dead(Death),
    /// It succeeded.
    Done,
    /// Its host is lost, and is waited for.
    Unknown,
    /// Its host is lost for too long.
    Lost,
    /// Its host is heard.
    Here,
}

/// Why a copy that shall run will not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    Failed,
    /// Its host told that it is gone.
    Gone,
    HostGone,
    /// It succeeded, and its workload is not one that ends.
    Ended,
    /// It succeeded as an earlier version of its workload.
    Former,
}

/// Why a copy cannot stay, the most pressing reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leaving {
    /// Its host's drain has met its deadline: it goes now.
    Overdue,
    Drained,
    Unfitting,
    /// It is of another template; `back`: of a later one.
    Outdated {
        back: bool,
    },
}

impl<'a> Terms<'a> {
    pub(super) fn judge(&self, view: &'a CopyView) -> Judged<'a> {
        let state = self.state(view);
        let well = state == State::Here && self.is_well(view);
        let update = &self.workload.spec.update;
        let settles = view
            .told
            .filter(|_| well)
            .map(|told| told.since.max(view.made_at).plus(update.healthy_for.duration()));
        let settled = settles.is_some_and(|at| at <= self.now);
        Judged { view, state, leaving: self.leaving(view), held: false, well, settles, settled }
    }

    pub(super) const fn every_host(&self) -> bool {
        matches!(self.workload.spec.run, Run::EveryHost)
    }

    pub(super) const fn completes(&self) -> bool {
        self.workload.spec.completes()
    }

    fn state(&self, view: &CopyView) -> State {
        if let Wish::Stop { cause, .. } = view.wish {
            return State::Stopping(cause);
        }
        match (view.phase(), view.standing) {
            (Some(Phase::Completed), _) => self.ended(view),
            (_, HostStanding::Gone) => State::Dead(Death::HostGone),
            (Some(Phase::Failed), _) => State::Dead(Death::Failed),
            (Some(Phase::Gone), _) => State::Dead(Death::Gone),
            (_, HostStanding::Here { lost: Some(since), .. }) => self.lost(since),
            (_, HostStanding::Here { lost: None, .. }) => State::Here,
        }
    }

    fn ended(&self, view: &CopyView) -> State {
        if !self.completes() {
            State::Dead(Death::Ended)
        } else if view.template != self.workload.template {
            State::Dead(Death::Former)
        } else {
            State::Done
        }
    }

    fn lost(&self, since: Timestamp) -> State {
        match self.lost_until(since) {
            Some(until) if until <= self.now => State::Lost,
            Some(_) | None => State::Unknown,
        }
    }

    /// When a copy on a host that is lost since then is replaced. One that runs on every host never
    /// is: its place is that host.
    fn lost_until(&self, since: Timestamp) -> Option<Timestamp> {
        match self.workload.spec.lost.replace_after {
            Patience::After(_) if self.every_host() => None,
            Patience::After(span) => Some(since.plus(span.duration())),
            Patience::Never => None,
        }
    }

    fn leaving(&self, view: &CopyView) -> Option<Leaving> {
        let template = self.workload.template;
        if let Some(leaving) = self.drained(view) {
            Some(leaving)
        } else if !view.fits {
            Some(Leaving::Unfitting)
        } else {
            (view.template != template)
                .then_some(Leaving::Outdated { back: view.template > template })
        }
    }

    /// Work that ends by itself is let end, until the deadline.
    fn drained(&self, view: &CopyView) -> Option<Leaving> {
        let HostStanding::Here { drain: Some(drain), .. } = view.standing else { return None };
        if self.every_host() {
            return (!drain.keep_every_host).then_some(Leaving::Overdue);
        }
        if drain.deadline.is_some_and(|deadline| deadline <= self.now) {
            return Some(Leaving::Overdue);
        }
        (!self.completes()).then_some(Leaving::Drained)
    }

    fn is_well(&self, view: &CopyView) -> bool {
        let checked = self.workload.spec.health.is_some();
        view.told.is_some_and(|told| {
            told.phase == Phase::Running && (!checked || told.healthy == Some(true))
        })
    }

    /// When time alone changes what is thought of a copy, other than that it settles.
    pub(super) fn changes(&self, copy: &Judged<'_>) -> [Option<Timestamp>; 2] {
        match copy.view.standing {
            HostStanding::Here { lost, drain } if copy.lives() => {
                let until = lost.and_then(|since| self.lost_until(since));
                [until, drain.and_then(|drain| drain.deadline)]
            }
            HostStanding::Here { .. } | HostStanding::Gone => [None, None],
        }
    }
}

impl Judged<'_> {
    /// Whether it may still run.
    pub(super) const fn lives(&self) -> bool {
        matches!(self.state, State::Unknown | State::Lost | State::Here)
    }

    pub(super) const fn here(&self) -> bool {
        matches!(self.state, State::Here)
    }

    pub(super) const fn outdated(&self) -> bool {
        self.held || matches!(self.leaving, Some(Leaving::Outdated { .. }))
    }

    /// Leaves it where it is, if it would leave for being outdated only.
    pub(super) const fn hold(&mut self) {
        if matches!(self.leaving, Some(Leaving::Outdated { .. })) {
            self.leaving = None;
            self.held = true;
        }
    }

    /// When it is settled, when it is well and not settled yet.
    pub(super) fn settles(&self) -> Option<Timestamp> {
        self.settles.filter(|_| !self.settled)
    }
}

impl Death {
    pub(super) const fn stop(self) -> StopCause {
        match self {
            Self::Failed => StopCause::Failed,
            Self::Gone | Self::HostGone => StopCause::Replaced,
            Self::Ended => StopCause::Completed,
            Self::Former => StopCause::Updated,
        }
    }

    pub(super) const fn cause(self) -> Cause {
        match self {
            Self::Failed => Cause::Failed,
            Self::HostGone => Cause::HostGone,
            Self::Former => Cause::Updated,
            Self::Gone | Self::Ended => Cause::Missing,
        }
    }
}

impl Leaving {
    pub(super) const fn stop(self) -> StopCause {
        match self {
            Self::Overdue | Self::Drained => StopCause::Drained,
            Self::Unfitting => StopCause::Unfitting,
            Self::Outdated { back: false } => StopCause::Updated,
            Self::Outdated { back: true } => StopCause::Reverted,
        }
    }

    pub(super) const fn cause(self) -> Cause {
        match self {
            Self::Overdue | Self::Drained => Cause::Drained,
            Self::Unfitting => Cause::Unfitting,
            Self::Outdated { .. } => Cause::Updated,
        }
    }
}
