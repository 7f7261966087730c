//! Checking certificate requests (PKCS #10, RFC 2986). Of a request only the public key counts:
//! the subject, names and extensions that it asks for are ignored, for the authority sets all of
//! them itself. Ignored rather than refused, because common tools cannot make a request without.

use rcgen::PublicKeyData;
use tamer_model::{Code, Fingerprint, Problem};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::crypto;
use crate::signature::{self, Rejected};

/// The most bytes of a request that are looked at. Ours are below 300.
pub const MAX_CSR_BYTES: usize = 4 * 1024;

/// Why a certificate request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Longer than [`MAX_CSR_BYTES`].
    #[error("the certificate request has {0} bytes, more than 4096")]
    TooLarge(usize),
    /// Not DER of a PKCS #10 request.
    #[error("the certificate request is not PKCS #10 in DER")]
    Malformed,
    /// A key of another kind.
    #[error("the certificate request's key is not P-256, P-384 or Ed25519")]
    Key,
    /// The signature does not prove that the sender holds the key.
    #[error("the certificate request is not signed with its own key")]
    Signature,
}

impl From<CsrError> for Problem {
    fn from(error: CsrError) -> Self {
        let remedy = match error {
            CsrError::TooLarge(_) => "send a request without extensions",
            CsrError::Malformed => "send PKCS #10 as DER, not PEM",
            CsrError::Key => "make an ECDSA P-256 key",
            CsrError::Signature => "sign the request with the private key that belongs to it",
        };
        Self::new(Code::CsrInvalid, error.to_string()).on("csr").remedy(remedy)
    }
}

/// A request whose sender proved that it holds the key.
pub(crate) struct CheckedRequest {
    /// The key to certify.
    pub(crate) key: rcgen::SubjectPublicKeyInfo,
}

impl CheckedRequest {
    /// Checks a request's size, key and signature.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > MAX_CSR_BYTES {
            return Err(CsrError::TooLarge(der.len()));
        }
        let (rest, request) =
            X509CertificationRequest::from_der(der).map_err(|_| CsrError::Malformed)?;
        if !rest.is_empty() {
            return Err(CsrError::Malformed);
        }
        let info = &request.certification_request_info;
        let key = signature::accepted_key(&info.subject_pki)?;
        let (algorithm, proof) = (&request.signature_algorithm, &request.signature_value);
        signature::verify(&key, algorithm, info.raw, &proof.data)?;
        Ok(Self { key })
    }
}

impl From<Rejected> for CsrError {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Key => Self::Key,
            Rejected::Signature => Self::Signature,
        }
    }
}

/// The SHA-256 of a request's SubjectPublicKeyInfo, after checking the request: the same as
/// [`PeerIdentity::key`](crate::PeerIdentity) of the certificate issued for it.
pub fn csr_key_fingerprint(csr_der: &[u8]) -> Result<Fingerprint, CsrError> {
    CheckedRequest::from_der(csr_der)
        .map(|request| crypto::fingerprint(&request.key.subject_public_key_info()))
}
