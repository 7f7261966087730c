//! Reading who a peer is from its certificate. The coordinator does so for every connection,
//! after the handshake verified the certificate; this module verifies nothing.

use rustls::pki_types::CertificateDer;
use tamer_model::{Fingerprint, Identity, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::{Serial, crypto, uri};

/// Who a certificate says its holder is, and which certificate it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The holder.
    pub identity: Identity,
    /// The certificate's serial number.
    pub serial: Serial,
    /// From when it is valid: backdated, see [`Lifetimes`](crate::Lifetimes).
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key: Fingerprint,
}

/// A certificate that does not say who its holder is, in the one way ours do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// Not a certificate.
    #[error("the peer's certificate is damaged")]
    Malformed,
    /// Not exactly one URI, or one that is no identity of ours.
    #[error("the peer's certificate does not hold exactly one identity of a fleet")]
    NoIdentity,
    /// A serial number that the fleet's authority does not give.
    #[error("the peer's certificate has a serial number that no fleet gives")]
    Serial,
    /// An identity of another fleet.
    #[error("the peer's certificate is of another fleet")]
    OtherFleet,
}

impl PeerIdentity {
    /// Reads a certificate that was verified already.
    pub fn from_der(der: &CertificateDer<'_>) -> Result<Self, PeerError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| PeerError::Malformed)?;
        if !rest.is_empty() {
            return Err(PeerError::Malformed);
        }
        let validity = certificate.validity();
        Ok(Self {
            identity: identity(&certificate)?,
            serial: Serial::from_be_bytes(certificate.raw_serial())
                .map_err(|_| PeerError::Serial)?,
            not_before: timestamp(validity.not_before),
            not_after: timestamp(validity.not_after),
            key: crypto::fingerprint(certificate.public_key().raw),
        })
    }
}

fn identity(certificate: &X509Certificate<'_>) -> Result<Identity, PeerError> {
    let names = certificate.subject_alternative_name().map_err(|_| PeerError::Malformed)?;
    let names = names.map(|names| &names.value.general_names).ok_or(PeerError::NoIdentity)?;
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => uri::decode(uri).ok_or(PeerError::NoIdentity),
        _ => Err(PeerError::NoIdentity),
    }
}

fn timestamp(time: ASN1Time) -> Timestamp {
    // Before 1970 there were no fleets.
    Timestamp::from_millis(u64::try_from(time.timestamp()).unwrap_or(0).saturating_mul(1000))
}
