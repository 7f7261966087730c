//! Two copies that share an index: which stays, or whether both do for now.

use tamer_model::{Cause, StopCause, Winner};

use super::judge::{Judged, Leaving, State, Terms};

/// How an index is held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold<'a> {
    /// By one copy.
    One(Judged<'a>),
    /// By one that stands in for another whose host is lost.
    Away { serving: Judged<'a>, original: Judged<'a> },
    /// By one that goes as soon as the other has settled.
    Changing { leaver: Judged<'a>, comer: Judged<'a> },
    /// By two of which the lost-host policy will choose one.
    Contest { original: Judged<'a>, replacement: Judged<'a> },
}

/// What becomes of two copies.
pub(super) enum Verdict<'a> {
    Both(Hold<'a>),
    One { stays: Judged<'a>, stops: Judged<'a>, cause: StopCause },
}

/// Judges two living copies of one index.
pub(super) fn pair<'a>(terms: &Terms<'_>, a: Judged<'a>, b: Judged<'a>) -> Verdict<'a> {
    let (original, successor) = if b.view.replaces == Some(a.view.id) {
        (a, b)
    } else if a.view.replaces == Some(b.view.id) {
        (b, a)
    } else {
        return better(a, b);
    };
    match (original.here(), successor.here()) {
        (true, true) => both_here(terms, original, successor),
        (false, true) => original_lost(original, successor),
        (true, false) => successor_lost(original, successor),
        (false, false) => Verdict::Both(Hold::Away { serving: successor, original }),
    }
}

/// What makes a copy worth more than another of its index; the greater is better.
pub(super) fn worth(copy: &Judged<'_>) -> impl Ord + use<> {
    let stays = copy.leaving.is_none();
    let older = std::cmp::Reverse((copy.view.made_at, copy.view.id));
    (copy.here(), copy.leaving != Some(Leaving::Overdue), copy.well, stays, older)
}

fn both_here<'a>(terms: &Terms<'_>, original: Judged<'a>, successor: Judged<'a>) -> Verdict<'a> {
    match (original.leaving, successor.leaving) {
        (Some(leaving), None) => change(original, leaving, successor),
        (None, Some(leaving)) => change(successor, leaving, original),
        (Some(_), Some(_)) => better(original, successor),
        // A canary beside the copy that it tries to follow.
        (None, None) if original.held && !successor.held => {
            Verdict::Both(Hold::Changing { leaver: original, comer: successor })
        }
        // Two that are outdated: neither is waited for, the place is needed for what comes.
        (None, None) if original.held && !(original.well && successor.well) => {
            better(original, successor)
        }
        (None, None) => undecided(terms, original, successor),
    }
}

/// One leaves, the other stays: the first goes when the second can do without it, or when it is of
/// no use anyhow.
fn change<'a>(leaver: Judged<'a>, leaving: Leaving, comer: Judged<'a>) -> Verdict<'a> {
    let stray = comer.held && comer.view.template != leaver.view.template;
    if stray && !comer.well && leaver.well && leaving != Leaving::Overdue {
        // Left over from an update that another one has overtaken.
        return Verdict::One { stays: leaver, stops: comer, cause: StopCause::Updated };
    }
    if leaving == Leaving::Overdue || comer.settled || !leaver.well {
        return Verdict::One { stays: comer, stops: leaver, cause: leaving.stop() };
    }
    Verdict::Both(Hold::Changing { leaver, comer })
}

/// Neither has to leave: it was moved to a better host, or its host was lost and is back.
fn undecided<'a>(terms: &Terms<'_>, original: Judged<'a>, successor: Judged<'a>) -> Verdict<'a> {
    match successor.view.cause {
        Cause::HostLost => match terms.workload.spec.lost.winner {
            Winner::Original if original.well => duplicate(original, successor),
            Winner::Replacement if successor.well => duplicate(successor, original),
            Winner::Original | Winner::Replacement => {
                Verdict::Both(Hold::Contest { original, replacement: successor })
            }
        },
        Cause::Rebalanced if successor.settled => {
            Verdict::One { stays: successor, stops: original, cause: StopCause::Rebalanced }
        }
        Cause::Rebalanced => Verdict::Both(Hold::Changing { leaver: original, comer: successor }),
        // A drain was cancelled, a constraint holds again: what was begun is not needed any more.
        Cause::Missing
        | Cause::Canary
        | Cause::Updated
        | Cause::Drained
        | Cause::HostGone
        | Cause::Failed
        | Cause::Unfitting
        | Cause::Preempted => better(original, successor),
    }
}

/// The original is waited for, unless it would have to leave even if it came back.
fn original_lost<'a>(original: Judged<'a>, successor: Judged<'a>) -> Verdict<'a> {
    match original.leaving {
        Some(leaving) if successor.leaving.is_none() && successor.settled => {
            Verdict::One { stays: successor, stops: original, cause: leaving.stop() }
        }
        Some(_) | None => Verdict::Both(Hold::Away { serving: successor, original }),
    }
}

fn successor_lost<'a>(original: Judged<'a>, successor: Judged<'a>) -> Verdict<'a> {
    let goes = original.leaving.is_some() || original.held;
    match original.leaving {
        Some(Leaving::Overdue) => {
            Verdict::One { stays: successor, stops: original, cause: StopCause::Drained }
        }
        _ if goes && successor.state == State::Lost => {
            Verdict::One { stays: original, stops: successor, cause: StopCause::Replaced }
        }
        _ if goes => Verdict::Both(Hold::Changing { leaver: original, comer: successor }),
        _ if original.well => duplicate(original, successor),
        _ => Verdict::Both(Hold::Contest { original, replacement: successor }),
    }
}

fn duplicate<'a>(stays: Judged<'a>, stops: Judged<'a>) -> Verdict<'a> {
    Verdict::One { stays, stops, cause: StopCause::Duplicate }
}

/// The better one stays. The other stops for its own reason, if it has one.
fn better<'a>(a: Judged<'a>, b: Judged<'a>) -> Verdict<'a> {
    let (stays, stops) = if worth(&a) >= worth(&b) { (a, b) } else { (b, a) };
    let cause = stops.leaving.map_or(StopCause::Surplus, Leaving::stop);
    Verdict::One { stays, stops, cause }
}

impl<'a> Hold<'a> {
    /// The copy that does the work.
    pub(super) const fn serving(&self) -> Judged<'a> {
        match self {
            Self::One(copy) => *copy,
            Self::Away { serving, .. } => *serving,
            Self::Changing { leaver, .. } => *leaver,
            Self::Contest { original, .. } => *original,
        }
    }

    /// The other one.
    pub(super) const fn other(&self) -> Option<Judged<'a>> {
        match self {
            Self::One(_) => None,
            Self::Away { original, .. } => Some(*original),
            Self::Changing { comer, .. } => Some(*comer),
            Self::Contest { replacement, .. } => Some(*replacement),
        }
    }

    pub(super) fn any(&self, of: impl Fn(&Judged<'_>) -> bool) -> bool {
        of(&self.serving()) || self.other().is_some_and(|other| of(&other))
    }

    pub(super) fn settled(&self) -> bool {
        self.any(|copy| copy.settled)
    }

    /// The copy that may be replaced now: none while a change is under way.
    pub(super) const fn replaceable(&self) -> Option<Judged<'a>> {
        match self {
            Self::One(copy) | Self::Away { serving: copy, .. } => Some(*copy),
            Self::Changing { .. } | Self::Contest { .. } => None,
        }
    }
}
