//! What a machine's disk is made of.

use std::path::Path;

use tamer_provider::{Fault, Result};

/// What the spec names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of the host.
    File(String),
    /// A volume of libvirt.
    Volume {
        /// Its pool.
        pool: String,
        /// Its name in it.
        volume: String,
    },
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskMode {
    /// It stays as it is under a layer of the machine's own.
    Overlay,
    /// It is copied.
    Copy,
    /// The machine changes it itself.
    Use,
}

impl Source {
    /// Reads an absolute path or `POOL/VOLUME`.
    pub fn read(text: &str) -> Result<Self> {
        if Path::new(text).is_absolute() || text.starts_with('/') {
            return Ok(Self::File(text.to_owned()));
        }
        match text.split_once('/') {
            Some((pool, volume))
                if !pool.is_empty() && !volume.is_empty() && !volume.contains('/') =>
            {
                Ok(Self::Volume { pool: pool.to_owned(), volume: volume.to_owned() })
            }
            _ => {
                Err(Fault::spec("disk", format!("{text:?} is no absolute path and no POOL/VOLUME"))
                    .remedy(
                        "give the path of a disk image on the host, or a volume as POOL/VOLUME",
                    ))
            }
        }
    }
}
