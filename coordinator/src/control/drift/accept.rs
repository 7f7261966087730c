//! Accepting drift: what was found becomes right, in a new version of the baseline.

use tamer_model::{FindingId, Problem};
use tamer_proto::wire;

use super::baselines::audited;
use super::snapshots::audited as audited_snapshot;
use super::view;
use crate::control::{Asker, People};
use crate::drift::{Accepting, name_of};

impl People {
    pub(super) async fn accept_drift(
        &self,
        asker: &Asker,
        request: wire::AcceptDriftRequest,
    ) -> Result<wire::BaselineView, Problem> {
        let wire::AcceptDriftRequest { baseline, findings, all, note, expected } = request;
        if note.trim().is_empty() {
            return Err(Problem::field("note", "it says nothing")
                .remedy("say why this is right: --note TEXT"));
        }
        if all != findings.is_empty() {
            return Err(Problem::field("findings", "name findings, or accept all of them"));
        }
        let invalid = |error: tamer_model::InvalidId| Problem::field("findings", error.to_string());
        let ids = findings.iter().map(|id| id.parse::<FindingId>().map_err(invalid));
        let findings = (!all).then(|| ids.collect::<Result<Vec<_>, _>>()).transpose()?;
        let accepting = Accepting {
            baseline: name_of(&baseline)?,
            findings,
            note,
            expected: (expected > 0).then_some(expected),
        };
        let taken = audited_snapshot(asker, "snapshot.take");
        let set = audited(asker, "baseline.accept");
        let (record, snapshot) = self.drift.accept(accepting, &asker.name, (&taken, &set)).await?;
        Ok(view::baseline(&record, snapshot.hosts, false))
    }
}
