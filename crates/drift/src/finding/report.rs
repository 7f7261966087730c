//! The report: everything that differs, what hides some of it, and what nobody looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamer_model::{FindingId, HostId, HostName, RuleName, Timestamp};

use super::ignore::Acknowledgement;
use super::input::{Gap, Incomplete, Moment, Window};
use super::origin::Attribution;
use super::words::{Area, How, Severity, Verdict};
use crate::diff::{FieldChange, Path};
use crate::resource::{Kind, Source};

/// The version of a report's JSON. What is there keeps its meaning; more may come.
pub const REPORT_VERSION: u32 = 1;

/// What a comparison means. Its JSON is a stable contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// With what was compared.
    pub baseline: Moment,
    /// When the later look was.
    pub at: Timestamp,
    /// Whether something differs.
    pub verdict: Verdict,
    /// In figures and in a sentence.
    pub summary: Summary,
    /// The severest first; of these those with the most hosts.
    pub findings: Vec<Finding>,
    /// Findings that are one story. A finding is in one at most.
    pub groups: Vec<Group>,
    /// What ignore rules hide, by rule.
    pub hidden: Vec<Hidden>,
    /// What nobody looked at.
    pub unobserved: Vec<Unobserved>,
}

/// A report in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Hosts that were meant.
    pub hosts: u64,
    /// Hosts on which something differs that is not hidden.
    pub hosts_with_drift: u64,
    /// Hosts of which not everything was seen.
    pub hosts_unobserved: u64,
    /// Changes of resources in all.
    pub changes: u64,
    /// Changes that ignore rules hide.
    pub hidden: u64,
    /// Deletions that are not told, because their source was not seen whole.
    pub withheld: u64,
    /// Findings by severity.
    pub findings: BTreeMap<Severity, u64>,
    /// Findings that are set aside.
    pub acknowledged: u64,
    /// In a sentence.
    pub words: String,
}

/// One thing that differs, on however many hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Made of what it says and where that comes from: the same drift has the same id tomorrow.
    pub id: FindingId,
    /// What sort of thing.
    pub kind: Kind,
    /// Who tells of it.
    pub source: Source,
    /// What people call it.
    pub name: String,
    /// How it differs.
    pub change: How,
    /// What it is about.
    pub area: Area,
    /// How much it matters.
    pub severity: Severity,
    /// Which rule says so.
    pub rule: RuleName,
    /// And why.
    pub reason: String,
    /// In one sentence.
    pub title: String,
    /// Where it comes from.
    pub origin: Attribution,
    /// What differs, the same on every host.
    pub fields: Vec<FieldChange>,
    /// What differs too, and otherwise on each host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub varies: Vec<Path>,
    /// Where; the first of them where a document has no room for all.
    pub hosts: Vec<Member>,
    /// How many more there are than `hosts` names.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hosts_left_out: u64,
    /// Hosts like these on which it does not differ so.
    #[serde(default, skip_serializing_if = "Exceptions::is_none")]
    pub exceptions: Exceptions,
    /// Findings that have to do with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<FindingId>,
    /// Its place among the report's groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// How sure it is that this is what happened, 0 to 100.
    pub confidence: u8,
    /// Why so sure, in words.
    pub evidence: String,
    /// Between which looks it happened, over all hosts.
    pub window: Window,
    /// The earliest look that saw it.
    pub first_seen: Timestamp,
    /// Who set it aside, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
}

/// One host of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The host.
    pub host: HostId,
    /// What people call it.
    pub name: HostName,
    /// What the source there calls the resource.
    pub id: String,
    /// What it called the one that was there before, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_id: Option<String>,
    /// The host that it was on, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_host: Option<HostId>,
}

/// Hosts like those of a finding, without it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exceptions {
    /// How many.
    pub count: u64,
    /// Their names, at most [`MAX_EXCEPTIONS`].
    pub hosts: Vec<HostName>,
    /// What they have in common with those of the finding: `role=web`, or nothing but the fleet.
    pub alike: String,
}

/// The most exceptions that are named.
pub const MAX_EXCEPTIONS: usize = 64;

/// Findings that are one story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What it is about.
    pub area: Area,
    /// In one sentence.
    pub title: String,
    /// Why these are one.
    pub why: String,
    /// How sure that is, 0 to 100.
    pub confidence: u8,
    /// The severest of its findings.
    pub severity: Severity,
    /// Its findings, in the order of the report.
    pub findings: Vec<FindingId>,
    /// On how many hosts.
    pub hosts: u64,
}

/// What one ignore rule hides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// Which rule.
    pub rule: RuleName,
    /// Its reason.
    pub reason: String,
    /// Changes that are hidden whole. A change that several rules hide counts for the first of them.
    pub changes: u64,
    /// Fields of changes that are told without them.
    pub fields: u64,
    /// The hidden changes by how severe they would have been.
    pub severities: BTreeMap<Severity, u64>,
}

/// What nobody looked at on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unobserved {
    /// The host.
    pub host: HostId,
    /// What people call it.
    pub name: HostName,
    /// A time in which nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// A source that was not seen whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Incomplete>,
    /// Deletions that are not told for that.
    pub withheld: u64,
    /// In a sentence.
    pub words: String,
}

impl Report {
    /// The finding with this id.
    pub fn finding(&self, id: FindingId) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.id == id)
    }

    /// The group that a finding is in.
    pub fn group_of(&self, finding: &Finding) -> Option<&Group> {
        let at = usize::try_from(finding.group?).ok()?;
        self.groups.get(at)
    }

    /// Findings that nobody set aside.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.acknowledged.is_none())
    }
}

impl Finding {
    /// On how many hosts it is, of which `hosts` may name some only. A host on which there are
    /// several such things counts for each.
    pub fn hosts_in_all(&self) -> u64 {
        super::make::number(self.hosts.len()).saturating_add(self.hosts_left_out)
    }

    /// Names no more than `most` hosts, and counts the others.
    pub fn cut_hosts(&mut self, most: usize) {
        let all = self.hosts_in_all();
        self.hosts.truncate(most);
        self.hosts_left_out = all - super::make::number(self.hosts.len());
    }
}

impl Exceptions {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.count == 0
    }
}

/// A figure that says nothing is not told.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
