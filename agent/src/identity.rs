//! Who this agent is: its key and certificate on disk. `run`, `enrol` and the session's renewal
//! use it; the files are replaced whole, so a crash leaves the old identity or the new one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tamer_certs::{Credentials, CredentialsError, HostKey, Trust};
use tamer_model::{Code, Problem};

use crate::folder;
use crate::problem::chain;

/// The key of a host that has not joined yet; saved before it is used.
const JOIN_KEY: &str = "join.key";
/// The certificate chain and key in use.
const CURRENT: &str = "identity.pem";
/// The key of a renewal; saved before it is sent.
const NEXT_KEY: &str = "next.key";
/// A renewed chain and key that were not seen to work yet.
const NEXT: &str = "next.pem";
/// The address that worked last.
const ADDRESS: &str = "address";

/// The identity's files in the data folder.
#[derive(Debug, Clone)]
pub struct IdentityFiles {
    folder: PathBuf,
}

impl IdentityFiles {
    /// Those of `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The identity in use; nothing when the host has not joined.
    pub fn current(&self) -> Result<Option<Credentials>, Problem> {
        self.load(CURRENT)
    }

    /// The renewed identity that was not seen to work yet. One that cannot be read is as good as
    /// none: the current one is still there.
    pub fn next(&self) -> Option<Credentials> {
        self.load(NEXT).unwrap_or_else(|problem| {
            tracing::warn!(%problem, "the renewed certificate cannot be used");
            None
        })
    }

    /// The key to join with, made and saved at the first call.
    pub fn join_key(&self) -> Result<HostKey, Problem> {
        self.key(JOIN_KEY)
    }

    /// The key to renew with, made and saved at the first call after a renewal.
    pub fn next_key(&self) -> Result<HostKey, Problem> {
        self.key(NEXT_KEY)
    }

    /// Keeps what was issued for `key` as the identity in use.
    pub fn joined(&self, chain: &[Vec<u8>], key: HostKey) -> Result<Credentials, Problem> {
        let credentials = self.save(CURRENT, chain, key)?;
        [JOIN_KEY, NEXT_KEY, NEXT].into_iter().try_for_each(|name| self.remove(name))?;
        Ok(credentials)
    }

    /// Keeps what was issued for `key` until it was seen to work.
    pub fn renewed(&self, chain: &[Vec<u8>], key: HostKey) -> Result<Credentials, Problem> {
        self.save(NEXT, chain, key)
    }

    /// The renewed identity worked: it becomes the one in use.
    pub fn promote(&self) -> Result<(), Problem> {
        fs::rename(self.folder.join(NEXT), self.folder.join(CURRENT))
            .map_err(|error| self.problem("replace", CURRENT, &error))?;
        self.remove(NEXT_KEY)
    }

    /// The renewed identity was refused: it is forgotten.
    pub fn demote(&self) -> Result<(), Problem> {
        [NEXT, NEXT_KEY].into_iter().try_for_each(|name| self.remove(name))
    }

    /// The address that worked last.
    pub fn last_address(&self) -> Option<String> {
        let text = fs::read_to_string(self.folder.join(ADDRESS)).ok()?;
        let text = text.trim();
        (!text.is_empty() && text.len() < 300).then(|| text.to_owned())
    }

    /// Remembers an address that worked. A failure only costs time later.
    pub fn remember_address(&self, address: &str) {
        if self.last_address().as_deref() != Some(address)
            && let Err(error) = folder::replace(&self.folder.join(ADDRESS), address.as_bytes())
        {
            tracing::warn!(error = %chain(&error), "the coordinator's address was not saved");
        }
    }

    fn load(&self, name: &str) -> Result<Option<Credentials>, Problem> {
        match Credentials::load(&self.folder.join(name)) {
            Ok(credentials) => Ok(Some(credentials)),
            Err(CredentialsError::Missing(_)) => Ok(None),
            Err(error) => Err(Problem::new(Code::DataFolder, chain(&error))
                .on("data")
                .remedy("restore the file, or delete it and join again with a new token")),
        }
    }

    fn key(&self, name: &str) -> Result<HostKey, Problem> {
        let path = self.folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => HostKey::from_pem(&text).map_err(|error| {
                Problem::new(
                    Code::DataFolder,
                    format!("the key {} cannot be used: {}", path.display(), chain(&error)),
                )
                .on("data")
                .remedy("delete the file; the agent makes another key")
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = HostKey::generate()
                    .map_err(|error| Problem::new(Code::Internal, chain(&error)))?;
                folder::replace(&path, key.to_pem().as_bytes())
                    .map_err(|error| self.problem("write", name, &error))?;
                Ok(key)
            }
            Err(error) => Err(self.problem("read", name, &error)),
        }
    }

    fn save(
        &self,
        name: &str,
        chain_der: &[Vec<u8>],
        key: HostKey,
    ) -> Result<Credentials, Problem> {
        let credentials = Credentials::from_der(chain_der, key).map_err(|error| {
            let text =
                format!("the coordinator sent a certificate that is none: {}", chain(&error));
            Problem::new(Code::Internal, text).remedy("update the coordinator and the agent")
        })?;
        trust_of(&credentials)?;
        folder::replace(&self.folder.join(name), credentials.to_pem().as_bytes())
            .map_err(|error| self.problem("write", name, &error))?;
        Ok(credentials)
    }

    fn remove(&self, name: &str) -> Result<(), Problem> {
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.problem("remove", name, &error))
            }
            _ => Ok(()),
        }
    }

    fn problem(&self, what: &str, name: &str, error: &io::Error) -> Problem {
        let path = self.folder.join(name);
        Problem::new(
            Code::DataFolder,
            format!("cannot {what} {}: {}", path.display(), chain(error)),
        )
        .on("data")
        .remedy("make room, and give the agent the right to write there")
    }
}

/// The fleet's CA: the last certificate of the chain that was issued.
pub fn trust_of(credentials: &Credentials) -> Result<Trust, Problem> {
    let last = credentials.chain().last().map_or(&[][..], |der| der);
    Trust::from_der(last).map_err(|error| {
        Problem::new(Code::DataFolder, format!("the identity holds no CA: {}", chain(&error)))
            .on("data")
            .remedy("delete the identity and join again with a new token")
    })
}
