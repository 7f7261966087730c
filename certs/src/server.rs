//! TLS for the coordinator: its own certificate, exchanged in process when renewed, and the
//! checks of every client's.
//!
//! A client certificate is optional in the handshake, because who enrols has none; what a peer
//! without one may call is the coordinator's to decide. One that is shown must be the fleet's, in
//! its time, for a client, name one holder of this fleet, and not be revoked.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError,
    WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, ServerConfig,
    SignatureScheme,
};
use tamer_model::FleetId;

use crate::{Credentials, PeerError, PeerIdentity, Revocations, Trust};

/// The bytes that a connection may hold unsent and undecrypted inside rustls: two records. Give it
/// to `set_buffer_limit` of each accepted connection; rustls' own default is four times as much.
pub const TLS_BUFFER_LIMIT: usize = 32 * 1024;

/// The server's TLS settings could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum ServerConfigError {
    /// rustls cannot use the CA certificate.
    #[error("the CA certificate cannot be used")]
    Ca(#[source] rustls::Error),
    /// The verifier of clients could not be built.
    #[error("the verifier of client certificates cannot be built")]
    Verifier(#[source] VerifierBuilderError),
}

/// TLS settings of a coordinator. They stay the same over renewals ([`RotatingServer`]) and
/// revocations.
///
/// There is no resumption of any kind: a resumed session skips the verification of the client's
/// certificate, and with it expiry and revocation. So no tickets are sent, none is accepted, and
/// no session is stored; a full handshake with P-256 costs well below a millisecond.
pub fn server_config(
    trust: &Trust,
    server: &RotatingServer,
    revocations: Revocations,
) -> Result<ServerConfig, ServerConfigError> {
    let roots = trust.roots().map_err(ServerConfigError::Ca)?;
    let webpki = WebPkiClientVerifier::builder(roots)
        .allow_unauthenticated()
        .build()
        .map_err(ServerConfigError::Verifier)?;
    let verifier = FleetClientVerifier { webpki, fleet: trust.fleet(), revocations };
    let mut config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(server.clone()));
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// The coordinator's certificate, exchanged by a renewal without new settings. Cheap to clone,
/// and every clone is the same.
#[derive(Debug, Clone)]
pub struct RotatingServer(Arc<ArcSwap<Credentials>>);

impl RotatingServer {
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

impl ResolvesServerCert for RotatingServer {
    /// One certificate, whatever name was asked for: clients dial addresses and check
    /// [`SERVER_NAME`](crate::SERVER_NAME).
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().certified())
    }
}

/// The standard verifier, and after it what only this fleet knows.
#[derive(Debug)]
struct FleetClientVerifier {
    webpki: Arc<dyn ClientCertVerifier>,
    fleet: FleetId,
    revocations: Revocations,
}

impl FleetClientVerifier {
    fn check(&self, end_entity: &CertificateDer<'_>) -> Result<(), CertificateError> {
        let refuse = |error: PeerError| CertificateError::Other(OtherError(Arc::new(error)));
        let peer = PeerIdentity::from_der(end_entity).map_err(refuse)?;
        if peer.identity.fleet != self.fleet {
            return Err(refuse(PeerError::OtherFleet));
        }
        if self.revocations.contains(&peer) {
            return Err(CertificateError::Revoked);
        }
        Ok(())
    }
}

impl ClientCertVerifier for FleetClientVerifier {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.webpki.verify_client_cert(end_entity, intermediates, now)?;
        self.check(end_entity)?;
        Ok(verified)
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
