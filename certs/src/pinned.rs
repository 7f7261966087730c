//! TLS for a peer that does not have the CA certificate yet: it knows the fingerprint from a join
//! token, or nothing and asks to join. Called by agents and `tamerctl` while they enrol.
//!
//! The pinned certificate in the chain only names the authority. What makes the connection good is
//! that the standard verifier then accepts the server's own certificate with that authority as
//! the only root: anybody can put a public CA certificate into a chain.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};
use tamer_model::{Code, Fingerprint, Problem};

use crate::client::finish;
use crate::credentials::chain_text;
use crate::{SERVER_NAME, Trust, TrustError, crypto};

/// The most certificates of a chain that are looked at; a coordinator sends two.
const MAX_CHAIN: usize = 8;

/// Why a server was not accepted while enrolling.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PinError {
    /// No certificate of the chain has the fingerprint.
    #[error("expected the certificate authority {expected}, and the server showed {}", list(seen))]
    OtherAuthority {
        /// The fingerprint that was asked for.
        expected: Fingerprint,
        /// The fingerprints of the certificates that came, the server's own first.
        seen: Vec<Fingerprint>,
    },
    /// The certificate with the fingerprint is no fleet's CA certificate.
    #[error("the certificate {certificate} cannot be a fleet's authority")]
    NotAnAuthority {
        /// Its fingerprint.
        certificate: Fingerprint,
        /// Why.
        source: TrustError,
    },
    /// The chain shows no CA at all, so there is nothing to ask a person about.
    #[error("the server showed no certificate authority")]
    NoAuthority,
    /// The server's own certificate is not a coordinator's of that authority.
    #[error("the server's certificate was not issued by {ca} to a coordinator, or not for now")]
    NotACoordinator {
        /// The authority that was found.
        ca: Fingerprint,
        /// What the verifier said.
        source: rustls::Error,
    },
}

/// What the verifier of one set of settings learned. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PinnedCa(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What the CA must be; without a pin, nothing before the first server was accepted, and that
    /// server's afterwards: a reconnect must not end at somebody else.
    expected: Option<Fingerprint>,
    /// Verified, but the server has not yet shown that it holds this certificate's key. With
    /// handshakes side by side the later one counts, and the other fails below.
    candidate: Option<(CertificateDer<'static>, Trust)>,
    /// Verified, and proved.
    accepted: Option<Trust>,
    /// Why the latest attempt failed.
    error: Option<PinError>,
}

impl PinnedCa {
    /// The CA certificate, after a handshake succeeded.
    pub fn trust(&self) -> Option<Trust> {
        self.state().accepted.clone()
    }

    /// Why the latest handshake was refused, if it was by the pin.
    pub fn error(&self) -> Option<PinError> {
        self.state().error.clone()
    }

    /// The server proved that it holds the key of `leaf`.
    fn accept(&self, leaf: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        let mut state = self.state();
        match state.candidate.take() {
            Some((verified, trust))
                if verified == *leaf
                    && state.expected.is_none_or(|pin| pin == trust.fingerprint()) =>
            {
                state.expected = Some(trust.fingerprint());
                state.accepted = Some(trust);
                Ok(())
            }
            _ => Err(rustls::Error::General("another handshake came between".to_owned())),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The sections below assign whole fields, so a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// TLS settings without credentials that accept only a coordinator of the authority whose
/// certificate has the SHA-256 `ca`, and the handle that gives the CA certificate afterwards.
pub fn pinned_client_config(ca: Fingerprint) -> (ClientConfig, PinnedCa) {
    build(Some(ca))
}

/// TLS settings for asking to join without a token: they accept any chain that is good in itself,
/// and from then on only that authority. Send nothing that is secret over it, and show the
/// [`join_code`](crate::join_code) of what the handle saw: a person decides.
pub fn unpinned_client_config() -> (ClientConfig, PinnedCa) {
    build(None)
}

fn build(expected: Option<Fingerprint>) -> (ClientConfig, PinnedCa) {
    let state = State { expected, candidate: None, accepted: None, error: None };
    let handle = PinnedCa(Arc::new(Mutex::new(state)));
    let verifier = PinVerifier { handle: handle.clone() };
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    (finish(config), handle)
}

#[derive(Debug)]
struct PinVerifier {
    handle: PinnedCa,
}

impl PinVerifier {
    fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Trust, PinError> {
        let expected = self.handle.state().expected;
        let intermediates = &intermediates[..intermediates.len().min(MAX_CHAIN)];
        let trust = match expected {
            Some(expected) => pinned(expected, end_entity, intermediates)?,
            None => shown(intermediates)?,
        };
        verify(&trust, end_entity, intermediates, now)
            .map_err(|source| PinError::NotACoordinator { ca: trust.fingerprint(), source })?;
        Ok(trust)
    }
}

/// The authority with the fingerprint `expected`. The server's own certificate counts as seen but
/// cannot be it: an authority does not serve.
fn pinned(
    expected: Fingerprint,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<Trust, PinError> {
    let found = intermediates.iter().find(|der| crypto::fingerprint(der) == expected);
    let Some(der) = found else {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let seen = chain.map(|der| crypto::fingerprint(der)).collect();
        return Err(PinError::OtherAuthority { expected, seen });
    };
    Trust::from_der(der)
        .map_err(|source| PinError::NotAnAuthority { certificate: expected, source })
}

/// The authority that the chain itself shows.
fn shown(intermediates: &[CertificateDer<'_>]) -> Result<Trust, PinError> {
    intermediates.iter().find_map(|der| Trust::from_der(der).ok()).ok_or(PinError::NoAuthority)
}

/// The standard verification, with `trust` as the only root and under our name, whatever address
/// was dialled.
fn verify(
    trust: &Trust,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    let webpki = WebPkiServerVerifier::builder(trust.roots()?)
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let name = ServerName::try_from(SERVER_NAME)
        .map_err(|_| rustls::Error::General(format!("{SERVER_NAME} is no server name")))?;
    webpki.verify_server_cert(end_entity, intermediates, &name, &[], now)
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let checked = self.check(end_entity, intermediates, now);
        let mut state = self.handle.state();
        match checked {
            Ok(trust) => {
                state.candidate = Some((end_entity.clone().into_owned(), trust));
                state.error = None;
                Ok(ServerCertVerified::assertion())
            }
            Err(error) => {
                (state.candidate, state.error) = (None, Some(error.clone()));
                Err(CertificateError::Other(OtherError(Arc::new(error))).into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = crypto::provider().signature_verification_algorithms;
        let valid = rustls::crypto::verify_tls13_signature(message, cert, dss, &schemes)?;
        self.handle.accept(cert)?;
        Ok(valid)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto::provider().signature_verification_algorithms.supported_schemes()
    }
}

impl From<PinError> for Problem {
    fn from(error: PinError) -> Self {
        let remedy = match &error {
            PinError::OtherAuthority { .. } => {
                "check that the address is that of the token's fleet; if it is, somebody stands \
                 between, or the fleet was made anew and needs a new token"
            }
            PinError::NotAnAuthority { .. } => "make a new token on the coordinator",
            PinError::NoAuthority => "check that the address is a coordinator's, or use a token",
            PinError::NotACoordinator { .. } => {
                "check this machine's clock, and that the address is a coordinator's"
            }
        };
        Self::new(Code::CaMismatch, chain_text(&error)).remedy(remedy)
    }
}

fn list(seen: &[Fingerprint]) -> String {
    seen.iter().map(Fingerprint::to_string).collect::<Vec<_>>().join(", ")
}
