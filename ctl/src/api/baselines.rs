//! The coordinator's `Drift` service: baselines.

use tamer_model::Problem;
use tamer_proto::wire;

use super::{Api, answer};
use crate::contract::{Baseline, Cleared};

/// A baseline to set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetBaseline {
    /// Empty: `default`.
    pub name: String,
    /// Its id or name; empty: one is taken now.
    pub snapshot: String,
    /// Over hosts; empty: all of the snapshot.
    pub selector: String,
    /// Why, for people.
    pub note: String,
    /// The version that it must be at; none: whichever.
    pub expected: Option<u32>,
}

/// Findings to take over into a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accept {
    /// Empty: `default`.
    pub baseline: String,
    /// Their ids; empty: every one there is.
    pub findings: Vec<String>,
    /// Why they are right.
    pub note: String,
    /// The version that was looked at; none: whichever.
    pub expected: Option<u32>,
}

impl Api {
    /// Makes a snapshot what is right.
    pub async fn set_baseline(&mut self, set: SetBaseline) -> Result<Baseline, Problem> {
        let SetBaseline { name, snapshot, selector, note, expected } = set;
        let expected = expected.unwrap_or(0);
        let request = wire::SetBaselineRequest { name, snapshot, selector, note, expected };
        answer(self.drift.set_baseline(request).await).map(Into::into)
    }

    /// The version in force of each baseline.
    pub async fn baselines(&mut self) -> Result<Vec<Baseline>, Problem> {
        let listed = answer(self.drift.list_baselines(wire::ListBaselinesRequest {}).await)?;
        Ok(listed.baselines.into_iter().map(Baseline::from).collect())
    }

    /// The versions of a baseline, newest first.
    pub async fn baseline_versions(&mut self, name: &str) -> Result<Vec<Baseline>, Problem> {
        let request = wire::ShowBaselineRequest { name: name.to_owned() };
        let shown = answer(self.drift.show_baseline(request).await)?;
        Ok(shown.versions.into_iter().map(Baseline::from).collect())
    }

    /// Takes findings over into a new version of a baseline.
    pub async fn accept_drift(&mut self, accept: Accept) -> Result<Baseline, Problem> {
        let Accept { baseline, findings, note, expected } = accept;
        let all = findings.is_empty();
        let expected = expected.unwrap_or(0);
        let request = wire::AcceptDriftRequest { baseline, findings, all, note, expected };
        answer(self.drift.accept_drift(request).await).map(Into::into)
    }

    /// Makes a baseline none. Its versions stay on record.
    pub async fn clear_baseline(&mut self, name: &str) -> Result<Cleared, Problem> {
        let request = wire::ClearBaselineRequest { name: name.to_owned() };
        let cleared = answer(self.drift.clear_baseline(request).await)?;
        Ok(Cleared { baseline: name.to_owned(), version: cleared.version })
    }
}
