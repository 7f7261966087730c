//! What mends a unit of systemd: whether it runs, and whether it starts with the host.

use tamer_drift::finding::{Finding, How};

use super::mend::{Mend, NO_NAME, argv, cannot, commands, field, others, text};
use super::names;

/// What mends it.
pub fn mend(finding: &Finding) -> Mend {
    match finding.change {
        How::Created => {
            cannot("the unit was not there: mend the package or the file that it came with")
        }
        How::Deleted => cannot("the unit is gone: mend the package or the file that it came with"),
        How::Moved | How::Replaced | How::Due => cannot("which unit it was before is not known"),
        How::Changed if !names::is_unit(&finding.name) => cannot(NO_NAME),
        How::Changed => changed(finding),
    }
}

fn changed(finding: &Finding) -> Mend {
    let sides = |property| {
        let field = field(finding, property);
        let side = |side: fn(&tamer_drift::diff::FieldChange) -> Option<&tamer_drift::Value>| {
            text(field.and_then(side))
        };
        (side(|field| field.before.as_ref()), side(|field| field.after.as_ref()))
    };
    let (starts, runs) = (sides("enabled"), sides("active"));
    let mut verbs = enabling(starts);
    verbs.extend(running(runs));
    let mut mended = Vec::new();
    if !enabling(starts).is_empty() {
        mended.push("enabled");
    }
    if running(runs).is_some() {
        mended.push("active");
    }
    let all = verbs.into_iter().map(|verb| argv(["systemctl", verb, &finding.name])).collect();
    commands(all, others(finding, &mended))
}

/// What makes a unit start with its host as it did. A masked one cannot be enabled.
fn enabling((before, after): (&str, &str)) -> Vec<&'static str> {
    let verb = match before {
        "enabled" => "enable",
        "disabled" => "disable",
        "masked" => return vec!["mask"],
        // Static, generated, indirect, linked …: what the unit's file says, and nobody switches.
        _other if after == "masked" => return vec!["unmask"],
        _other => return Vec::new(),
    };
    if after == "masked" { vec!["unmask", verb] } else { vec![verb] }
}

/// What makes it run, or not run, as it did.
fn running((before, after): (&str, &str)) -> Option<&'static str> {
    match (before, after) {
        ("active", _) => Some("start"),
        ("inactive", "failed") => Some("reset-failed"),
        ("inactive" | "failed", "active") => Some("stop"),
        // Nobody wants a unit to have failed.
        (_, _) => None,
    }
}
