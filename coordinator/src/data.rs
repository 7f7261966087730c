//! The data folder: who may use it, what version it is, and the fleet's keys in it.
//!
//! ```text
//! DATA/lock             held while a coordinator runs
//! DATA/format           the version of this folder
//! DATA/coordinator      this coordinator's id
//! DATA/ca.crt, ca.key   the fleet's certificate authority; the key is mode 0600
//! DATA/store/           the embedded store
//! DATA/contents/        the contents of scripts and files; no part of an export of the store
//! DATA/inventory/       the nodes of what hosts hold; no part of an export of the store
//! DATA/admin.context.toml  the first admin's context, mode 0600
//! ```

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tamer_certs::{Authority, CA_CERTIFICATE_FILE, CA_KEY_FILE};
use tamer_model::{Code, CoordinatorId, FleetId, Problem, Timestamp, UserName};

use crate::clock;
use crate::platform;
use crate::state::{AuthorityRecord, unstorable};

const FORMAT: &str = "tamer-coordinator 1\n";
/// The first admin's context.
pub const CONTEXT_FILE: &str = "admin.context.toml";

/// A data folder that this process holds.
pub struct Data {
    dir: PathBuf,
    /// Held for as long as the process may write here.
    _lock: File,
}

impl Data {
    /// Claims a folder, making it if it is not there.
    pub fn open(dir: &Path) -> Result<Self, Problem> {
        platform::make_private_dir(dir).map_err(|error| unusable(dir, "cannot be made", &error))?;
        let is_new = fs::read_dir(dir)
            .map_err(|error| unusable(dir, "cannot be read", &error))?
            .all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lock"));
        let lock = platform::open_private(&dir.join("lock"))
            .map_err(|error| unusable(dir, "cannot be written", &error))?;
        lock.try_lock().map_err(|_| {
            Problem::new(
                Code::DataFolder,
                format!("the data folder {} is in use by another process", dir.display()),
            )
            .remedy("stop the other coordinator, or choose another folder with --data")
        })?;
        let data = Self { dir: dir.to_owned(), _lock: lock };
        data.check_format(is_new)?;
        Ok(data)
    }

    fn check_format(&self, is_new: bool) -> Result<(), Problem> {
        let path = self.path("format");
        match fs::read_to_string(&path) {
            Ok(text) if text == FORMAT => Ok(()),
            Ok(text) if text.starts_with("tamer-coordinator ") => {
                let what = format!(
                    "the data folder {} was written by a newer version ({})",
                    self.dir.display(),
                    text.trim()
                );
                Err(Problem::new(Code::DataFolder, what).remedy("upgrade this coordinator"))
            }
            Err(error) if error.kind() == ErrorKind::NotFound && is_new => {
                self.write("format", FORMAT.as_bytes())
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(unusable(&self.dir, "cannot be read", &error))
            }
            Ok(_) | Err(_) => {
                let what = format!("{} is not a coordinator's data folder", self.dir.display());
                Err(Problem::new(Code::DataFolder, what)
                    .remedy("choose an empty folder, or the one that was used before"))
            }
        }
    }

    /// Where a file of the folder is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file of the folder: whole, synced, readable by this user only.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        let write = || -> std::io::Result<()> {
            let draft = self.path(&format!("{name}.new"));
            let mut file = platform::create_private(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, self.path(name))?;
            platform::sync_dir(&self.dir)
        };
        write().map_err(|error| unusable(&self.dir, "cannot be written", &error))
    }

    /// The fleet's authority if the folder has it.
    pub fn authority(&self) -> Result<Option<Authority>, Problem> {
        if !self.path(CA_CERTIFICATE_FILE).exists() && !self.path(CA_KEY_FILE).exists() {
            return Ok(None);
        }
        Authority::load(&self.dir).map(Some).map_err(|error| no_authority(&error))
    }

    /// Makes a fleet.
    pub fn new_authority(&self) -> Result<Authority, Problem> {
        let fleet = FleetId::from_bytes(clock::random());
        let authority =
            Authority::create(fleet, clock::now()).map_err(|error| no_authority(&error))?;
        authority.save(&self.dir).map_err(|error| no_authority(&error))?;
        Ok(authority)
    }

    /// The authority's files, for the store to keep.
    pub fn authority_files(&self) -> Result<AuthorityRecord, Problem> {
        let read = |name| {
            fs::read_to_string(self.path(name))
                .map_err(|error| unusable(&self.dir, "cannot be read", &error))
        };
        Ok(AuthorityRecord { certificate: read(CA_CERTIFICATE_FILE)?, key: read(CA_KEY_FILE)? })
    }

    /// Puts back the authority's files from what a store kept.
    pub fn restore_authority(&self, kept: &AuthorityRecord) -> Result<Authority, Problem> {
        self.write(CA_KEY_FILE, kept.key.as_bytes())?;
        self.write(CA_CERTIFICATE_FILE, kept.certificate.as_bytes())?;
        Authority::load(&self.dir).map_err(|error| no_authority(&error))
    }

    /// This coordinator's id, the same at every start.
    pub fn coordinator(&self) -> Result<CoordinatorId, Problem> {
        match fs::read_to_string(self.path("coordinator")) {
            Ok(text) => text.trim().parse().map_err(|_| {
                Problem::new(
                    Code::DataFolder,
                    format!("{} does not hold an id", self.path("coordinator").display()),
                )
                .remedy("delete the file: the coordinator takes a new id")
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let id = CoordinatorId::from_bytes(clock::random());
                self.write("coordinator", format!("{id}\n").as_bytes())?;
                Ok(id)
            }
            Err(error) => Err(unusable(&self.dir, "cannot be read", &error)),
        }
    }

    /// Makes the first admin's context, or brings the addresses of an old one up to date.
    pub fn context(
        &self,
        authority: &Authority,
        addresses: Vec<SocketAddr>,
    ) -> Result<PathBuf, Problem> {
        let path = self.path(CONTEXT_FILE);
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        let context = match fs::read_to_string(&path) {
            Ok(text) => {
                let known: Context = toml::from_str(&text).map_err(|error| {
                    Problem::new(
                        Code::DataFolder,
                        format!("{}: {}", path.display(), error.message()),
                    )
                    .remedy("delete the file: the next start makes a new admin")
                })?;
                Context { addresses, ..known }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                new_admin(authority, addresses, clock::now())?
            }
            Err(error) => return Err(unusable(&self.dir, "cannot be read", &error)),
        };
        let text = toml::to_string(&context)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        self.write(CONTEXT_FILE, text.as_bytes())?;
        Ok(path)
    }
}

/// A context file, as `tamerctl` reads it. No `Debug`: it holds a key.
#[derive(Serialize, Deserialize)]
struct Context {
    version: u32,
    name: String,
    fleet: FleetId,
    user: UserName,
    addresses: Vec<String>,
    ca: String,
    certificate: String,
    key: String,
}

fn new_admin(
    authority: &Authority,
    addresses: Vec<String>,
    now: Timestamp,
) -> Result<Context, Problem> {
    let user: UserName =
        "admin".parse().map_err(|error| Problem::new(Code::Internal, format!("{error}")))?;
    let failed = |error: &dyn std::fmt::Display| {
        Problem::new(Code::Internal, format!("no admin could be made: {error}"))
    };
    let admin =
        authority.issue_user_credentials(user.clone(), now).map_err(|error| failed(&error))?;
    Ok(Context {
        version: 1,
        name: authority.fleet().to_string(),
        fleet: authority.fleet(),
        user,
        addresses,
        ca: authority.trust().to_pem(),
        certificate: admin.chain_pem(),
        key: admin.key().to_pem().to_string(),
    })
}

fn no_authority(error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::DataFolder, unstorable(error).message)
        .remedy("restore ca.key and ca.crt from a backup of the data folder, or the fleet from an export of its store")
}

fn unusable(dir: &Path, what: &str, error: &std::io::Error) -> Problem {
    Problem::new(Code::DataFolder, format!("the data folder {} {what}: {error}", dir.display()))
        .remedy("choose another with --data, or give this user the right to it")
}
