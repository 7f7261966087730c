//! Copies of workloads: made, started again, ended.
//!
//! A copy's record says when it was decided on and when it was to end, and its status since when it
//! stands where it does. Between these nobody of us does anything to it: what changes of a copy that
//! simply runs is not our doing. That it ended by itself is not either.

use std::collections::BTreeSet;
use std::time::Duration;

use tamer_drift::Kind;
use tamer_drift::diff::Change;
use tamer_drift::finding::{Deed, Doing, HostDrift, Touched};
use tamer_model::{
    CopyName, HostId, Phase, Placement, PlacementId, PlacementStatus, Timestamp, UserName, Wish,
    WorkloadName,
};

use super::Books;
use crate::workloads::Board;

/// How long it may take until a copy runs, with its image to fetch, where nothing says when it did:
/// the status of one whose health was checked since tells when that changed.
const MAKING: Duration = Duration::from_secs(60 * 60);
/// How long before and after it was told that a copy runs, or does not, what belongs to that may
/// happen: the start itself, its ports and networks, the next look.
const AROUND: Duration = Duration::from_secs(60);

/// Something that was done for a copy.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    from: Timestamp,
    /// None while it goes on.
    to: Option<Timestamp>,
    words: &'static str,
}

impl Books<'_> {
    pub(super) fn copies(&self, hosts: &BTreeSet<HostId>, from: Timestamp, deeds: &mut Vec<Deed>) {
        let board = self.workloads.read();
        for copy in board.copies().filter(|copy| hosts.contains(&copy.placement.host)) {
            let placement = &*copy.placement;
            let Some(applied) = board.workload(&placement.workload) else { continue };
            let workload = &applied.workload;
            let made_of = applied.templates.get(&placement.template);
            let provider = made_of.map_or(&workload.spec.provider, |template| &template.provider);
            let spans = spans(placement, copy.status.as_deref()).into_iter();
            let deed = |span: Span| Deed {
                doing: doing(&placement.workload, placement.id),
                host: placement.host,
                from: span.from,
                to: span.to,
                by: Some(workload.owner.clone()),
                words: format!("{} copy {}", span.words, placement.index),
                touched: Touched::of_copy(provider, &placement.instance_name()),
            };
            let in_time = |span: &Span| span.to.is_none_or(|to| to >= from);
            deeds.extend(spans.filter(in_time).map(deed));
        }
    }

    /// Copies that were ended, and of which no record is left: an instance that was called as a copy
    /// is, and is gone, while nobody wants that copy any more. One that is wanted was removed by
    /// somebody else.
    pub(super) fn ended(&self, hosts: &[&HostDrift], deeds: &mut Vec<Deed>) {
        let board = self.workloads.read();
        for host in hosts {
            deeds.extend(host.changes.iter().filter_map(|change| ended(&board, host, change)));
        }
    }
}

fn ended(board: &Board, host: &HostDrift, change: &Change) -> Option<Deed> {
    let (Some(gone), None) = (&change.before, &change.after) else { return None };
    let is_instance = gone.key.kind() == Kind::Instance;
    let CopyName { workload, index, id } = gone.name.parse().ok().filter(|_| is_instance)?;
    let provider = gone.key.source().as_str().parse().ok()?;
    if board.copy(id).is_some() {
        return None;
    }
    let by: Option<UserName> = board.workload(&workload).map(|one| one.workload.owner.clone());
    let window = host.window_of(&change.key);
    Some(Deed {
        doing: doing(&workload, id),
        host: host.host,
        from: window.from,
        to: Some(window.to),
        by,
        words: format!("has no copy {index} any more; it was ended"),
        touched: Touched::of_copy(&provider, &gone.name),
    })
}

fn doing(name: &WorkloadName, placement: PlacementId) -> Doing {
    Doing::Workload { name: name.clone(), placement }
}

/// What was done for a copy and when, as far as that is known.
fn spans(placement: &Placement, status: Option<&PlacementStatus>) -> Vec<Span> {
    let mut spans =
        vec![Span { from: placement.made_at, to: made(placement, status), words: "made" }];
    if let Some(status) = status
        && let Some(words) = done(status)
    {
        let from = earlier(status.since, AROUND);
        spans.push(Span { from, to: Some(status.since.plus(AROUND)), words });
    }
    if let Wish::Stop { at, .. } = placement.wish {
        let gone = status.filter(|status| status.phase == Phase::Gone);
        let to = gone.map(|gone| gone.since.max(at).plus(AROUND));
        spans.push(Span { from: at, to, words: "ended" });
    }
    spans
}

/// Until when it was being made; none while it is.
fn made(placement: &Placement, status: Option<&PlacementStatus>) -> Option<Timestamp> {
    let status = status?;
    let latest = placement.made_at.plus(MAKING);
    let first = status.restarts == 0;
    let ended = match status.phase {
        Phase::Accepted | Phase::Preparing if first => return None,
        // Nothing but that moves the time of one without a check.
        Phase::Running if first && status.healthy.is_none() => status.since,
        Phase::Accepted
        | Phase::Preparing
        | Phase::Running
        | Phase::Waiting
        | Phase::Failed
        | Phase::Completed
        | Phase::CutOff
        | Phase::Stopping
        | Phase::Gone => status.since.min(latest),
    };
    Some(ended.max(placement.made_at).plus(AROUND))
}

/// What was done when a copy came to stand where it does, if it was done by us.
fn done(status: &PlacementStatus) -> Option<&'static str> {
    match status.phase {
        Phase::Preparing | Phase::Running if status.restarts > 0 => Some("started again"),
        Phase::Completed => Some("ran to its end"),
        Phase::CutOff => Some("stopped, for want of a coordinator,"),
        Phase::Stopping | Phase::Gone => Some("ended"),
        // Its first start is part of making it; and one that waits or failed ended by itself.
        Phase::Accepted | Phase::Preparing | Phase::Running | Phase::Waiting | Phase::Failed => {
            None
        }
    }
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_sub(by.as_millis() as u64))
}

#[cfg(test)]
mod tests {
    use tamer_model::{Cause, Why};

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000 + seconds * 1000)
    }

    fn placement(wish: Wish) -> Placement {
        Placement {
            id: PlacementId::at(1_700_000_000_000, [7; 4]),
            workload: "my-shop".parse().expect("a name"),
            index: 3,
            template: 1,
            host: HostId::from_bytes([1; 10]),
            made_at: at(0),
            why: Why { cause: Cause::Missing, score: 1, fitting: 1, hosts: 1 },
            wish,
            replaces: None,
        }
    }

    fn status(phase: Phase, since: u64, restarts: u32, healthy: Option<bool>) -> PlacementStatus {
        let (reason, instance, exit_code) = (None, None, None);
        PlacementStatus { phase, healthy, since: at(since), restarts, reason, instance, exit_code }
    }

    /// The spans in seconds since it was decided on.
    fn told(wish: Wish, status: Option<PlacementStatus>) -> String {
        let seconds = |time: Timestamp| (time.as_millis() as i64 - 1_000_000_000) / 1000;
        let told = spans(&placement(wish), status.as_ref());
        let told = told.iter().map(|span| {
            let to = span.to.map(|to| seconds(to).to_string()).unwrap_or_default();
            format!("{} {}..{to}", span.words, seconds(span.from))
        });
        told.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_is_done_for_a_copy_has_an_end() {
        let month = 30 * 24 * 3600;
        let run = |phase, since, restarts, healthy| {
            told(Wish::Run, Some(status(phase, since, restarts, healthy)))
        };
        assert_eq!(told(Wish::Run, None), "made 0..");
        assert_eq!(run(Phase::Preparing, 5, 0, None), "made 0..");
        assert_eq!(run(Phase::Running, 20, 0, None), "made 0..80");
        assert_eq!(run(Phase::Running, 7200, 0, None), "made 0..7260", "a large image");
        assert_eq!(run(Phase::Running, month, 0, Some(false)), "made 0..3660", "it became unwell");
        let again = format!("made 0..3660, started again {}..{}", month - 60, month + 60);
        assert_eq!(run(Phase::Running, month, 2, None), again);
        assert_eq!(run(Phase::Waiting, month, 2, None), "made 0..3660", "it ended by itself");
        let stop = Wish::Stop { at: at(month), cause: tamer_model::StopCause::Surplus };
        let stopping = Some(status(Phase::Running, 20, 0, None));
        assert_eq!(told(stop, stopping), format!("made 0..80, ended {month}.."));
    }
}
