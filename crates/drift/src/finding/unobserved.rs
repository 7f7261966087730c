//! What nobody looked at, told every time: silence is never "no drift".

use super::classify::Classified;
use super::input::{Gap, HostDrift, Incomplete};
use super::report::{Report, Unobserved};
use super::show::{count, time};
use super::words::{Severity, Verdict};

pub(super) fn told(all: &Classified<'_>) -> Vec<Unobserved> {
    let mut told = Vec::new();
    for (at, host) in all.hosts.iter().enumerate() {
        told.extend(host.gaps.iter().map(|gap| of_gap(host, gap)));
        told.extend(host.incomplete.iter().enumerate().map(|(source, incomplete)| {
            let withheld = all.withheld.get(&(at, source)).copied().unwrap_or(0);
            of_source(host, incomplete, withheld)
        }));
    }
    told
}

fn of_gap(host: &HostDrift, gap: &Gap) -> Unobserved {
    let changed = match gap.changed {
        Some(changed) => format!("; {} changed inside", count(changed, "resource")),
        None => String::new(),
    };
    let (from, to) = (time(gap.window.from), time(gap.window.to));
    Unobserved {
        host: host.host,
        name: host.name.clone(),
        gap: Some(gap.clone()),
        incomplete: None,
        withheld: 0,
        words: format!("{} was not observed from {from} to {to}: {}{changed}", host.name, gap.why),
    }
}

fn of_source(host: &HostDrift, incomplete: &Incomplete, withheld: u64) -> Unobserved {
    let Incomplete { source, problem, .. } = incomplete;
    let left = match withheld {
        0 => String::new(),
        some => format!("; {} may be gone or only unseen", count(some, "resource")),
    };
    Unobserved {
        host: host.host,
        name: host.name.clone(),
        gap: None,
        incomplete: Some(incomplete.clone()),
        withheld,
        words: format!("{source} of {} was not seen whole: {problem}{left}", host.name),
    }
}

/// The report in a sentence.
pub(super) fn sentence(report: &Report) -> String {
    let summary = &report.summary;
    let hosts = count(summary.hosts, "host");
    let begin = match report.verdict {
        Verdict::None if summary.hosts == 0 => "No host was compared".to_owned(),
        Verdict::None => format!("No drift on {hosts}"),
        Verdict::NotObserved => {
            format!("Nothing was seen that differs, and not everything was seen of {hosts}")
        }
        Verdict::Drift => {
            let findings = Severity::ALL.iter().rev().filter_map(|severity| {
                summary.findings.get(severity).map(|many| format!("{many} {severity}"))
            });
            let total = count(summary.findings.values().sum(), "finding");
            let each: Vec<_> = findings.collect();
            format!("{total} ({}) on {} of {hosts}", each.join(", "), summary.hosts_with_drift)
        }
    };
    let mut words = begin;
    let more = [
        (summary.acknowledged, "finding", "set aside"),
        (summary.hidden, "change", "hidden by rules"),
        (summary.hosts_unobserved, "host", "not seen whole"),
    ];
    for (many, one, what) in more.into_iter().filter(|(many, _, _)| *many > 0) {
        words.push_str(&format!("; {} {what}", count(many, one)));
    }
    words.push('.');
    words
}
