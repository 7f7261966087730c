//! The authority on disk: `ca.key` and `ca.crt` in the coordinator's data folder.
//!
//! `ca.key` holds the key and the certificate, so that the first start is one rename: after a
//! power cut there is a whole authority or none. `ca.crt` is the public copy, for people and
//! tools; it is made again when it is missing.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use tamer_model::{Code, Problem, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use crate::credentials::chain_text;
use crate::{Authority, HostKey, HostKeyError, Lifetimes, Trust, TrustError, crypto, files};

/// The authority's private key, with its certificate. Mode 0600.
pub const CA_KEY_FILE: &str = "ca.key";
/// The authority's certificate, a public copy.
pub const CA_CERTIFICATE_FILE: &str = "ca.crt";

/// The authority could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Neither file is there: a first start.
    #[error("there is no certificate authority in {}", .0.display())]
    Missing(PathBuf),
    /// The certificate is there, and the key is not.
    #[error("{} is missing beside its certificate", .0.display())]
    KeyMissing(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key is damaged.
    #[error("{} holds no usable private key", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: HostKeyError,
    },
    /// A certificate is damaged.
    #[error("{} holds no usable CA certificate", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: TrustError,
    },
    /// Key and certificate of different authorities.
    #[error("{} does not belong to the key in {CA_KEY_FILE}", .0.display())]
    Mismatch(PathBuf),
    /// The public copy, which was missing, could not be made again.
    #[error(transparent)]
    Restore(#[from] SaveError),
}

/// The authority could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// There is one already, and it is never overwritten.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Authority {
    /// Reads the authority of `folder`, with default lifetimes. [`LoadError::Missing`] means that
    /// there never was one.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        let (key_path, copy_path) = (folder.join(CA_KEY_FILE), folder.join(CA_CERTIFICATE_FILE));
        let copy = read(&copy_path)?;
        let Some(bundle) = read(&key_path)? else {
            return Err(match copy {
                Some(_) => LoadError::KeyMissing(key_path),
                None => LoadError::Missing(folder.into()),
            });
        };
        files::warn_if_exposed(&key_path);
        let key = HostKey::from_pem(&bundle)
            .map_err(|source| LoadError::Key { path: key_path.clone(), source })?;
        let trust = certificate(&key_path, &bundle)?;
        if !belongs(&key, &trust) {
            return Err(LoadError::Mismatch(key_path));
        }
        match copy {
            None => write_copy(&copy_path, &trust)?,
            Some(text) if certificate(&copy_path, &text)? != trust => {
                return Err(LoadError::Mismatch(copy_path));
            }
            Some(_) => {}
        }
        let not_after = not_after(trust.der());
        Ok(Self { key, trust, not_after, lifetimes: Lifetimes::default() })
    }

    /// Writes the authority into `folder`, which must exist and hold none.
    pub fn save(&self, folder: &Path) -> Result<(), SaveError> {
        let path = folder.join(CA_KEY_FILE);
        if path.exists() || folder.join(CA_CERTIFICATE_FILE).exists() {
            return Err(SaveError::Exists(path));
        }
        let (key, certificate) = (self.key.to_pem(), self.trust.to_pem());
        let mut bundle = Zeroizing::new(String::with_capacity(key.len() + certificate.len()));
        bundle.push_str(&key);
        bundle.push_str(&certificate);
        files::replace(&path, bundle.as_bytes())
            .map_err(|source| SaveError::Write { path, source })?;
        write_copy(&folder.join(CA_CERTIFICATE_FILE), &self.trust)
    }
}

impl LoadError {
    /// What the reader can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing(_) => "start a coordinator with this folder once, and it makes one",
            Self::KeyMissing(_) => {
                "restore ca.key from a backup; without it no certificate can be issued, and a new \
                 fleet needs an empty folder"
            }
            Self::Read { .. } => "check the file's owner and permissions",
            Self::Key { .. } => "restore ca.key from a backup",
            Self::Certificate { path, .. } | Self::Mismatch(path)
                if path.ends_with(CA_CERTIFICATE_FILE) =>
            {
                "restore ca.crt from a backup, or move it away: it is made again from ca.key"
            }
            Self::Certificate { .. } | Self::Mismatch(_) => "restore ca.key from a backup",
            Self::Restore(error) => error.remedy(),
        }
    }
}

impl SaveError {
    /// What the reader can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Exists(_) => "use another data folder, or load the authority that is there",
            Self::Write { .. } => "check the folder's owner and permissions, and the free space",
        }
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        Self::new(Code::DataFolder, chain_text(&error)).remedy(error.remedy())
    }
}

impl From<SaveError> for Problem {
    fn from(error: SaveError) -> Self {
        Self::new(Code::DataFolder, chain_text(&error)).remedy(error.remedy())
    }
}

/// The text of a file; bytes that are no text are read as signs that PEM does not know.
fn read(path: &Path) -> Result<Option<Zeroizing<String>>, LoadError> {
    match files::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LoadError::Read { path: path.into(), source }),
    }
}

fn certificate(path: &Path, text: &str) -> Result<Trust, LoadError> {
    Trust::from_pem(text).map_err(|source| LoadError::Certificate { path: path.into(), source })
}

fn write_copy(path: &Path, trust: &Trust) -> Result<(), SaveError> {
    files::replace(path, trust.to_pem().as_bytes())
        .map_err(|source| SaveError::Write { path: path.into(), source })
}

fn belongs(key: &HostKey, trust: &Trust) -> bool {
    X509Certificate::from_der(trust.der()).is_ok_and(|(_, certificate)| {
        crypto::fingerprint(certificate.public_key().raw) == key.fingerprint()
    })
}

fn not_after(der: &CertificateDer<'_>) -> Timestamp {
    let seconds = X509Certificate::from_der(der)
        .map_or(0, |(_, certificate)| certificate.validity().not_after.timestamp());
    Timestamp::from_millis(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000))
}
