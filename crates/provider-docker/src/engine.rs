//! Which engine it is, and everything in which Docker Engine and Podman differ.

use bollard::models::SystemVersionComponents;
use serde_json::{Map, Value};
use tamer_provider::{Fault, FaultKind, Result};

use crate::client::{Client, QUICK};

/// The newest API that this client was written against.
const NEWEST: Api = Api(1, 47);
/// The oldest: Docker Engine 19.03, Podman 3.
const OLDEST: Api = Api(1, 40);

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Docker,
    Podman,
}

/// A version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Api(u32, u32);

/// An engine that answered.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) kind: Kind,
    /// "20.10.24+dfsg1".
    pub(crate) version: String,
    /// What is spoken with it.
    pub(crate) api: Api,
    pub(crate) client: Client,
}

impl Engine {
    /// Asks who is there, and settles on a version of the API.
    pub(crate) async fn meet(mut client: Client) -> Result<Self> {
        client.version = String::new();
        let call = client
            .typed("tell its version", Some(QUICK), |docker| async move { docker.version().await });
        let answer = call.await?;
        let kind = kind_of(answer.components.as_deref().unwrap_or_default());
        let newest = answer.api_version.unwrap_or_default();
        let api = settle(&newest, &answer.min_api_version.unwrap_or_default())?;
        client.version = format!("/v{api}");
        Ok(Self { kind, version: answer.version.unwrap_or_default(), api, client })
    }

    /// "Docker Engine 20.10.24 (API 1.41)".
    pub(crate) fn title(&self) -> String {
        format!("{} {} (API {})", self.kind.name(), self.version, self.api)
    }
}

/// Podman says what it is among its components; whatever else speaks this interface is treated as
/// Docker Engine.
fn kind_of(components: &[SystemVersionComponents]) -> Kind {
    let podman = components.iter().any(|component| component.name.starts_with("Podman"));
    if podman { Kind::Podman } else { Kind::Docker }
}

/// The newest version that both sides speak.
fn settle(newest: &str, oldest: &str) -> Result<Api> {
    let theirs = Api::parse(newest).ok_or_else(|| {
        Fault::new(FaultKind::Failed, "the engine's API version cannot be read").said(newest)
    })?;
    let least = Api::parse(oldest).unwrap_or(theirs);
    let spoken = theirs.min(NEWEST);
    if spoken < OLDEST || spoken < least {
        return Err(Fault::new(
            FaultKind::Unsupported,
            format!("the engine speaks API {least} to {theirs}, Tamer {OLDEST} to {NEWEST}"),
        )
        .remedy("use an engine, or a version of Tamer, that is not so far away"));
    }
    Ok(spoken)
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker Engine",
            Self::Podman => "Podman",
        }
    }

    /// Whether a container must be resumed before it is stopped or restarted. Docker delivers the
    /// signal when it resumes; Podman refuses.
    pub(crate) const fn stops_only_what_runs(self) -> bool {
        matches!(self, Self::Podman)
    }

    /// Whether the engine makes a bind mount's source where it is missing, in place of refusing.
    pub(crate) const fn makes_bind_sources(self) -> bool {
        matches!(self, Self::Podman)
    }

    /// Whether the engine takes more processors than there are, in place of refusing.
    pub(crate) const fn takes_any_cpus(self) -> bool {
        matches!(self, Self::Podman)
    }

    /// What containers call a network that is listed under this name. Podman lists its usual one
    /// as Docker's is called.
    pub(crate) fn network(self, listed: &str) -> &str {
        match (self, listed) {
            (Self::Podman, "bridge") => "podman",
            (Self::Docker | Self::Podman, other) => other,
        }
    }

    /// The part of an inspected `HostConfig` that can be given to a new container. Podman tells
    /// more there than it takes: words of its own for namespaces, -1 for what is not set.
    pub(crate) fn host_config(self, inspected: Map<String, Value>) -> Map<String, Value> {
        const TAKEN: &[&str] = &[
            "AutoRemove",
            "Binds",
            "CapAdd",
            "CapDrop",
            "CpuPeriod",
            "CpuQuota",
            "CpuShares",
            "CpusetCpus",
            "Devices",
            "Dns",
            "DnsOptions",
            "DnsSearch",
            "ExtraHosts",
            "GroupAdd",
            "Init",
            "Memory",
            "MemoryReservation",
            "Mounts",
            "NanoCpus",
            "NetworkMode",
            "PidsLimit",
            "PortBindings",
            "Privileged",
            "ReadonlyRootfs",
            "RestartPolicy",
            "SecurityOpt",
            "ShmSize",
            "Tmpfs",
            "Ulimits",
        ];
        match self {
            Self::Docker => inspected,
            Self::Podman => {
                inspected.into_iter().filter(|(key, _)| TAKEN.contains(&key.as_str())).collect()
            }
        }
    }
}

impl Api {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }

    /// Whether a single sample of stats can be had at once.
    pub(crate) fn has_one_shot_stats(self) -> bool {
        self >= Self(1, 41)
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_is_spoken() {
        let spoken = |newest, oldest| settle(newest, oldest).map(|api| api.to_string());
        assert_eq!(spoken("1.41", "1.12").as_deref(), Ok("1.41"));
        assert_eq!(spoken("1.45", "1.24").as_deref(), Ok("1.45"));
        assert_eq!(spoken("1.52", "1.44").as_deref(), Ok("1.47"));
        assert_eq!(spoken("1.9", "").expect_err("it is refused").kind, FaultKind::Unsupported);
        assert_eq!(spoken("1.60", "1.48").expect_err("it is refused").kind, FaultKind::Unsupported);
        assert_eq!(spoken("new", "").expect_err("it is refused").kind, FaultKind::Failed);
    }

    #[test]
    fn podman_is_known_by_what_it_is_made_of() {
        let parts = |name: &str| {
            vec![SystemVersionComponents { name: name.to_owned(), ..Default::default() }]
        };
        assert_eq!(kind_of(&parts("Podman Engine")), Kind::Podman);
        assert_eq!(kind_of(&parts("Engine")), Kind::Docker);
    }
}
