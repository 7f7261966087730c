//! What an ignore rule would have hidden, had it been there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tamer_model::{FindingId, RuleName};

use super::deed::Deed;
use super::ignore::IgnoreRule;
use super::input::Comparison;
use super::make::Settings;
use super::report::Report;
use super::show::count;
use super::words::Severity;

/// The most titles that are told of what would have been hidden.
pub const MAX_EXAMPLES: usize = 10;

/// What a rule would have hidden of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The rule.
    pub rule: RuleName,
    /// Over how many comparisons.
    pub comparisons: u64,
    /// Changes that would have been hidden whole.
    pub changes: u64,
    /// Fields that would have been left out of changes.
    pub fields: u64,
    /// The hidden changes by severity.
    pub severities: BTreeMap<Severity, u64>,
    /// Findings that would not have been told at all; one that came again counts once.
    pub findings: u64,
    /// The titles of the severest of these, at most [`MAX_EXAMPLES`].
    pub examples: Vec<String>,
    /// In a sentence.
    pub words: String,
}

/// Tries a rule on a history, with the rules that are there already. The rule is tried as if it had
/// been in force all the time.
pub fn replay(
    history: &[Comparison],
    deeds: &[Deed],
    settings: &Settings,
    rule: &IgnoreRule,
) -> Replay {
    let rule = IgnoreRule { until: None, ..rule.clone() };
    let mut ignores = settings.ignores.clone();
    ignores.retain(|one| one.name != rule.name);
    let without = Settings { ignores: ignores.clone(), ..settings.clone() };
    ignores.push(rule.clone());
    let with = Settings { ignores, ..settings.clone() };
    let mut replay = Replay::none(rule.name, super::make::number(history.len()));
    let mut gone: BTreeMap<(std::cmp::Reverse<Severity>, FindingId), String> = BTreeMap::new();
    for comparison in history {
        let before = Report::of(comparison, deeds, &without);
        let after = Report::of(comparison, deeds, &with);
        replay.add(&before, &after);
        let left: BTreeSet<_> = after.findings.iter().map(of_what).collect();
        for finding in before.findings.iter().filter(|one| !left.contains(&of_what(one))) {
            gone.insert((std::cmp::Reverse(finding.severity), finding.id), finding.title.clone());
        }
    }
    replay.findings = super::make::number(gone.len());
    replay.examples = gone.into_values().take(MAX_EXAMPLES).collect();
    replay.words = replay.sentence();
    replay
}

/// What a finding is about: one of which a field was left out is another finding about the same.
fn of_what(finding: &super::report::Finding) -> (crate::Kind, &crate::Source, &str, &str) {
    let id = finding.hosts.first().map_or("", |member| member.id.as_str());
    (finding.kind, &finding.source, &finding.name, id)
}

impl Replay {
    const fn none(rule: RuleName, comparisons: u64) -> Self {
        Self {
            rule,
            comparisons,
            changes: 0,
            fields: 0,
            severities: BTreeMap::new(),
            findings: 0,
            examples: Vec::new(),
            words: String::new(),
        }
    }

    /// What is hidden with the rule and was not without it, whichever rule it counts for.
    fn add(&mut self, before: &Report, after: &Report) {
        let hidden = |report: &Report| {
            let mut all: BTreeMap<Severity, u64> = BTreeMap::new();
            for (severity, many) in report.hidden.iter().flat_map(|one| &one.severities) {
                *all.entry(*severity).or_default() += many;
            }
            all
        };
        let (was, is) = (hidden(before), hidden(after));
        for (severity, many) in is {
            let more = many.saturating_sub(was.get(&severity).copied().unwrap_or(0));
            if more > 0 {
                *self.severities.entry(severity).or_default() += more;
                self.changes += more;
            }
        }
        let fields = |report: &Report| -> u64 { report.hidden.iter().map(|one| one.fields).sum() };
        self.fields += fields(after).saturating_sub(fields(before));
    }

    fn sentence(&self) -> String {
        let over = count(self.comparisons, "comparison");
        if self.changes == 0 && self.fields == 0 {
            return format!("This would have hidden nothing in {over}.");
        }
        let severe = [Severity::Critical, Severity::High].into_iter().filter_map(|severity| {
            self.severities.get(&severity).map(|many| format!(", {many} of severity {severity}"))
        });
        let severe: String = severe.collect();
        let fields = match self.fields {
            0 => String::new(),
            some => format!(" and {} of others", count(some, "field")),
        };
        format!(
            "This would have hidden {}{severe}{fields} in {over}.",
            count(self.changes, "change")
        )
    }
}
