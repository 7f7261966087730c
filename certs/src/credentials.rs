//! A certificate chain with its key: what a peer shows. Agents, `tamerctl` and the coordinator
//! each hold one, in memory or as one private PEM file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use tamer_model::{Code, Identity, Problem};
use zeroize::Zeroizing;

use crate::{HostKey, HostKeyError, PeerError, PeerIdentity, crypto, files, pem};

/// A certificate, the chain above it, and its private key.
#[derive(Clone)]
pub struct Credentials {
    key: Arc<HostKey>,
    certified: Arc<CertifiedKey>,
    peer: PeerIdentity,
}

/// Credentials could not be put together, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// There is no such file: the peer has not joined.
    #[error("there are no credentials at {}", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read the credentials {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the credentials {}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file's content cannot be used.
    #[error("the credentials {} cannot be used", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<Self>,
    },
    /// The private key is missing or damaged.
    #[error("the private key is missing or damaged")]
    Key(#[source] HostKeyError),
    /// No certificate.
    #[error("the certificate is missing or damaged")]
    Chain,
    /// The certificate names nobody.
    #[error("the certificate is not one of a fleet")]
    Peer(#[source] PeerError),
    /// The key is not the certificate's.
    #[error("the certificate and the private key do not belong together")]
    Mismatch(#[source] rustls::Error),
}

impl Credentials {
    /// Puts together a chain, the holder's certificate first, and its key.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: HostKey,
    ) -> Result<Self, CredentialsError> {
        let leaf = chain.first().ok_or(CredentialsError::Chain)?;
        let peer = PeerIdentity::from_der(leaf).map_err(CredentialsError::Peer)?;
        let certified = CertifiedKey::from_der(chain, key.to_der(), &crypto::provider())
            .map_err(CredentialsError::Mismatch)?;
        Ok(Self { key: Arc::new(key), certified: Arc::new(certified), peer })
    }

    /// The same with the chain as bytes, as it comes over the wire.
    pub fn from_der(chain: &[Vec<u8>], key: HostKey) -> Result<Self, CredentialsError> {
        Self::new(chain.iter().map(|der| CertificateDer::from(der.clone())).collect(), key)
    }

    /// Reads one PEM text with the key and the chain in any order.
    pub fn from_pem(text: &str) -> Result<Self, CredentialsError> {
        let key = HostKey::from_pem(text).map_err(CredentialsError::Key)?;
        let chain = CertificateDer::pem_slice_iter(text.as_bytes());
        Self::new(chain.collect::<Result<_, _>>().map_err(|_| CredentialsError::Chain)?, key)
    }

    /// The key and the chain as one PEM text.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let (key, chain) = (self.key.to_pem(), self.chain_pem());
        // Of the right size at once, so that no copy of the key stays behind in freed memory.
        let mut text = Zeroizing::new(String::with_capacity(key.len() + chain.len()));
        text.push_str(&key);
        text.push_str(&chain);
        text
    }

    /// Reads a file that [`save`](Self::save) wrote.
    pub fn load(path: &Path) -> Result<Self, CredentialsError> {
        let content = files::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CredentialsError::Missing(path.into()),
            _ => CredentialsError::Read { path: path.into(), source },
        })?;
        files::warn_if_exposed(path);
        let text = std::str::from_utf8(&content).map_err(|_| CredentialsError::Chain);
        text.and_then(Self::from_pem).map_err(|source| CredentialsError::File {
            path: path.into(),
            source: Box::new(source),
        })
    }

    /// Writes key and chain into one private file (0600), atomically and durably: a renewal that
    /// is cut off leaves the old pair or the new one, never half of each.
    pub fn save(&self, path: &Path) -> Result<(), CredentialsError> {
        files::replace(path, self.to_pem().as_bytes())
            .map_err(|source| CredentialsError::Write { path: path.into(), source })
    }

    /// Who the holder is, and until when.
    pub fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// Who the holder is.
    pub fn identity(&self) -> &Identity {
        &self.peer.identity
    }

    /// The chain, the holder's certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// The chain as PEM.
    pub fn chain_pem(&self) -> String {
        pem::certificates(self.chain())
    }

    /// The holder's key, to ask for the next certificate with.
    pub fn key(&self) -> &HostKey {
        &self.key
    }

    /// The pair as rustls takes it.
    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, serial {})", self.peer.identity, self.peer.serial)
    }
}

impl From<CredentialsError> for Problem {
    fn from(error: CredentialsError) -> Self {
        let remedy = match &error {
            CredentialsError::Missing(_) => "join the fleet first, with a token",
            CredentialsError::Read { .. } | CredentialsError::Write { .. } => {
                "check the file's owner and permissions, and the free space"
            }
            CredentialsError::File { .. }
            | CredentialsError::Key(_)
            | CredentialsError::Chain
            | CredentialsError::Peer(_)
            | CredentialsError::Mismatch(_) => {
                "restore the file from a backup, or remove it and join again with a new token"
            }
        };
        Self::new(Code::DataFolder, chain_text(&error)).remedy(remedy)
    }
}

/// An error and its sources in one line, for problems, which carry no sources.
pub(crate) fn chain_text(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
