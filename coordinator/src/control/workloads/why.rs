//! Why a placement is where it is, and why a workload's copies are not placed: in sentences.

use tamer_model::{
    Code, HostState, Phase, Placement, PlacementId, Problem, Timestamp, Wish, WorkloadName,
};
use tamer_proto::wire;

use super::{host_name, state, view, words};
use crate::control::People;
use crate::fleet::View;
use crate::workloads::{Board, Copy};

/// Hosts that are told as the best ones now.
const CANDIDATES: usize = 10;
/// Placements that are accounted for at once.
const SHOWN: usize = 100;

/// What a person asks about.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    Placement(PlacementId),
    Copy(WorkloadName, u32),
    Workload(WorkloadName),
}

impl People {
    pub(in crate::control) fn why(
        &self,
        request: &wire::WhyRequest,
    ) -> Result<wire::WhyResponse, Problem> {
        let (view, board) = (self.fleet.view(), self.workloads.read());
        let subject = read(&request.subject)?;
        let unknown = || {
            let text: String = request.subject.chars().take(80).collect();
            Problem::new(Code::NotFound, format!("there is no workload or placement {text:?}"))
                .on("subject")
                .remedy("`tamerctl workload ls` and `tamerctl workload show NAME` list them")
        };
        let (name, mut copies): (_, Vec<&Copy>) = match &subject {
            Subject::Placement(id) => {
                let copy = board.copy(*id).ok_or_else(unknown)?;
                (copy.placement.workload.clone(), vec![copy])
            }
            Subject::Copy(name, index) => {
                let of = board.copies_of(name).filter(|copy| copy.placement.index == *index);
                (name.clone(), of.collect())
            }
            Subject::Workload(name) => (name.clone(), board.copies_of(name).collect()),
        };
        copies.sort_by_key(|copy| (copy.placement.index, copy.placement.id));
        let mut lines = match &subject {
            Subject::Workload(name) => whole(&board, name).ok_or_else(unknown)?,
            Subject::Copy(name, index) if copies.is_empty() => {
                board.workload(name).ok_or_else(unknown)?;
                vec![format!("Copy {index} of {name} is nowhere.")]
            }
            Subject::Placement(_) | Subject::Copy(..) => {
                copies.iter().flat_map(|copy| account(&view, copy)).collect()
            }
        };
        let unplaced = board
            .unplaced(&name)
            .map(|(unplaced, since)| words::unplaced(unplaced, since.as_millis()));
        lines.extend(unplaced.iter().flat_map(nowhere));
        let candidates = board.scheduler().candidates(&name, CANDIDATES);
        Ok(wire::WhyResponse {
            lines,
            placements: copies
                .iter()
                .take(SHOWN)
                .map(|copy| view::placement(&view, copy))
                .collect(),
            unplaced,
            candidates: candidates.into_iter().map(|one| words::candidate(&view, one)).collect(),
        })
    }
}

fn read(text: &str) -> Result<Subject, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(Subject::Placement(id));
    }
    match text.split_once('/') {
        None => super::name(text).map(Subject::Workload),
        Some((name, index)) => {
            let index = index.parse().map_err(|_| {
                Problem::field("subject", format!("{index:?} is not the number of a copy"))
                    .remedy("write NAME, NAME/INDEX or a placement's id")
            })?;
            Ok(Subject::Copy(super::name(name)?, index))
        }
    }
}

/// How a workload stands, and what its copies are there for.
fn whole(board: &Board, name: &WorkloadName) -> Option<Vec<String>> {
    let applied = board.workload(name)?;
    let counts = board.scheduler().counts(name);
    let nowhere = board.scheduler().unplaced(name);
    let (state, reason) = state::state(&applied.workload, &counts, nowhere.as_ref());
    let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
    let mut lines = vec![
        format!("{name} is {}{reason}.", state.as_str()),
        format!(
            "Copies: {} wanted, {} running, {} well{}.",
            counts.wanted,
            counts.running,
            counts.well,
            match counts.former {
                0 => String::new(),
                former => format!(", {former} of another version"),
            },
        ),
        format!("When a host is lost: {}.", words::lost(&applied.workload.spec)),
    ];
    lines.extend(applied.workload.update.as_ref().map(|update| {
        format!(
            "Its update to version {} began at {}.",
            applied.workload.template,
            at(update.begun_at)
        )
    }));
    Some(lines)
}

/// Why a copy is where it is, and how it is doing.
fn account(view: &View, copy: &Copy) -> Vec<String> {
    let Placement { id, workload, index, template, host, made_at, why, replaces, wish } =
        &*copy.placement;
    let host_name = host_name(view, *host);
    let mut lines = vec![
        format!(
            "Copy {index} of {workload} ({id}) was made on {host_name} at {}, because {}.",
            at(*made_at),
            why.cause.as_str()
        ),
        format!(
            "{} of {} hosts fitted; {host_name} had {} points of 1000. It is of version {template}.",
            why.fitting, why.hosts, why.score
        ),
    ];
    lines.extend(replaces.map(|before| format!("It takes the place of {before}.")));
    if let Wish::Stop { at: since, cause } = wish {
        let since = at(*since);
        lines.push(format!("It is to stop since {since}, because {}.", cause.as_str()));
    }
    lines.push(told(copy));
    match view.host(*host).map(|member| (member.status.state, member.status.since)) {
        None => lines.push(format!("{host_name} was removed from the fleet.")),
        Some((HostState::Lost, since)) => lines.push(format!(
            "{host_name} is lost since {}: how the copy is doing now is not known.",
            at(since)
        )),
        Some((HostState::Ready | HostState::Pending, _)) => {}
    }
    lines
}

/// What its host told of it last.
fn told(copy: &Copy) -> String {
    let Some(status) = &copy.status else {
        return "Its agent has told nothing of it yet.".to_owned();
    };
    let health = match status.healthy {
        Some(true) => ", its health check finds it well",
        Some(false) => ", its health check finds it unwell",
        None => "",
    };
    let reason = status.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let restarts = match status.restarts {
        0 => String::new(),
        1 => " It was started again once.".to_owned(),
        many => format!(" It was started again {many} times."),
    };
    let phase = match status.phase {
        Phase::Accepted => "waits for room on its host",
        Phase::Preparing => "is being made",
        Phase::Running => "runs",
        Phase::Waiting => "ended, and is started again after a wait",
        Phase::Failed => "failed there",
        Phase::Completed => "ran to its end and succeeded",
        Phase::CutOff => "stopped itself, as it heard of no coordinator",
        Phase::Stopping => "is being stopped",
        Phase::Gone => "is gone",
    };
    format!("Its agent says since {} that it {phase}{health}{reason}.{restarts}", at(status.since))
}

/// Copies that have no host, and what would have to change.
fn nowhere(unplaced: &wire::Unplaced) -> Vec<String> {
    let wire::Unplaced { workload: _, copies, removed, hosts, remedies, since } = unplaced;
    let since = match since {
        0 => String::new(),
        since => format!(" since {}", at(Timestamp::from_millis(*since))),
    };
    let copies = match copies {
        1 => "1 copy has".to_owned(),
        copies => format!("{copies} copies have"),
    };
    let of = match hosts {
        0 => "there are no hosts".to_owned(),
        hosts => format!("of {hosts}"),
    };
    let mut lines = vec![format!("{copies} no host{since}; {of}:")];
    lines.extend(removed.iter().map(|wire::Removed { constraint, hosts }| {
        let takes = if *hosts == 1 { "takes" } else { "take" };
        format!("- {hosts} {takes} none: {constraint}")
    }));
    lines.extend(remedies.iter().map(|remedy| format!("To change that: {remedy}.")));
    lines
}

fn at(at: Timestamp) -> String {
    tamer_schedule::Zone::UTC.show(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_without_a_host_are_told_with_what_would_help() {
        let removed = |constraint: &str, hosts| {
            let constraint = constraint.to_owned();
            wire::Removed { constraint, hosts }
        };
        let mut unplaced = wire::Unplaced {
            workload: "web".to_owned(),
            copies: 2,
            removed: vec![removed("cordoned", 1), removed("memory", 3)],
            hosts: 4,
            remedies: vec!["uncordon the one host that would fit".to_owned()],
            since: 0,
        };
        let told = [
            "2 copies have no host; of 4:",
            "- 1 takes none: cordoned",
            "- 3 take none: memory",
            "To change that: uncordon the one host that would fit.",
        ];
        assert_eq!(nowhere(&unplaced), told);
        (unplaced.copies, unplaced.hosts, unplaced.since) = (1, 0, 1000);
        let first = "1 copy has no host since 1970-01-01 00:00:01+00:00; there are no hosts:";
        assert_eq!(nowhere(&unplaced)[0], first);
    }

    #[test]
    fn a_subject_is_a_placement_a_copy_or_a_workload() {
        let name: WorkloadName = "web".parse().expect("a name");
        let id = "p-0123456789abcdef";
        assert_eq!(read(id), Ok(Subject::Placement(id.parse().expect("an id"))));
        assert_eq!(read("web"), Ok(Subject::Workload(name.clone())));
        assert_eq!(read("web/3"), Ok(Subject::Copy(name, 3)));
        assert_eq!(read("web/x").expect_err("no number").field.as_deref(), Some("subject"));
        assert!(read("").is_err());
    }
}
