//! What is read of an engine's answers, and nothing more of them.
//!
//! Engines leave out, or give as null, what they have nothing to say about; so almost everything is
//! optional, and unknown words are no error.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

/// A container in a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Summary {
    pub(crate) id: String,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) image: Option<String>,
    /// Seconds since the epoch.
    pub(crate) created: Option<i64>,
    pub(crate) ports: Option<Vec<SummaryPort>>,
    pub(crate) labels: Option<BTreeMap<String, String>>,
    pub(crate) state: Option<String>,
    /// "Exited (3) 2 minutes ago".
    pub(crate) status: Option<String>,
    pub(crate) network_settings: Option<Networks>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SummaryPort {
    #[serde(rename = "IP")]
    pub(crate) ip: Option<String>,
    pub(crate) private_port: u16,
    pub(crate) public_port: Option<u16>,
    #[serde(rename = "Type")]
    pub(crate) protocol: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Networks {
    pub(crate) networks: Option<BTreeMap<String, Option<Attachment>>>,
}

/// A container's place on a network.
#[derive(Debug, Deserialize)]
pub(crate) struct Attachment {
    #[serde(rename = "IPAddress")]
    ip_address: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    global_ipv6_address: Option<String>,
}

impl Attachment {
    /// Its addresses; an engine writes an empty text where there is none.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let texts = [&self.ip_address, &self.global_ipv6_address];
        texts.into_iter().flatten().filter_map(|text| text.parse().ok())
    }
}

/// A container as it is inspected: what decides about calls.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Inspected {
    pub(crate) state: InspectedState,
    pub(crate) config: InspectedConfig,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InspectedState {
    #[serde(default)]
    pub(crate) running: bool,
    #[serde(default)]
    pub(crate) paused: bool,
    #[serde(default, rename = "OOMKilled")]
    pub(crate) oom_killed: bool,
    #[serde(default)]
    pub(crate) status: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InspectedConfig {
    #[serde(default)]
    pub(crate) tty: bool,
    /// Seconds.
    pub(crate) stop_timeout: Option<u64>,
}

/// What was made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Made {
    pub(crate) id: String,
}

/// A line of a pull or a load.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) status: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) progress_detail: Option<StepDetail>,
    /// A sentence for people: "Loaded image: a:1".
    pub(crate) stream: Option<String>,
    pub(crate) error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StepDetail {
    pub(crate) current: Option<u64>,
    pub(crate) total: Option<u64>,
}

/// Something that happened.
#[derive(Debug, Deserialize)]
pub(crate) struct Happened {
    #[serde(rename = "Type")]
    pub(crate) kind: Option<String>,
    #[serde(rename = "Action")]
    pub(crate) action: Option<String>,
    #[serde(rename = "Actor")]
    pub(crate) actor: Option<Actor>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Actor {
    #[serde(rename = "ID")]
    pub(crate) id: Option<String>,
    #[serde(rename = "Attributes")]
    pub(crate) attributes: Option<BTreeMap<String, String>>,
}
