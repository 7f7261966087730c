//! Instances.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tamer_model::Problem;
use tamer_proto::{Required, wire};

use super::{Time, told};

/// An instance as the fleet knows it. Kind and state are words, not enums: a newer coordinator may
/// know more of them than this program. When it is stale, everything is what was last known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Instance {
    pub id: String,
    pub name: String,
    pub host: String,
    pub host_name: String,
    pub host_state: String,
    pub provider: String,
    pub native: String,
    pub kind: String,
    pub state: String,
    /// Its host is lost, or its provider does not answer.
    pub stale: bool,
    pub reason: Option<String>,
    pub image: Option<String>,
    pub created_at: Option<Time>,
    pub exit_code: Option<i32>,
    pub managed: bool,
    pub labels: BTreeMap<String, String>,
    pub addresses: Vec<String>,
    pub ports: Vec<Port>,
    pub told_at: Option<Time>,
}

/// A port of an instance that its host publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Port {
    pub instance: u32,
    pub host: Option<u32>,
    pub address: Option<String>,
    pub protocol: String,
}

/// Everything that is known about an instance.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct InstanceDetail {
    #[serde(flatten)]
    pub instance: Instance,
    pub checkpoints: Vec<Checkpoint>,
    /// What the technology says, in its own words; absent when it cannot be asked.
    pub raw: Option<Value>,
    /// The same as it came.
    #[serde(skip)]
    pub raw_text: String,
    /// Why it cannot be asked.
    pub problem: Option<Problem>,
}

/// Saved state of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Checkpoint {
    pub name: String,
    pub kind: String,
    pub created_at: Option<Time>,
    pub size_bytes: Option<u64>,
}

impl Instance {
    /// The instance as people name it across the fleet: `host/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.host_name, self.name)
    }
}

impl Port {
    /// As it is written on the command line: `8080:80`, `127.0.0.1:53:53/udp`.
    pub fn on_one_line(&self) -> String {
        let Self { instance, host, address, protocol } = self;
        let address = match address {
            Some(address) if address.contains(':') => format!("[{address}]:"),
            Some(address) => format!("{address}:"),
            None => String::new(),
        };
        let host = host.map(|port| format!("{port}:")).unwrap_or_default();
        let protocol = if protocol == "tcp" { String::new() } else { format!("/{protocol}") };
        format!("{address}{host}{instance}{protocol}")
    }
}

impl TryFrom<wire::FleetInstance> for Instance {
    type Error = Problem;

    fn try_from(told_of: wire::FleetInstance) -> Result<Self, Problem> {
        let wire::FleetInstance {
            id,
            host,
            host_name,
            host_state,
            provider,
            told_at,
            instance,
            stale,
        } = told_of;
        let wire::Instance {
            native,
            name,
            kind,
            state,
            reason,
            image,
            created_at,
            exit_code,
            managed,
            labels,
            addresses,
            ports,
        } = instance.required("instance")?;
        Ok(Self {
            id: Some(id).filter(|id| !id.is_empty()).required("instance.id")?,
            name,
            host,
            host_name,
            host_state,
            provider,
            native,
            kind,
            state,
            stale,
            reason: told(reason),
            image: told(image),
            created_at: created_at.map(Time::of),
            exit_code,
            managed,
            labels: labels.into_iter().collect(),
            addresses,
            ports: ports.into_iter().map(Into::into).collect(),
            told_at: Time::told(told_at),
        })
    }
}

impl From<wire::Port> for Port {
    fn from(port: wire::Port) -> Self {
        let wire::Port { instance, host, address, protocol } = port;
        Self { instance, host: (host != 0).then_some(host), address: told(address), protocol }
    }
}

impl TryFrom<wire::DescribeInstanceResponse> for InstanceDetail {
    type Error = Problem;

    fn try_from(described: wire::DescribeInstanceResponse) -> Result<Self, Problem> {
        let wire::DescribeInstanceResponse { instance, detail, problem } = described;
        let instance = instance.required("instance")?.try_into()?;
        let (checkpoints, raw_text) = match detail {
            Some(wire::InstanceDetail { instance: _, json, checkpoints }) => (checkpoints, json),
            None => (Vec::new(), String::new()),
        };
        let raw = match raw_text.as_str() {
            "" => None,
            text => Some(serde_json::from_str(text).map_err(|error| {
                Problem::field(
                    "detail.json",
                    format!("the technology's words are no JSON: {error}"),
                )
            })?),
        };
        let checkpoints = checkpoints.into_iter().map(Into::into).collect();
        Ok(Self { instance, checkpoints, raw, raw_text, problem: problem.map(Into::into) })
    }
}

impl From<wire::Checkpoint> for Checkpoint {
    fn from(checkpoint: wire::Checkpoint) -> Self {
        let wire::Checkpoint { name, created_at, kind, size_bytes } = checkpoint;
        Self { name, kind, created_at: created_at.map(Time::of), size_bytes }
    }
}
