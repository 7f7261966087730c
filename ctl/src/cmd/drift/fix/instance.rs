//! What mends an instance: that it runs as it did, and its workload where it is a copy of one.

use tamer_drift::finding::{Finding, How};
use tamer_model::{InstanceAction, ProviderName};

use super::mend::{Asked, Copies, Mend, NO_NAME, cannot, field, others, text};
use super::names;

/// What mends it.
pub fn mend(finding: &Finding, copies: &Copies, asked: Asked) -> Mend {
    if let Some(name) = copies.workload(finding) {
        return copy(finding, name);
    }
    let named = names::is_instance(&finding.name)
        && finding.source.as_str().parse::<ProviderName>().is_ok();
    match finding.change {
        _any if !named => cannot(NO_NAME),
        How::Changed => changed(finding),
        How::Created if asked.named && asked.yes => {
            let running = field(finding, "state").map(|state| text(state.after.as_ref()));
            let force = matches!(running, Some("running" | "paused" | "restarting"));
            Mend::Instance { action: InstanceAction::Remove { force }, rest: None }
        }
        How::Created => cannot(format!(
            "made by hand: to remove it with what it holds, name it and say yes: \
             `tamerctl drift --fix {} --yes`",
            finding.id
        )),
        How::Deleted => cannot("what it was made of is not in a baseline: make it anew by hand"),
        How::Moved | How::Replaced | How::Due => {
            cannot("what was there before is gone: make it anew by hand, or accept the new one")
        }
    }
}

/// Its host keeps a copy running by itself; what a copy is made of comes with a new one alone.
fn copy(finding: &Finding, workload: &str) -> Mend {
    match finding.change {
        How::Changed if others(finding, &["state"]).is_some() => {
            Mend::Workload { name: workload.to_owned() }
        }
        How::Changed | How::Created | How::Deleted | How::Moved | How::Replaced | How::Due => {
            cannot(format!(
                "it is a copy of {workload}, which is kept as it should be without a command: \
             `tamerctl workload show {workload}`"
            ))
        }
    }
}

fn changed(finding: &Finding) -> Mend {
    let rest = others(finding, &["state"]);
    let state = field(finding, "state");
    let before = text(state.and_then(|state| state.before.as_ref()));
    let after = text(state.and_then(|state| state.after.as_ref()));
    match (stand(before), stand(after)) {
        (Some(Stand::Runs), Some(Stand::Off)) => done(InstanceAction::Start, rest),
        (Some(Stand::Runs), Some(Stand::Paused)) => done(InstanceAction::Resume, rest),
        (Some(Stand::Paused), Some(Stand::Runs)) => done(InstanceAction::Pause, rest),
        (Some(Stand::Off), Some(Stand::Runs | Stand::Paused)) => {
            done(InstanceAction::Stop { grace_ms: None }, rest)
        }
        (_, _) => cannot("what it is made of differs: make it anew by hand, or accept it"),
    }
}

fn done(action: InstanceAction, rest: Option<String>) -> Mend {
    Mend::Instance { action, rest }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Runs,
    Paused,
    Off,
}

/// Where an instance stands, in the words of its technology; none for those that pass.
fn stand(state: &str) -> Option<Stand> {
    match state {
        "running" => Some(Stand::Runs),
        "paused" => Some(Stand::Paused),
        "exited" | "stopped" | "created" | "configured" | "dead" => Some(Stand::Off),
        _passing => None,
    }
}
