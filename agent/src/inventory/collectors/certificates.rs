//! Certificates in files, with the day they end. Keys that lie beside them are passed over.
//!
//! A folder of the authorities that the host trusts is one thing: who is in it. A distribution has a
//! hundred and forty of them, comes with others twice a year, and leaves in those that ran out.

mod read;
mod store;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tamer_drift::Kind;

use self::read::{certificates, ders};
use self::store::Store;
use crate::inventory::{Cover, Found, Look, Pattern, Stop, Worker, read as files};

/// The most bytes of one file: a bundle of all authorities has a fifth of it.
const MOST: usize = 4 << 20;

/// Looks at certificates.
pub struct Certificates {
    /// Files that may hold some.
    pub patterns: Vec<Pattern>,
    /// Folders of the authorities that the host trusts.
    pub stores: &'static [&'static str],
}

/// How a file was found, which may be in several ways.
#[derive(Default)]
struct Places {
    /// In the folder of authorities of this number.
    store: Option<usize>,
    /// Outside of any.
    alone: bool,
}

impl Look for Certificates {
    fn marks(&self) -> Vec<PathBuf> {
        self.patterns.iter().map(|pattern| pattern.base().to_owned()).collect()
    }

    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let files = self.files(found);
        let mut stores: BTreeMap<usize, Store> = BTreeMap::new();
        for (file, Places { store, alone }) in files {
            worker.breathe();
            let id = file.display().to_string();
            let store = store.map(|number| stores.entry(number).or_default());
            match files::bytes(&file, MOST) {
                Ok(content) => {
                    let ders = ders(&content);
                    let told = match store {
                        Some(store) if alone => {
                            store.take(ders.clone());
                            ders
                        }
                        Some(store) => store.take(ders),
                        None => ders,
                    };
                    certificates(&id, &told).into_iter().try_for_each(|one| found.put(one))?;
                }
                Err(error) => {
                    if let Some(store) = store {
                        store.torn = true;
                    }
                    let cover = Cover::Prefix(Kind::Certificate, id.clone());
                    found.miss(cover, format!("{id}: {error}"));
                }
            }
        }
        for (number, store) in stores {
            store.put(self.stores[number], found)?;
        }
        Ok(())
    }
}

impl Certificates {
    /// The files that there are. Folders of authorities are full of links to the same ones.
    fn files(&self, found: &mut Found) -> BTreeMap<PathBuf, Places> {
        let mut files: BTreeMap<PathBuf, Places> = BTreeMap::new();
        for pattern in &self.patterns {
            let matches = pattern.find();
            for (folder, error) in matches.unseen {
                let folder = folder.display().to_string();
                let cover = Cover::Prefix(Kind::Certificate, folder.clone());
                found.miss(cover, format!("{folder}: {error}"));
            }
            for path in &matches.paths {
                let Ok(real) = path.canonicalize() else { continue };
                if !real.is_file() {
                    continue;
                }
                let is_of = |store: &&str| path.parent() == Some(Path::new(store));
                let places = files.entry(real).or_default();
                match self.stores.iter().position(is_of) {
                    Some(number) => places.store = Some(number),
                    None => places.alone = true,
                }
            }
        }
        files
    }
}
