//! A comparison becomes a report.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{FindingId, Timestamp};

use super::alike::Alike;
use super::classify::{Classified, classify};
use super::deed::Deed;
use super::gather::{Draft, Gathered, Judges, gather};
use super::groups::{Story, stories};
use super::ignore::{Acknowledgement, IgnoreRule};
use super::input::Comparison;
use super::origin::Causes;
use super::owners::Owners;
use super::report::{Finding, Group, REPORT_VERSION, Report, Summary};
use super::rules::Rules;
use super::title;
use super::unobserved;
use super::words::{How, Verdict};

/// The most related findings that one names: those of its own thing, then those of its group.
pub const MAX_RELATED: usize = 16;

/// What decides what changes mean.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How much what matters.
    pub rules: Rules,
    /// Who else changes things.
    pub owners: Owners,
    /// What nobody wants to hear of.
    pub ignores: Vec<IgnoreRule>,
    /// What was set aside.
    pub acknowledged: Vec<Acknowledgement>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Rules::shipped(),
            owners: Owners::shipped(),
            ignores: Vec::new(),
            acknowledged: Vec::new(),
        }
    }
}

impl Report {
    /// What a comparison means. The same for the same input, whatever the order of hosts, changes,
    /// deeds and rules of ignoring. The work is n log n in the changes.
    pub fn of(comparison: &Comparison, deeds: &[Deed], settings: &Settings) -> Self {
        let mut all = classify(comparison);
        let judges = Judges {
            rules: &settings.rules,
            causes: Causes::new(deeds, &settings.owners, comparison.now),
            ignores: in_force(&settings.ignores, comparison.now),
            now: comparison.now,
        };
        let Gathered { drafts, hidden } = gather(&mut all, &judges);
        let stories = stories(&drafts);
        let alike = Alike::new(&all.hosts, &drafts);
        let mut findings: Vec<_> = drafts.iter().map(|draft| finding(draft, &alike)).collect();
        set_aside(&mut findings, &settings.acknowledged, comparison.now);
        relate(&drafts, &stories, &mut findings);
        let groups = groups(&drafts, stories, &mut findings);
        findings.sort_by(|a, b| {
            let order = |one: &Finding| (one.severity, one.hosts.len());
            order(b).cmp(&order(a)).then(a.id.cmp(&b.id))
        });
        let unobserved = unobserved::told(&all);
        let mut report = Self {
            version: REPORT_VERSION,
            baseline: comparison.baseline.clone(),
            at: comparison.now,
            verdict: verdict(&findings, unobserved.is_empty()),
            summary: summary(&all, &findings),
            findings,
            groups,
            hidden,
            unobserved,
        };
        report.order_groups();
        report.count();
        report
    }
}

/// The first of several that hide one change is the first by name.
fn in_force(all: &[IgnoreRule], now: Timestamp) -> Vec<&IgnoreRule> {
    let mut rules: Vec<_> = all.iter().filter(|rule| rule.is_in_force(now)).collect();
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    rules
}

fn finding(draft: &Draft<'_>, alike: &Alike<'_>) -> Finding {
    let (confidence, evidence) = sure(draft);
    let mark = &draft.mark;
    Finding {
        id: draft.id,
        kind: mark.kind,
        source: mark.source.clone(),
        name: mark.name.clone(),
        change: mark.how,
        area: draft.judgement.area,
        severity: draft.judgement.severity,
        rule: draft.judgement.rule.clone(),
        reason: draft.judgement.reason.clone(),
        title: title::title(draft),
        origin: draft.origin.clone(),
        fields: draft.fields.clone(),
        varies: draft.varies.iter().cloned().collect(),
        hosts: draft.members.clone(),
        hosts_left_out: 0,
        exceptions: alike.exceptions(draft),
        related: Vec::new(),
        group: None,
        confidence,
        evidence: evidence.to_owned(),
        window: draft.window,
        first_seen: draft.first_seen,
        acknowledged: None,
    }
}

/// How sure it is that this is what happened.
fn sure(draft: &Draft<'_>) -> (u8, &'static str) {
    let other_host = draft.members.iter().any(|member| member.before_host.is_some());
    match draft.mark.how {
        How::Created => (100, "it was not there at the baseline, and was seen since"),
        How::Deleted => {
            (100, "it was there at the baseline, and its source was seen whole without it")
        }
        How::Changed => (100, "both sides were seen"),
        How::Moved if other_host => {
            (80, "one went on one host, and one of the same name and image came on another")
        }
        How::Moved => (90, "exactly one went and one came with the same content"),
        How::Replaced => (95, "exactly one went and one came under the same name"),
        How::Due => (100, "its end is written in it"),
    }
}

fn set_aside(findings: &mut [Finding], all: &[Acknowledgement], now: Timestamp) {
    let in_force = all.iter().filter(|one| now < one.until);
    let mut latest: BTreeMap<FindingId, &Acknowledgement> = BTreeMap::new();
    for one in in_force {
        let kept = latest.entry(one.finding).or_insert(one);
        if (one.until, &one.by, &one.note) > (kept.until, &kept.by, &kept.note) {
            *kept = one;
        }
    }
    for finding in findings {
        finding.acknowledged = latest.get(&finding.id).map(|one| (*one).clone());
    }
}

/// Drafts and findings lie in the same order here.
fn relate(drafts: &[Draft<'_>], stories: &[Story], findings: &mut [Finding]) {
    let mut of_subject: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        of_subject.entry(draft.mark.subject()).or_default().push(at);
    }
    let sets = of_subject.values().chain(stories.iter().map(|story| &story.members));
    for set in sets {
        // One more than is named, because one of them may be the finding itself.
        let ids: Vec<_> = set.iter().take(MAX_RELATED + 1).map(|at| drafts[*at].id).collect();
        for at in set {
            let finding = &mut findings[*at];
            for id in &ids {
                let known = *id == finding.id || finding.related.contains(id);
                if !known && finding.related.len() < MAX_RELATED {
                    finding.related.push(*id);
                }
            }
        }
    }
}

fn groups(drafts: &[Draft<'_>], stories: Vec<Story>, findings: &mut [Finding]) -> Vec<Group> {
    let mut groups = Vec::with_capacity(stories.len());
    for story in stories {
        let place = u32::try_from(groups.len()).ok();
        let members = &story.members;
        let hosts: BTreeSet<_> =
            members.iter().flat_map(|at| drafts[*at].parts.iter().map(|part| part.0)).collect();
        members.iter().for_each(|at| findings[*at].group = place);
        let severity = members.iter().map(|at| findings[*at].severity).max();
        groups.push(Group {
            area: story.area,
            title: story.title,
            why: story.why,
            confidence: story.confidence,
            severity: severity.expect("a story has two findings"),
            findings: members.iter().map(|at| findings[*at].id).collect(),
            hosts: number(hosts.len()),
        });
    }
    groups
}

fn verdict(findings: &[Finding], all_seen: bool) -> Verdict {
    match (findings.is_empty(), all_seen) {
        (false, _) => Verdict::Drift,
        (true, true) => Verdict::None,
        (true, false) => Verdict::NotObserved,
    }
}

fn summary(all: &Classified<'_>, findings: &[Finding]) -> Summary {
    let with: BTreeSet<_> =
        findings.iter().flat_map(|one| one.hosts.iter().map(|member| member.host)).collect();
    let mut by_severity = BTreeMap::new();
    for finding in findings {
        *by_severity.entry(finding.severity).or_insert(0) += 1;
    }
    Summary {
        hosts: number(all.hosts.len()),
        hosts_with_drift: number(with.len()),
        hosts_unobserved: 0,
        changes: all.changes,
        hidden: 0,
        withheld: all.withheld.values().sum(),
        findings: by_severity,
        acknowledged: number(findings.iter().filter(|one| one.acknowledged.is_some()).count()),
        words: String::new(),
    }
}

pub(super) fn number(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl Report {
    /// A group's findings lie in the order of the report, and groups in the order of their first.
    fn order_groups(&mut self) {
        let place: BTreeMap<_, _> =
            self.findings.iter().enumerate().map(|(at, finding)| (finding.id, at)).collect();
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        for group in &mut self.groups {
            group.findings.sort_by_key(|id| place[id]);
        }
        order.sort_by_key(|at| place[&self.groups[*at].findings[0]]);
        let mut new = vec![0; order.len()];
        for (to, from) in order.iter().enumerate() {
            new[*from] = to;
        }
        let mut sorted: Vec<_> = std::mem::take(&mut self.groups).into_iter().zip(&new).collect();
        sorted.sort_by_key(|(_, to)| **to);
        self.groups = sorted.into_iter().map(|(group, _)| group).collect();
        for finding in &mut self.findings {
            let old = finding.group.and_then(|at| usize::try_from(at).ok());
            finding.group = old.and_then(|at| u32::try_from(new[at]).ok());
        }
    }

    fn count(&mut self) {
        let unseen: BTreeSet<_> = self.unobserved.iter().map(|one| one.host).collect();
        self.summary.hosts_unobserved = number(unseen.len());
        self.summary.hidden = self.hidden.iter().map(|one| one.changes).sum();
        self.summary.words = unobserved::sentence(self);
    }
}
