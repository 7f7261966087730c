//! The keys about providers, checked.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Reader;
use super::keys::any_part;
use super::layers::join;

/// Which technologies are served, and how they are reached.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    /// Docker Engine.
    pub docker: Engine,
    /// Podman.
    pub podman: Engine,
    /// libvirt.
    pub libvirt: Libvirt,
    /// Who the agent is at image registries, in the order of their names.
    pub registries: Vec<Login>,
}

/// Whether a technology is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enabled {
    /// It is looked for, and rarely while it was never seen.
    #[default]
    Auto,
    /// It is expected to be there.
    Yes,
    /// It is left alone.
    No,
}

/// How a container engine is reached.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    /// Whether it is served.
    pub enabled: Enabled,
    /// Where; the usual places when absent.
    pub endpoint: Option<String>,
    /// The CA of a `tcp://` endpoint.
    pub tls_ca: Option<PathBuf>,
    /// The agent's certificate for it.
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate.
    pub tls_key: Option<PathBuf>,
}

/// How libvirt is reached.
#[derive(Debug, Clone, Default)]
pub struct Libvirt {
    /// Whether it is served.
    pub enabled: Enabled,
    /// Its socket; the usual places when absent.
    pub socket: Option<PathBuf>,
    /// The connection.
    pub uri: String,
    /// How machines run.
    pub domain_type: DomainType,
    /// The folder of templates; the provider's own when absent.
    pub templates: Option<PathBuf>,
}

/// How machines run unless their spec says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DomainType {
    /// With KVM where it can be used, else emulated.
    #[default]
    Auto,
    /// With KVM.
    Kvm,
    /// Emulated.
    Qemu,
}

/// Who the agent is at an image registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The registry, as HOST or HOST:PORT.
    pub host: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// A password, which is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Shows it to whom it is meant for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl FromStr for Enabled {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "true" => Ok(Self::Yes),
            "false" => Ok(Self::No),
            _ => Err("neither true, false nor auto"),
        }
    }
}

impl FromStr for DomainType {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "qemu" => Ok(Self::Qemu),
            _ => Err("neither auto, kvm nor qemu"),
        }
    }
}

impl Reader<'_> {
    pub(super) fn providers(&mut self) -> Providers {
        Providers {
            docker: self.engine("docker"),
            podman: self.engine("podman"),
            libvirt: self.libvirt(),
            registries: self.registries(),
        }
    }

    fn engine(&mut self, name: &str) -> Engine {
        let key = |part: &str| format!("providers.{name}.{part}");
        let mut path = |part: &str| self.text(&key(part)).map(PathBuf::from);
        let (tls_ca, tls_cert, tls_key) = (path("tls_ca"), path("tls_cert"), path("tls_key"));
        if tls_cert.is_some() != tls_key.is_some() {
            let missing = if tls_key.is_none() { "tls_key" } else { "tls_cert" };
            let message = "a certificate and its key are given together".to_owned();
            self.problem(&key(missing), message, "give both, or neither");
        }
        if tls_ca.is_none() && tls_cert.is_some() {
            let message = "a certificate is of no use without the CA of the engine".to_owned();
            self.problem(&key("tls_ca"), message, "give the CA too, or no certificate");
        }
        Engine {
            enabled: self.enabled(&key("enabled")),
            endpoint: self.endpoint(&key("endpoint")),
            tls_ca,
            tls_cert,
            tls_key,
        }
    }

    fn libvirt(&mut self) -> Libvirt {
        let path = |reader: &mut Self, key| reader.text(key).map(PathBuf::from);
        Libvirt {
            enabled: self.enabled("providers.libvirt.enabled"),
            socket: path(self, "providers.libvirt.socket"),
            uri: self.text("providers.libvirt.uri").unwrap_or_default(),
            domain_type: self
                .parsed("providers.libvirt.domain_type", "write auto, kvm or qemu")
                .unwrap_or_default(),
            templates: path(self, "providers.libvirt.templates"),
        }
    }

    fn enabled(&mut self, key: &str) -> Enabled {
        self.parsed(key, "write true, false or auto").unwrap_or_default()
    }

    fn endpoint(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let known = ["unix:///", "npipe://", "tcp://"];
        if !known.iter().any(|scheme| text.starts_with(scheme)) {
            let message = format!("{text:?} is no endpoint");
            self.problem(
                key,
                message,
                "write unix:///PATH, npipe:////./pipe/NAME or tcp://HOST:PORT",
            );
        }
        Some(text)
    }

    fn registries(&mut self) -> Vec<Login> {
        let host = |name: &str| {
            let part = |after| any_part(name, "registries.", after);
            let part = part(".user").or_else(|| part(".password_file"))?;
            Some(part.trim_matches('"').to_owned())
        };
        let hosts: BTreeSet<_> = self.merged.keys().filter_map(|name| host(name)).collect();
        hosts.into_iter().filter_map(|host| self.registry(host)).collect()
    }

    fn registry(&mut self, host: String) -> Option<Login> {
        let mut find = |after: &str| {
            let name = self.merged.keys().find(|name| {
                any_part(name, "registries.", after)
                    .is_some_and(|part| part.trim_matches('"') == host)
            });
            let name =
                name.cloned().unwrap_or_else(|| format!("{}{after}", join("registries", &host)));
            let text = self.text(&name);
            if text.is_none() {
                let message = "a registry needs a user and a password file".to_owned();
                self.problem(&name, message, "give both, or neither");
            }
            Some((name, text?))
        };
        let (user, file) = (find(".user"), find(".password_file"));
        let ((_, user), (key, file)) = (user?, file?);
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                let password = Password(text.trim_end_matches(['\r', '\n']).to_owned());
                Some(Login { host, user, password })
            }
            Err(error) => {
                let message = format!("cannot read {file}: {error}");
                self.problem(&key, message, "name a file that the agent can read");
                None
            }
        }
    }
}
