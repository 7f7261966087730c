//! What a provider is told by the agent's configuration.

use std::fmt;
use std::path::PathBuf;

use tamer_model::ProviderName;
use zeroize::Zeroizing;

/// Settings of one container provider.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the provider is called. Without an endpoint the name also says where to look: `docker`
    /// looks at Docker's sockets, `podman` at Podman's, any other name at both.
    pub name: ProviderName,
    /// Where the engine listens: `unix:///PATH`, `npipe:////./pipe/NAME` (Windows) or
    /// `tcp://HOST:PORT`. Looked for at the usual places when absent.
    pub endpoint: Option<String>,
    /// For a `tcp` endpoint: TLS with these files. Plain when absent.
    pub tls: Option<TlsFiles>,
    /// Whom to be at which registry when an image is pulled.
    pub registries: Vec<Registry>,
}

/// PEM files for TLS with an engine. Read at each connection, so that renewed ones are used.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The authority that signed the engine's certificate.
    pub authority: PathBuf,
    /// Our certificate, where the engine asks for one.
    pub certificate: Option<PathBuf>,
    /// The key of our certificate.
    pub key: Option<PathBuf>,
}

/// Whom to be at a registry.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Its host, with the port where it is not the usual one: `registry.example:5000`. Docker Hub
    /// is `docker.io`.
    pub host: String,
    /// The user.
    pub user: String,
    /// The user's password or token.
    pub password: Secret,
}

/// A text that is not printed, and overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes it in.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
