//! The CA certificate of a fleet, as everybody but the authority holds it.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::sync::Arc;
use tamer_model::{Fingerprint, FleetId};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::{crypto, pem, signature};

/// A fleet's CA certificate that was checked to be one: a self-signed CA that names its fleet.
/// Holding a `Trust` says nothing about whether that fleet is the right one.
#[derive(Clone, PartialEq, Eq)]
pub struct Trust {
    ca: CertificateDer<'static>,
    fleet: FleetId,
    fingerprint: Fingerprint,
}

/// Why a certificate is not the CA certificate of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// No certificate in the text.
    #[error("no certificate in PEM was found")]
    Pem,
    /// Not a certificate.
    #[error("the CA certificate is damaged")]
    Malformed,
    /// A certificate, but not of an authority.
    #[error("the certificate is not that of a certificate authority")]
    NotAnAuthority,
    /// Not signed with its own key.
    #[error("the CA certificate is not signed by itself")]
    NotSelfSigned,
    /// The subject's common name is not a fleet's id.
    #[error("the CA certificate names no fleet")]
    NoFleet,
}

impl Trust {
    /// Checks a CA certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, TrustError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| TrustError::Malformed)?;
        if !rest.is_empty() {
            return Err(TrustError::Malformed);
        }
        if !certificate.is_ca() {
            return Err(TrustError::NotAnAuthority);
        }
        check_self_signed(&certificate)?;
        let mut names = certificate.subject().iter_common_name();
        let name = names.next().and_then(|name| name.as_str().ok()).ok_or(TrustError::NoFleet)?;
        let fleet = name.parse().map_err(|_| TrustError::NoFleet)?;
        let fingerprint = crypto::fingerprint(der);
        Ok(Self { ca: CertificateDer::from(der.to_vec()), fleet, fingerprint })
    }

    /// Reads the first certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, TrustError> {
        let der = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| TrustError::Pem)?;
        Self::from_der(&der)
    }

    /// The certificate.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.ca
    }

    /// The certificate as PEM.
    pub fn to_pem(&self) -> String {
        pem::certificate(&self.ca)
    }

    /// Which fleet it says it is the authority of.
    pub fn fleet(&self) -> FleetId {
        self.fleet
    }

    /// SHA-256 of the certificate: what tokens, TXT records and people compare.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// A store with this certificate as its only root.
    pub(crate) fn roots(&self) -> Result<Arc<RootCertStore>, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone())?;
        Ok(Arc::new(roots))
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trust({}, {})", self.fleet, self.fingerprint)
    }
}

fn check_self_signed(certificate: &X509Certificate<'_>) -> Result<(), TrustError> {
    let unsigned = |_| TrustError::NotSelfSigned;
    let key = signature::accepted_key(certificate.public_key()).map_err(unsigned)?;
    let (algorithm, proof) = (&certificate.signature_algorithm, &certificate.signature_value);
    let message = certificate.tbs_certificate.as_ref();
    signature::verify(&key, algorithm, message, &proof.data).map_err(unsigned)
}
