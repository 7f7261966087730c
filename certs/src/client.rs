//! TLS for a peer that has its fleet's CA certificate: an agent that joined, `tamerctl`.
//!
//! In TLS 1.3 a client shows its certificate only after it verified the server's (RFC 8446 §4.4.2
//! and the order of §2), so a certificate never goes to a server of another fleet.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};

use crate::{Credentials, Trust};

/// A client's TLS settings could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum ClientConfigError {
    /// Credentials of another fleet than the one to connect to.
    #[error("the credentials are of fleet {credentials}, and the CA certificate is of {ca}")]
    OtherFleet {
        /// The fleet of the credentials.
        credentials: tamer_model::FleetId,
        /// The fleet of the CA certificate.
        ca: tamer_model::FleetId,
    },
    /// rustls cannot use the CA certificate.
    #[error("the CA certificate cannot be used")]
    Ca(#[source] rustls::Error),
}

/// TLS settings that accept the coordinators of `trust` under the name
/// [`SERVER_NAME`](crate::SERVER_NAME) and nobody else. Without credentials the server lets the
/// client do nothing but enrol.
pub fn client_config(
    trust: &Trust,
    credentials: Option<&Credentials>,
) -> Result<ClientConfig, ClientConfigError> {
    let rotating = credentials.map(|credentials| RotatingIdentity::new(credentials.clone()));
    build(trust, rotating)
}

/// The same with credentials that can be exchanged while the settings are in use.
pub fn rotating_client_config(
    trust: &Trust,
    identity: &RotatingIdentity,
) -> Result<ClientConfig, ClientConfigError> {
    build(trust, Some(identity.clone()))
}

/// Credentials that a renewal exchanges; connections made afterwards use the new ones. Cheap to
/// clone, and every clone is the same.
#[derive(Debug, Clone)]
pub struct RotatingIdentity(Arc<ArcSwap<Credentials>>);

impl RotatingIdentity {
    /// Begins with `credentials`.
    pub fn new(credentials: Credentials) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(credentials)))
    }

    /// Exchanges them.
    pub fn replace(&self, credentials: Credentials) {
        self.0.store(Arc::new(credentials));
    }

    /// The credentials of now.
    pub fn current(&self) -> Arc<Credentials> {
        self.0.load_full()
    }
}

impl ResolvesClientCert for RotatingIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn build(
    trust: &Trust,
    identity: Option<RotatingIdentity>,
) -> Result<ClientConfig, ClientConfigError> {
    let roots = trust.roots().map_err(ClientConfigError::Ca)?;
    let builder = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (credentials, ca) = (identity.current().identity().fleet, trust.fleet());
            if credentials != ca {
                return Err(ClientConfigError::OtherFleet { credentials, ca });
            }
            builder.with_client_cert_resolver(Arc::new(identity))
        }
    };
    Ok(finish(config))
}

/// What all client settings share: HTTP/2, and no resumption, which servers refuse anyway and
/// which would keep a cache of 256 sessions.
pub(crate) fn finish(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    config
}
