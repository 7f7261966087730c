//! What `tamerctl` is told about hosts, tokens, batches and the audit.

use std::collections::{BTreeMap, HashMap};

use tamer_model::{
    AuditOutcome, AuditRecord, Cordon, Drain, Host, HostState, HostStatus, JoinedBy, LabelKey,
    LabelValue, Labels, MAX_LABELS, Problem, ProviderStatus, Timestamp,
};

use crate::wire;

/// A host and its state, as one message shows them.
#[derive(Debug, Clone)]
pub struct HostView<'a> {
    /// Who it is.
    pub host: &'a Host,
    /// How it is doing.
    pub status: &'a HostStatus,
    /// When it was last heard.
    pub last_seen: Timestamp,
    /// What its providers said last.
    pub providers: &'a [ProviderStatus],
    /// How many instances it has.
    pub instances: usize,
}

impl From<HostView<'_>> for wire::Host {
    fn from(view: HostView<'_>) -> Self {
        let HostView { host, status, last_seen, providers, instances } = view;
        let joined_by = match &host.joined_by {
            JoinedBy::Token(id) => format!("token/{id}"),
            JoinedBy::Approval(name) => format!("user/{name}"),
        };
        Self {
            id: host.id.to_string(),
            name: host.name.to_string(),
            state: status.state.as_str().to_owned(),
            labels: labels_out(&host.labels),
            facts: Some(host.facts.clone().into()),
            agent_version: host.agent_version.clone(),
            last_seen: last_seen.as_millis(),
            state_since: status.since.as_millis(),
            joined_at: host.joined_at.as_millis(),
            joined_by,
            certificate_ends: host.certificate_ends.as_millis(),
            clock_ahead_ms: host.clock_ahead_ms,
            peer: if status.state == HostState::Pending {
                String::new()
            } else {
                status.peer.clone()
            },
            join_code: String::new(),
            providers: providers.iter().cloned().map(Into::into).collect(),
            instances: u32::try_from(instances).unwrap_or(u32::MAX),
            cordon: host.cordon.clone().map(Into::into),
            drain: host.drain.clone().map(Into::into),
        }
    }
}

impl From<Cordon> for wire::Cordon {
    fn from(cordon: Cordon) -> Self {
        let Cordon { by, at, reason } = cordon;
        Self { by: by.to_string(), at: at.as_millis(), reason }
    }
}

impl From<Drain> for wire::Drain {
    fn from(drain: Drain) -> Self {
        let Drain { by, at, deadline, keep_every_host } = drain;
        Self {
            by: by.to_string(),
            at: at.as_millis(),
            deadline: deadline.map(Timestamp::as_millis),
            keep_every_host,
        }
    }
}

/// A join token without its secret.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are those of the message")]
pub struct TokenView {
    pub id: tamer_model::TokenId,
    pub created_at: Timestamp,
    pub created_by: tamer_model::UserName,
    pub expires_at: Timestamp,
    pub uses: u32,
    pub used: u32,
    pub labels: Labels,
    pub now: Timestamp,
}

impl From<TokenView> for wire::Token {
    fn from(token: TokenView) -> Self {
        let TokenView { id, created_at, created_by, expires_at, uses, used, labels, now } = token;
        let state = if expires_at <= now {
            "expired"
        } else if used >= uses {
            "used_up"
        } else {
            "usable"
        };
        Self {
            id: id.to_string(),
            created_at: created_at.as_millis(),
            created_by: created_by.to_string(),
            expires_at: expires_at.as_millis(),
            uses,
            used,
            labels: labels_out(&labels),
            state: state.to_owned(),
        }
    }
}

/// Labels as a message carries them.
pub fn labels_out(labels: &Labels) -> HashMap<String, String> {
    labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// Labels as a message brought them.
pub fn labels_in(labels: HashMap<String, String>) -> Result<Labels, Problem> {
    if labels.len() > MAX_LABELS {
        return Err(Problem::field(
            "labels",
            format!("{} labels, more than {MAX_LABELS}", labels.len()),
        ));
    }
    labels
        .into_iter()
        .map(|(key, value)| Ok((LabelKey::try_from(key)?, LabelValue::try_from(value)?)))
        .collect::<Result<BTreeMap<_, _>, Problem>>()
}

impl From<(String, AuditRecord)> for wire::AuditRecord {
    fn from((id, record): (String, AuditRecord)) -> Self {
        let AuditRecord { at, who, what, on, from, outcome, detail } = record;
        let outcome = match outcome {
            AuditOutcome::Done => "done".to_owned(),
            AuditOutcome::Refused(code) => code.as_str().to_owned(),
        };
        Self { id, at: at.as_millis(), who, what, on, from, outcome, detail }
    }
}
