//! Rules about noise: written, tried, proposed; and findings that are set aside.

use tamer_drift::finding::IgnoreRule;
use tamer_model::{FindingId, Problem, RuleName, Timestamp};
use tamer_proto::wire;

use super::view;
use crate::audit;
use crate::control::{Asker, People};
use crate::drift::read_rule;

impl People {
    pub(super) async fn put_rule(
        &self,
        asker: &Asker,
        document: &str,
    ) -> Result<wire::RuleView, Problem> {
        let rule = rule_of(asker, document)?;
        let (name, reason) = (rule.name.clone(), rule.reason.clone());
        let audited = |commit| audit::done(commit, &asker.caller, "drift.rule", &name, &reason);
        let record = self.drift.put_rule(rule, &asker.name, &audited).await?;
        Ok(view::rule(&record))
    }

    pub(super) async fn list_rules(&self) -> Result<wire::ListRulesResponse, Problem> {
        let rules = self.drift.rules().await?.iter().map(view::rule).collect();
        Ok(wire::ListRulesResponse { rules })
    }

    pub(super) async fn remove_rule(
        &self,
        asker: &Asker,
        text: &str,
    ) -> Result<wire::RemoveRuleResponse, Problem> {
        let invalid = |error: tamer_model::InvalidName| Problem::field("id", error.to_string());
        let name: RuleName = text.parse().map_err(invalid)?;
        let audited = |commit| audit::done(commit, &asker.caller, "drift.rule.rm", &name, "");
        self.drift.remove_rule(&name, &audited).await?;
        Ok(wire::RemoveRuleResponse { id: name.to_string() })
    }

    pub(super) async fn replay_rule(
        &self,
        asker: &Asker,
        request: wire::ReplayRuleRequest,
    ) -> Result<wire::ReplayRuleResponse, Problem> {
        let wire::ReplayRuleRequest { document, since } = request;
        let rule = rule_of(asker, &document)?;
        let replay = self.drift.replay(&rule, Timestamp::from_millis(since)).await?;
        Ok(wire::ReplayRuleResponse { document: view::json(&replay) })
    }

    pub(super) async fn propose_noise(
        &self,
        asker: &Asker,
        request: wire::ProposeNoiseRequest,
    ) -> Result<wire::ProposeNoiseResponse, Problem> {
        let since = Timestamp::from_millis(request.since);
        let proposals = self.drift.proposals(since, &asker.name).await?;
        Ok(wire::ProposeNoiseResponse { document: view::json(&proposals) })
    }

    pub(super) async fn acknowledge(
        &self,
        asker: &Asker,
        request: wire::AcknowledgeDriftRequest,
    ) -> Result<wire::AcknowledgeDriftResponse, Problem> {
        let wire::AcknowledgeDriftRequest { finding, until, note } = request;
        let invalid = |error: tamer_model::InvalidId| Problem::field("finding", error.to_string());
        let id: FindingId = finding.parse().map_err(invalid)?;
        let detail = format!("until={until}");
        let audited = |commit| audit::done(commit, &asker.caller, "drift.acknowledge", id, &detail);
        let until = Timestamp::from_millis(until);
        self.drift.acknowledge(id, (until, note), &asker.name, &audited).await?;
        Ok(wire::AcknowledgeDriftResponse { finding, until: until.as_millis() })
    }
}

/// A rule is its asker's, whatever its document says.
fn rule_of(asker: &Asker, document: &str) -> Result<IgnoreRule, Problem> {
    read_rule(document, &asker.name)
}
