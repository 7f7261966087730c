//! Hosts, as the coordinator remembers them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    Facts, Fingerprint, HostId, HostName, JournalId, Labels, Subject, Timestamp, TokenId, UserName,
};

/// A host of the fleet: who it is and what it said of itself. Its state is a record of its own,
/// because that one changes by the minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its id, for life.
    pub id: HostId,
    /// Its name, unique in the fleet.
    pub name: HostName,
    /// What people said about it.
    pub labels: Labels,
    /// What it said about itself.
    pub facts: Facts,
    /// The version of its agent.
    pub agent_version: String,
    /// When it joined.
    pub joined_at: Timestamp,
    /// What let it in.
    pub joined_by: JoinedBy,
    /// Its public key, by the fingerprint of the SubjectPublicKeyInfo.
    pub key: Fingerprint,
    /// The key of a certificate that was issued at a renewal and not yet seen in use. The old key
    /// stays good until then.
    pub next_key: Option<Fingerprint>,
    /// When the newest certificate ends.
    pub certificate_ends: Timestamp,
    /// How far its clock is ahead of the coordinator's, in milliseconds.
    pub clock_ahead_ms: i64,
    /// Set when it takes no new work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cordon: Option<Cordon>,
    /// Set when its placements are moved away. It is cordoned meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Drain>,
}

/// That a host's placements are moved away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Who said so.
    pub by: UserName,
    /// When.
    pub at: Timestamp,
    /// Until when copies are moved as their workloads' update limits allow; after that what is left
    /// is stopped at once. None: for as long as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Whether copies that run on every host stay.
    #[serde(default)]
    pub keep_every_host: bool,
}

/// Why a host takes no new work. What it runs goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cordon {
    /// Who said so.
    pub by: UserName,
    /// When.
    pub at: Timestamp,
    /// Why, in the words of who did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What let a host in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinedBy {
    /// A join token.
    Token(TokenId),
    /// A person's approval.
    Approval(UserName),
}

/// How a host is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// Its state.
    pub state: HostState,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// When it was last heard when this was written; while it is ready the coordinator that
    /// serves it knows better.
    pub last_seen: Timestamp,
    /// Where its agent dialled from.
    pub peer: String,
    /// The journal that its agent had.
    pub journal: Option<JournalId>,
}

/// Whether a host can be given work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    /// It asked to join and waits for approval.
    Pending,
    /// Its agent is heard.
    Ready,
    /// Its agent has been silent too long.
    Lost,
}

impl HostState {
    /// `pending`, `ready` or `lost`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Lost => "lost",
        }
    }
}

impl Subject for (&Host, HostState) {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let (host, state) = self;
        let facts = &host.facts;
        let text = match key {
            "id" => return Some(host.id.to_string().into()),
            "name" => host.name.as_str(),
            "state" => state.as_str(),
            "os" => facts.os.as_str(),
            "distro" => &facts.distro,
            "distro_version" => &facts.distro_version,
            "kernel" => &facts.kernel,
            "arch" => &facts.arch,
            "virtualization" => &facts.virtualization,
            "agent_version" => &host.agent_version,
            "cordoned" => match host.cordon {
                Some(_) => "true",
                None => "false",
            },
            label => host.labels.get(label)?.as_str(),
        };
        Some(text.into())
    }
}
