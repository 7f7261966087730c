//! What an instance shall be.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{InstanceName, words};
use crate::Problem;

/// The most bytes of text in a spec: a record with it, and the batch around it, fit the store.
pub const MAX_SPEC_BYTES: usize = 256 * 1024;
/// The most mounts, ports, networks, labels or options of one spec.
const MAX_LIST: usize = 256;
/// From here on a limit is a slip of the pen: four pebibytes.
const ABSURD: u64 = 1 << 52;

/// What an instance shall be. Exactly one of `image`, `disk` and `template` says what it is made
/// of; a provider says which of them it knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct InstanceSpec {
    /// Its name; the technology chooses one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<InstanceName>,
    /// A container image, as the technology writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// A disk image that is copied for the instance: an absolute path on the host, or POOL/VOLUME.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
    /// A template that the technology or the agent's configuration knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What it runs, in place of what its image says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Variables of its environment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The working directory of the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// The user of the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What it may use at most.
    pub limits: Limits,
    /// What is mounted into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// What it publishes on its host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// The networks it is on; the technology's default one when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// What happens when it ends.
    pub restart: RestartPolicy,
    /// When its image is fetched.
    pub pull: PullPolicy,
    /// Options that only this provider has; it declares them, and refuses any other.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, OptionValue>,
}

/// What an instance may use at most; what is absent is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Processor time, in thousandths of one processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u64>,
    /// Memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
    /// Disk, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
}

/// Something of the host that is mounted into an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// What.
    pub kind: MountKind,
    /// A path of the host for a bind, a volume's name for a volume, empty for a tmpfs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The absolute path in the instance.
    pub target: String,
    /// Whether it can only be read.
    #[serde(default)]
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MountKind {
    /// A path of the host, which must be there.
    Bind,
    /// A volume of the technology.
    Volume,
    /// Memory.
    Tmpfs,
}

words!(MountKind { Bind = "bind", Volume = "volume", Tmpfs = "tmpfs", });

/// A port of an instance, published on its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// In the instance.
    pub instance: u16,
    /// On the host; the technology chooses one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u16>,
    /// On which address of the host; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Which protocol.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
    Sctp,
}

words!(Protocol { Tcp = "tcp", Udp = "udp", Sctp = "sctp", });

/// What happens when an instance ends, or its host boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Nothing.
    #[default]
    No,
    /// It is started again when it failed.
    OnFailure,
    /// It is started again, also when its host boots, unless it was stopped on purpose.
    UnlessStopped,
    /// It is started again, whatever ended it.
    Always,
}

words!(RestartPolicy {
    No = "no",
    OnFailure = "on_failure",
    UnlessStopped = "unless_stopped",
    Always = "always",
});

/// When an image is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// When it is not there.
    #[default]
    Missing,
    /// Every time.
    Always,
    /// Never: what is not there is an error.
    Never,
}

words!(PullPolicy { Missing = "missing", Always = "always", Never = "never", });

/// The value of a provider's own option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it")]
pub enum OptionValue {
    Flag(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
}

impl InstanceSpec {
    /// Checks what can be checked without knowing the provider. Field names in the problems are
    /// the paths of the spec file: `limits.memory_bytes`, `ports[2].host`.
    pub fn validate(self) -> Result<Self, Problem> {
        self.check_source()?;
        self.check_size()?;
        self.check_texts()?;
        self.limits.check()?;
        for (at, mount) in self.mounts.iter().enumerate() {
            mount.check(at)?;
        }
        for (at, port) in self.ports.iter().enumerate() {
            port.check(at)?;
            let taken = |other: &Port| {
                other.host.is_some()
                    && (other.host, other.address, other.protocol)
                        == (port.host, port.address, port.protocol)
            };
            if self.ports[..at].iter().any(taken) {
                return Err(Problem::field(
                    format!("ports[{at}].host"),
                    "the same port of the host is published twice",
                ));
            }
        }
        Ok(self)
    }

    fn check_source(&self) -> Result<(), Problem> {
        let sources = [("image", &self.image), ("disk", &self.disk), ("template", &self.template)];
        let given: Vec<_> = sources.iter().filter(|(_, text)| text.is_some()).collect();
        match given[..] {
            [] => Err(Problem::field("image", "nothing says what the instance is made of")
                .remedy("give one of image, disk or template")),
            [(field, text)] => {
                if text
                    .as_ref()
                    .is_some_and(|text| text.is_empty() || text.contains(char::is_control))
                {
                    return Err(Problem::field(*field, "it is empty or has control characters"));
                }
                Ok(())
            }
            [_, (field, _), ..] => {
                Err(Problem::field(*field, "more than one of image, disk and template is given")
                    .remedy("keep one of them"))
            }
        }
    }

    fn check_size(&self) -> Result<(), Problem> {
        let pairs = |map: &BTreeMap<String, String>| -> usize {
            map.iter().map(|(key, value)| key.len() + value.len()).sum()
        };
        let options: usize = self.options.iter().map(|(key, value)| key.len() + value.size()).sum();
        let texts: usize = self.command.iter().chain(&self.networks).map(String::len).sum();
        let mounts: usize = self.mounts.iter().map(|m| m.source.len() + m.target.len()).sum();
        let bytes = pairs(&self.env) + pairs(&self.labels) + options + texts + mounts;
        if bytes > MAX_SPEC_BYTES {
            let message = format!("{bytes} bytes of text, more than {MAX_SPEC_BYTES}");
            return Err(Problem::field("spec", message));
        }
        let lists = [
            ("mounts", self.mounts.len()),
            ("ports", self.ports.len()),
            ("networks", self.networks.len()),
            ("labels", self.labels.len()),
            ("options", self.options.len()),
        ];
        match lists.iter().find(|(_, length)| *length > MAX_LIST) {
            Some((field, length)) => {
                Err(Problem::field(*field, format!("{length} of them, more than {MAX_LIST}")))
            }
            None => Ok(()),
        }
    }

    fn check_texts(&self) -> Result<(), Problem> {
        let nul = |text: &str| text.contains('\0');
        if self.command.iter().any(|text| nul(text)) {
            return Err(Problem::field("command", "an argument holds a NUL byte"));
        }
        if let Some(key) = self.env.keys().find(|key| key.is_empty() || key.contains(['=', '\0'])) {
            return Err(Problem::field("env", format!("{key:?} cannot name a variable")));
        }
        if self.env.values().any(|text| nul(text)) {
            return Err(Problem::field("env", "a value holds a NUL byte"));
        }
        if self.labels.iter().any(|(key, value)| key.is_empty() || nul(key) || nul(value)) {
            return Err(Problem::field("labels", "a key is empty, or a text holds a NUL byte"));
        }
        if let Some(at) = self.networks.iter().position(|name| name.is_empty() || nul(name)) {
            return Err(Problem::field(format!("networks[{at}]"), "it is empty"));
        }
        match [("workdir", &self.workdir), ("user", &self.user)]
            .iter()
            .find(|(_, text)| text.as_ref().is_some_and(|text| text.is_empty() || nul(text)))
        {
            Some((field, _)) => Err(Problem::field(*field, "it is empty or holds a NUL byte")),
            None => Ok(()),
        }
    }
}

impl Limits {
    fn check(&self) -> Result<(), Problem> {
        let fields = [
            ("cpu_millis", self.cpu_millis, 1, 4_096_000),
            ("memory_bytes", self.memory_bytes, 1 << 20, ABSURD),
            ("pids", self.pids, 1, 1 << 22),
            ("disk_bytes", self.disk_bytes, 1 << 20, ABSURD),
        ];
        for (name, value, least, most) in fields {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                return Err(Problem::field(
                    format!("limits.{name}"),
                    format!("not between {least} and {most}"),
                )
                .remedy("leave it out for no limit"));
            }
        }
        Ok(())
    }
}

impl Mount {
    fn check(&self, at: usize) -> Result<(), Problem> {
        let field = |name: &str| format!("mounts[{at}].{name}");
        let absolute = |path: &str| {
            path.starts_with('/') || path.get(1..3).is_some_and(|drive| drive == ":\\")
        };
        if !absolute(&self.target) || self.target.contains('\0') {
            return Err(Problem::field(field("target"), "not an absolute path"));
        }
        match self.kind {
            MountKind::Bind if !absolute(&self.source) || self.source.contains('\0') => Err(
                Problem::field(field("source"), "a bind mount needs an absolute path of the host"),
            ),
            MountKind::Volume if self.source.is_empty() || self.source.contains(['/', '\0']) => {
                Err(Problem::field(field("source"), "a volume mount needs the volume's name"))
            }
            MountKind::Tmpfs if !self.source.is_empty() => {
                Err(Problem::field(field("source"), "a tmpfs has no source"))
            }
            MountKind::Bind | MountKind::Volume | MountKind::Tmpfs => Ok(()),
        }
    }
}

impl Port {
    fn check(&self, at: usize) -> Result<(), Problem> {
        if self.instance == 0 || self.host == Some(0) {
            let name = if self.instance == 0 { "instance" } else { "host" };
            return Err(Problem::field(format!("ports[{at}].{name}"), "not between 1 and 65535"));
        }
        Ok(())
    }
}

impl OptionValue {
    /// Bytes of text in it.
    pub fn size(&self) -> usize {
        match self {
            Self::Flag(_) | Self::Number(_) => 8,
            Self::Text(text) => text.len(),
            Self::List(texts) => texts.iter().map(String::len).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> InstanceSpec {
        InstanceSpec { image: Some("busybox".into()), ..InstanceSpec::default() }
    }

    #[track_caller]
    fn refused(spec: InstanceSpec, field: &str) {
        let problem = spec.validate().expect_err(field);
        assert_eq!(problem.field.as_deref(), Some(field), "{problem}");
    }

    #[test]
    fn a_problem_names_the_field() {
        refused(InstanceSpec::default(), "image");
        refused(InstanceSpec { disk: Some("/d".into()), ..spec() }, "disk");
        refused(InstanceSpec { env: [("a=b".into(), String::new())].into(), ..spec() }, "env");
        let limits = |limits| InstanceSpec { limits, ..spec() };
        refused(
            limits(Limits { memory_bytes: Some(0), ..Limits::default() }),
            "limits.memory_bytes",
        );
        refused(
            limits(Limits { cpu_millis: Some(u64::MAX), ..Limits::default() }),
            "limits.cpu_millis",
        );
        let mount = |kind, source: &str, target: &str| InstanceSpec {
            mounts: vec![Mount {
                kind,
                source: source.into(),
                target: target.into(),
                read_only: false,
            }],
            ..spec()
        };
        refused(mount(MountKind::Bind, "relative", "/t"), "mounts[0].source");
        refused(mount(MountKind::Volume, "a", "t"), "mounts[0].target");
        assert!(mount(MountKind::Bind, "C:\\data", "/t").validate().is_ok());
        let port = Port { instance: 80, host: Some(8080), address: None, protocol: Protocol::Tcp };
        refused(InstanceSpec { ports: vec![port, port], ..spec() }, "ports[1].host");
        refused(
            InstanceSpec { ports: vec![Port { instance: 0, ..port }], ..spec() },
            "ports[0].instance",
        );
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = serde_json::from_str::<InstanceSpec>(r#"{"image": "a", "imagee": "b"}"#);
        assert!(error.expect_err("unknown").to_string().contains("imagee"));
        let read: InstanceSpec =
            serde_json::from_str(r#"{"image": "a", "options": {"tty": true, "n": 3}}"#)
                .expect("read");
        assert_eq!(read.options["tty"], OptionValue::Flag(true));
    }
}
