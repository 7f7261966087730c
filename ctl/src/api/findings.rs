//! The coordinator's `Drift` service: what hosts were, alarms, and findings that are set aside.

use tamer_model::Problem;
use tamer_proto::wire;

use super::workloads::views;
use super::{Api, DriftQuestion, Views, answer};
use crate::contract::{Aside, DriftAlarm, HistoryEntry};

/// What of the past is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryQuestion {
    /// The host's name or id.
    pub host: String,
    /// KIND/ID or KIND/SOURCE/ID; empty: everything on the host.
    pub resource: String,
    /// In milliseconds since the Unix epoch; none: all that is kept.
    pub since: Option<u64>,
    /// How many entries at most.
    pub limit: u32,
}

impl Api {
    /// What a host was, step by step, the newest first.
    pub async fn history(
        &mut self,
        question: &HistoryQuestion,
    ) -> Result<Vec<HistoryEntry>, Problem> {
        let HistoryQuestion { host, resource, since, limit } = question.clone();
        let most = limit as usize;
        let mut entries: Vec<HistoryEntry> = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = wire::GetHistoryRequest {
                host: host.clone(),
                resource: resource.clone(),
                since: since.unwrap_or(0),
                // Zero would mean as many as the coordinator likes.
                page_size: limit.saturating_sub(entries.len() as u32).clamp(1, 1000),
                page_token,
            };
            let page = answer(self.drift.get_history(request).await)?;
            for entry in page.entries {
                entries.push(entry.try_into()?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() || entries.len() >= most {
                entries.truncate(most);
                return Ok(entries);
            }
        }
    }

    /// Tells the set of findings, and again whenever it is another one.
    pub async fn watch_drift(
        &mut self,
        question: DriftQuestion,
    ) -> Result<Views<DriftAlarm>, Problem> {
        let stream = answer(self.drift.watch_drift(wire::GetDriftRequest::from(question)).await)?;
        Ok(views(stream, |alarm| Ok(alarm.into())))
    }

    /// Sets a finding aside until then, in milliseconds since the Unix epoch; none: no longer.
    pub async fn acknowledge(
        &mut self,
        finding: &str,
        until: Option<u64>,
        note: &str,
    ) -> Result<Aside, Problem> {
        let request = wire::AcknowledgeDriftRequest {
            finding: finding.to_owned(),
            until: until.unwrap_or(0),
            note: note.to_owned(),
        };
        answer(self.drift.acknowledge_drift(request).await).map(Into::into)
    }
}
