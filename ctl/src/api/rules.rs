//! The coordinator's `Drift` service: ignore rules, tried, kept and proposed.

use serde::de::DeserializeOwned;
use tamer_drift::finding::{Proposal, Replay};
use tamer_model::{Code, Problem};
use tamer_proto::wire;

use super::{Api, answer};
use crate::contract::Rule;

impl Api {
    /// Writes a rule, in the place of one of the same name. Whose it is the coordinator says.
    pub async fn put_rule(&mut self, document: String) -> Result<Rule, Problem> {
        answer(self.drift.put_rule(wire::PutRuleRequest { document }).await).and_then(rule)
    }

    /// Every rule, by name.
    pub async fn rules(&mut self) -> Result<Vec<Rule>, Problem> {
        let listed = answer(self.drift.list_rules(wire::ListRulesRequest {}).await)?;
        listed.rules.into_iter().map(rule).collect()
    }

    /// Removes a rule; what it hides is told again. Returns its name.
    pub async fn remove_rule(&mut self, name: &str) -> Result<String, Problem> {
        let request = wire::RemoveRuleRequest { id: name.to_owned() };
        answer(self.drift.remove_rule(request).await).map(|removed| removed.id)
    }

    /// What a rule would have hidden since then, in milliseconds since the Unix epoch; none: of all
    /// that is kept.
    pub async fn replay_rule(
        &mut self,
        document: String,
        since: Option<u64>,
    ) -> Result<Replay, Problem> {
        let request = wire::ReplayRuleRequest { document, since: since.unwrap_or(0) };
        read(&answer(self.drift.replay_rule(request).await)?.document)
    }

    /// Rules that the history since then suggests.
    pub async fn propose_noise(&mut self, since: Option<u64>) -> Result<Vec<Proposal>, Problem> {
        let request = wire::ProposeNoiseRequest { since: since.unwrap_or(0) };
        read(&answer(self.drift.propose_noise(request).await)?.document)
    }
}

fn rule(view: wire::RuleView) -> Result<Rule, Problem> {
    let wire::RuleView { id: _, document, by: _, at } = view;
    Ok(Rule::new(read(&document)?, at))
}

fn read<T: DeserializeOwned>(document: &str) -> Result<T, Problem> {
    serde_json::from_str(document).map_err(|error| {
        let message = format!("what the coordinator tells of rules cannot be read: {error}");
        Problem::new(Code::VersionUnsupported, message)
            .remedy("use a tamerctl of the coordinator's version: `tamerctl status` shows it")
    })
}
