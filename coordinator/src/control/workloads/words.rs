//! What policies and decisions mean, in sentences.

use tamer_model::{Lost, Patience, Protocol, Run, Winner, WorkloadSpec};
use tamer_proto::wire;
use tamer_scheduler::{Candidate, Part, Removal, Removed, Unplaced};

use crate::fleet::View;

/// What happens to a copy whose host is lost.
pub fn lost(spec: &WorkloadSpec) -> String {
    let Lost { replace_after, stop_after, winner } = spec.lost;
    let moved = match (replace_after, spec.run) {
        (_, Run::EveryHost) => "a copy on a lost host is waited for".to_owned(),
        (Patience::Never, _) => {
            "a copy on a lost host is waited for, and never replaced".to_owned()
        }
        (Patience::After(span), _) => {
            format!("a copy on a lost host is replaced elsewhere after {span}")
        }
    };
    let there = match stop_after {
        Patience::Never => "the copy there may run on".to_owned(),
        Patience::After(span) => {
            format!("the copy there stops itself after {span} without a coordinator")
        }
    };
    if matches!(replace_after, Patience::Never) || matches!(spec.run, Run::EveryHost) {
        return format!("{moved}; {there}");
    }
    let returned = match winner {
        Winner::Original => "the first one stays",
        Winner::Replacement => "the one that took its place stays, once it is well",
    };
    format!("{moved}; {there}; when both are seen to run, {returned}")
}

/// Copies that no host can take. `since`: in milliseconds, 0 when nobody knows.
pub fn unplaced(unplaced: Unplaced, since: u64) -> wire::Unplaced {
    let Unplaced { workload, copies, hosts, removed, remedies } = unplaced;
    let one = |Removal { by, hosts }| wire::Removed { constraint: removed_by(&by), hosts };
    wire::Unplaced {
        workload: workload.to_string(),
        copies,
        removed: removed.into_iter().map(one).collect(),
        hosts,
        remedies,
        since,
    }
}

/// Why copies have no host, in a few words: the smallest change that would help, or else what kept
/// most hosts away.
pub fn in_short(unplaced: &Unplaced) -> Option<String> {
    let Unplaced { hosts, removed, remedies, .. } = unplaced;
    if let Some(remedy) = remedies.first() {
        return Some(remedy.clone());
    }
    let Removal { by, hosts: most } = removed.iter().max_by_key(|removal| removal.hosts)?;
    Some(format!("{most} of {hosts}: {}", removed_by(by)))
}

/// What a host was removed by, as a person would name it.
pub fn removed_by(by: &Removed) -> String {
    match by {
        Removed::NotReady => "not ready".to_owned(),
        Removed::Cordoned => "cordoned".to_owned(),
        Removed::SetAside => "set aside, as copies keep failing there".to_owned(),
        Removed::Provider(provider) => format!("no provider {provider}"),
        Removed::Constraint(constraint) => constraint.clone(),
        Removed::With(name) => format!("no copy of {name}"),
        Removed::ApartFrom(name) => format!("a copy of {name}"),
        Removed::HasOne => "has a copy already".to_owned(),
        Removed::Skew(label) => format!("too many for its {label}"),
        Removed::Cpu => "cpu".to_owned(),
        Removed::Memory => "memory".to_owned(),
        Removed::Disk => "disk".to_owned(),
        Removed::Device(device) => format!("device {device}"),
        Removed::Port(number, protocol) => port(*number, *protocol),
    }
}

/// `port 80/tcp`.
pub fn port(number: u16, protocol: Protocol) -> String {
    format!("port {number}/{}", protocol.as_str())
}

/// A host that fits, with its name.
pub fn candidate(view: &View, candidate: Candidate) -> wire::Candidate {
    let Candidate { host, points, parts } = candidate;
    let part = |Part { what, points }| wire::ScorePart { what, points };
    wire::Candidate {
        host: super::host_name(view, host),
        points,
        parts: parts.into_iter().map(part).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rest: &str, wanted: &str) {
        let text = format!(r#"{{"name":"web","provider":"docker","instance":{{}}{rest}}}"#);
        let spec: WorkloadSpec = serde_json::from_str(&text).expect("a spec");
        assert_eq!(lost(&spec), wanted);
    }

    #[test]
    fn the_policy_for_lost_hosts_is_told_whole() {
        check(
            "",
            "a copy on a lost host is replaced elsewhere after 5m; the copy there may run on; when \
             both are seen to run, the one that took its place stays, once it is well",
        );
        check(
            r#","lost":{"replace_after":"1h","stop_after":"30m","winner":"original"}"#,
            "a copy on a lost host is replaced elsewhere after 1h; the copy there stops itself after \
             30m without a coordinator; when both are seen to run, the first one stays",
        );
        check(
            r#","lost":{"replace_after":"never"}"#,
            "a copy on a lost host is waited for, and never replaced; the copy there may run on",
        );
        check(
            r#","run":"every_host""#,
            "a copy on a lost host is waited for; the copy there may run on",
        );
    }
}
