//! A peer's own key: the agent and `tamerctl` make one, ask with it for a certificate, and keep it.

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tamer_model::Fingerprint;
use zeroize::Zeroizing;

use crate::{crypto, pem};

/// A private key. Its PKCS #8 bytes are overwritten when it is dropped.
pub struct HostKey(Zeroizing<KeyPair>);

/// A key could not be read, made or used.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// The text holds no private key.
    #[error("no private key in PEM was found")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// The key is damaged or of a kind that is not supported.
    #[error("the private key cannot be used")]
    Key(#[source] rcgen::Error),
}

impl HostKey {
    /// Makes an ECDSA P-256 key.
    pub fn generate() -> Result<Self, HostKeyError> {
        KeyPair::generate().map(Self::wrap).map_err(HostKeyError::Key)
    }

    /// Reads a key from PEM.
    pub fn from_pem(text: &str) -> Result<Self, HostKeyError> {
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(HostKeyError::Pem)?;
        Self::from_der(der)
    }

    /// Reads a key from DER.
    pub(crate) fn from_der(mut der: PrivateKeyDer<'static>) -> Result<Self, HostKeyError> {
        let key = KeyPair::try_from(&der).map(Self::wrap).map_err(HostKeyError::Key);
        zeroize::Zeroize::zeroize(&mut der);
        key
    }

    /// The key as PKCS #8 in PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::private_key(self.0.serialized_der())
    }

    /// A request for a certificate (PKCS #10, DER) that proves possession of the key and asks for
    /// nothing: the authority decides what the certificate says.
    pub fn csr_der(&self) -> Result<Vec<u8>, HostKeyError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&*self.0).map_err(HostKeyError::Key)?;
        Ok(request.der().to_vec())
    }

    /// SHA-256 of the public key's SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> Fingerprint {
        crypto::fingerprint(&self.0.subject_public_key_info())
    }

    /// The key for rustls.
    pub(crate) fn to_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.serialized_der().to_vec()).into()
    }

    /// The key for signing.
    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }

    fn wrap(pair: KeyPair) -> Self {
        Self(Zeroizing::new(pair))
    }
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostKey({})", self.fingerprint())
    }
}
