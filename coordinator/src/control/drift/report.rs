//! What is different now, a page of findings at a time.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use tamer_drift::Kind;
use tamer_drift::finding::{Finding, Report, Severity, Unobserved};
use tamer_model::{FindingId, Problem};
use tamer_proto::wire;

use super::{next_page, offset, page_size, selector, view};
use crate::control::People;
use crate::drift::{Against, Asked, Drifted, name_of};

/// Bytes of a report's document; a message is shorter than 4 MiB.
const DOCUMENT: usize = 3 << 20;
/// Hosts of one finding, and lines of what was not observed, that a document holds. A finding counts
/// the hosts that are left out, and the figures of the summary count all.
const MEMBERS: usize = 2_000;

/// Which findings are asked for.
struct Wanted {
    kind: Option<Kind>,
    severity: Option<Severity>,
    finding: String,
    acknowledged: bool,
}

impl People {
    pub(super) async fn get_drift(
        &self,
        request: wire::GetDriftRequest,
    ) -> Result<wire::DriftReport, Problem> {
        let wanted = Wanted::read(&request)?;
        let drifted = self.drift.drifted(&asked(&request)?).await?;
        let fitting: Vec<&Finding> =
            drifted.report.findings.iter().filter(|finding| wanted.fits(finding)).collect();
        if !wanted.finding.is_empty() && fitting.is_empty() {
            return Err(no_finding(&wanted.finding));
        }
        let (from, size) = (offset(&request.page_token)?, page_size(request.page_size, 200, 1000));
        let mut report = without_findings(&drifted.report);
        let mut bytes = view::json(&report).len();
        let mut at = from;
        for finding in fitting.iter().skip(from).take(size) {
            let mut finding = Finding::clone(finding);
            finding.cut_hosts(MEMBERS);
            bytes += view::json(&finding).len();
            if bytes > DOCUMENT && !report.findings.is_empty() {
                break;
            }
            report.findings.push(finding);
            at += 1;
        }
        Ok(wire::DriftReport {
            document: view::json(&report),
            next_page_token: next_page(at, fitting.len()),
            findings: u32::try_from(fitting.len()).unwrap_or(u32::MAX),
            set: fingerprint(&drifted.set()),
            drift: drifted.report.open().next().is_some(),
            observed: drifted.observed(),
        })
    }
}

/// With what is compared, and which hosts are meant.
pub fn asked(request: &wire::GetDriftRequest) -> Result<Asked, Problem> {
    let against = match (request.baseline.as_str(), request.against.as_str()) {
        (baseline, "") => Against::Baseline(name_of(baseline)?),
        ("", snapshot) => Against::Snapshot(snapshot.to_owned()),
        (_, _) => {
            return Err(Problem::field("against", "either a baseline or a snapshot"));
        }
    };
    Ok(Asked { against, selector: selector(&request.selector)? })
}

/// One digest for a set of findings.
pub fn fingerprint(set: &BTreeSet<FindingId>) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    set.iter().for_each(|finding| context.update(finding.as_bytes()));
    context.finish().as_ref().to_vec()
}

/// Whether a report has something that is asked for.
pub fn of_interest(
    drifted: &Drifted,
    request: &wire::GetDriftRequest,
) -> Result<BTreeSet<FindingId>, Problem> {
    let wanted = Wanted::read(request)?;
    let fitting = drifted.report.findings.iter().filter(|finding| wanted.fits(finding));
    Ok(fitting.map(|finding| finding.id).collect())
}

impl Wanted {
    fn read(request: &wire::GetDriftRequest) -> Result<Self, Problem> {
        let wire::GetDriftRequest { kind, severity, finding, acknowledged, .. } = request;
        let kind = (!kind.is_empty()).then(|| kind.parse()).transpose();
        let severity = (!severity.is_empty()).then(|| severity.parse()).transpose();
        Ok(Self {
            kind: kind.map_err(|problem: Problem| problem.on("kind"))?,
            severity: severity.map_err(|problem: Problem| problem.on("severity"))?,
            finding: finding.clone(),
            acknowledged: *acknowledged,
        })
    }

    fn fits(&self, finding: &Finding) -> bool {
        let named = !self.finding.is_empty();
        self.kind.is_none_or(|kind| finding.kind == kind)
            && self.severity.is_none_or(|least| finding.severity >= least)
            && (!named || finding.id.to_string().starts_with(&self.finding))
            && (named || self.acknowledged || finding.acknowledged.is_none())
    }
}

/// The frame of a report: its figures, its groups, what is hidden and what was not observed.
fn without_findings(report: &Report) -> Report {
    let unobserved: Vec<Unobserved> = report.unobserved.iter().take(MEMBERS).cloned().collect();
    Report {
        version: report.version,
        baseline: report.baseline.clone(),
        at: report.at,
        verdict: report.verdict,
        summary: report.summary.clone(),
        findings: Vec::new(),
        groups: report.groups.clone(),
        hidden: report.hidden.clone(),
        unobserved,
    }
}

fn no_finding(id: &str) -> Problem {
    let id: String = id.chars().take(64).collect();
    Problem::new(tamer_model::Code::NotFound, format!("there is no finding {id:?} now"))
        .on("finding")
        .remedy("`tamerctl drift` shows what there is now")
}
