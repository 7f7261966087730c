//! The authorities that a host trusts, as one thing.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use tamer_drift::{Kind, Source};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::read::hex;
use crate::inventory::{Cover, Found, Stop, host, key, set, short};

/// The most authorities of a folder that are named: 200 bytes each, and a resource has 256 KiB. Of
/// more there is their number and a digest.
const MOST_NAMED: usize = 1000;
/// The longest name of one that is told, in bytes.
const MOST_NAME: usize = 160;

/// The authorities in a folder, by their fingerprints.
#[derive(Default)]
pub(super) struct Store {
    authorities: BTreeMap<Vec<u8>, String>,
    /// Some of its files could not be read.
    pub(super) torn: bool,
}

impl Store {
    /// Takes the authorities out of these, and leaves the others.
    pub(super) fn take(&mut self, ders: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut others = Vec::new();
        for der in ders {
            match authority(&der) {
                Some(name) => {
                    self.authorities.insert(digest(&SHA256, &der).as_ref().to_vec(), name);
                }
                None => others.push(der),
            }
        }
        others
    }

    /// Tells of it, unless some of it was not seen.
    pub(super) fn put(self, folder: &str, found: &mut Found) -> Result<(), Stop> {
        let Self { authorities, torn } = self;
        if torn {
            let key = key(Source::host(), Kind::Certificate, folder);
            found.miss(Cover::Key(key), format!("{folder}: not every file could be read"));
            return Ok(());
        }
        if authorities.is_empty() {
            return Ok(());
        }
        let mut hasher = blake3::Hasher::new();
        authorities.keys().for_each(|print| {
            hasher.update(print);
        });
        let mut made = host(Kind::Certificate, folder)
            .int("certificates", authorities.len())
            .text("digest", hasher.finalize().to_hex());
        if authorities.len() <= MOST_NAMED {
            // Several keys of one name are several authorities.
            let names =
                authorities.iter().map(|(print, name)| format!("{name} {}", hex(&print[..8])));
            made = made.put("authorities", set(names));
        }
        found.put(made.done())?;
        Ok(())
    }
}

/// The name of an authority; none of what is none. The oldest do not say that they are one: they
/// vouch for themselves, and for no name of a host.
fn authority(der: &[u8]) -> Option<String> {
    let (_, read) = X509Certificate::from_der(der).ok()?;
    let old = || {
        read.subject() == read.issuer()
            && read.subject_alternative_name().is_ok_and(|names| names.is_none())
    };
    (read.is_ca() || old()).then(|| short(&read.subject().to_string(), MOST_NAME))
}
