//! Findings as a selector: `-l drift.kind=package,drift.severity=high` names the hosts of which some
//! finding fits all of these terms. They are looked up when a batch's targets are frozen.

use std::borrow::Cow;
use std::collections::BTreeSet;

use tamer_drift::finding::Finding;
use tamer_model::{Code, HostId, Problem, Selector, Subject};

use super::compare::{Against, Asked};
use super::{Drift, baselines};

/// What the keys of findings begin with.
const PREFIX: &str = "drift.";
/// The keys that there are.
const KEYS: &[&str] =
    &["finding", "kind", "source", "name", "change", "area", "severity", "origin", "acknowledged"];

impl Drift {
    /// The selector without its terms about findings, and the hosts that these name; none when it
    /// has no such term.
    ///
    /// # Errors
    /// `SelectorInvalid` for a key that findings do not have, `NotFound` when there is no baseline.
    pub async fn select(
        &self,
        selector: Selector,
    ) -> Result<(Selector, Option<BTreeSet<HostId>>), Problem> {
        let (about, rest) = selector.split(PREFIX);
        if about.is_all() {
            return Ok((rest, None));
        }
        let known = |key: &str| key.strip_prefix(PREFIX).is_some_and(|key| KEYS.contains(&key));
        if let Some(key) = about.keys().find(|key| !known(key)) {
            let message = format!("findings have no {key:?}");
            let remedy = format!("use one of drift.{}", KEYS.join(", drift."));
            return Err(Problem::new(Code::SelectorInvalid, message).on("selector").remedy(remedy));
        }
        let against = Against::Baseline(baselines::name_of("")?);
        let asked = Asked { against, selector: Selector::default() };
        let drifted = self.drifted(&asked).await?;
        let fitting = drifted.report.findings.iter().filter(|one| about.matches(&Told(one)));
        let hosts = fitting.flat_map(|finding| finding.hosts.iter().map(|member| member.host));
        Ok((rest, Some(hosts.collect())))
    }
}

/// A finding as selectors see it.
pub struct Told<'a>(pub &'a Finding);

impl Subject for Told<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let Self(finding) = self;
        Some(match key.strip_prefix(PREFIX)? {
            "finding" => finding.id.to_string().into(),
            "kind" => finding.kind.as_str().into(),
            "source" => finding.source.as_str().into(),
            "name" => finding.name.as_str().into(),
            "change" => finding.change.as_str().into(),
            "area" => finding.area.as_str().into(),
            "severity" => finding.severity.as_str().into(),
            "origin" => finding.origin.origin.word().as_str().into(),
            "acknowledged" => finding.acknowledged.is_some().to_string().into(),
            _unknown => return None,
        })
    }
}
