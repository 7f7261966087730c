//! File to store.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    Summary,
    error::ImportError,
    export::on_disk,
    reader::Reader,
    reserved, reserved_key,
    verify::{Report, verify},
};
use crate::{
    Commit, Entry, Key, MAX_COMMIT_BYTES, MAX_COMMIT_OPS, Range, ReadError, Revision, Store,
};

/// What the marker needs of a commit, in bytes.
const MARKER_BYTES: usize = 1024;

/// What the marker says: which file, and how many of its lines are in the store.
#[derive(Serialize, Deserialize, PartialEq, Eq, Clone)]
struct Progress {
    entries: u64,
    revision: u64,
    crc: String,
    lines: u64,
}

/// Whether an import into `store` was cut short. Such a store is half-made and must not be served
/// from: the coordinator asks when it starts.
///
/// # Errors
/// When the store cannot be read.
pub async fn unfinished(store: &Store) -> Result<bool, ReadError> {
    Ok(store.get(&marker()).await?.is_some())
}

/// Puts everything in the file at `path` into `store`, which must be empty, or half-made by an
/// import of the same file. The whole file is verified first.
///
/// # Errors
/// See [`ImportError`]. What was done is kept, and [`unfinished`] is true until the same import has
/// finished it.
pub async fn import(store: &Store, path: &Path) -> Result<Summary, ImportError> {
    let report = verify(path).await?;
    let Some(progress) = Progress::none_of(&report) else {
        return Err(ImportError::Defective(report));
    };
    let (mut progress, mut at) = begin(store, progress).await?;
    let source = path.to_owned();
    let (mut reader, _) = on_disk(move || Reader::open(&source)).await?;
    loop {
        let (read, back) = on_disk(move || Ok((reader.chunk()?, reader))).await?;
        reader = back;
        let mut entries = read.map_err(ImportError::Changed)?;
        if entries.is_empty() {
            break;
        }
        entries.retain(|(line, _)| *line > progress.lines);
        for batch in batches(&entries) {
            progress.lines = batch.last().map_or(progress.lines, |(line, _)| *line);
            let commit = batch.iter().fold(progress.commit(at), |commit, (_, entry)| {
                commit.put(entry.key.clone(), entry.value.clone())
            });
            at = store.commit(commit).await?;
        }
    }
    let done = Commit::new().modified_at(marker(), at).delete(marker());
    let revision = store.commit(done).await?;
    Ok(Summary { entries: progress.entries, revision })
}

/// Puts the marker in an empty store, or takes up one that is there.
async fn begin(store: &Store, fresh: Progress) -> Result<(Progress, Revision), ImportError> {
    if let Some(entry) = store.get(&marker()).await? {
        let found = serde_json::from_slice::<Progress>(&entry.value).ok();
        return match found {
            Some(found) if fresh.same_file(&found) => Ok((found, entry.modified)),
            Some(_) | None => Err(ImportError::OtherFile),
        };
    }
    // Only what this module left behind may be there, and that is one key.
    let first = store.range(Range::everything().limit(2)).await?.entries;
    if first.iter().any(|entry| !reserved().contains(&entry.key)) {
        return Err(ImportError::NotEmpty);
    }
    let at = store.commit(Commit::new().absent(marker()).put(marker(), fresh.to_value())).await?;
    Ok((fresh, at))
}

impl Progress {
    /// None if the report is not of a sound file.
    fn none_of(report: &Report) -> Option<Self> {
        let end = report.end.clone().filter(|_| report.is_sound())?;
        Some(Self { entries: end.entries, revision: end.revision, crc: end.crc, lines: 0 })
    }

    fn same_file(&self, other: &Self) -> bool {
        Self { lines: 0, ..self.clone() } == Self { lines: 0, ..other.clone() }
    }

    fn to_value(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and text are JSON")
    }

    /// A commit that notes this progress, if nobody else's was noted since `at`.
    fn commit(&self, at: Revision) -> Commit {
        Commit::new().modified_at(marker(), at).put(marker(), self.to_value())
    }
}

/// Cuts entries into what fits a commit beside the marker.
fn batches(entries: &[(u64, Entry)]) -> impl Iterator<Item = &[(u64, Entry)]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(MAX_COMMIT_OPS - 1).take_while(|(_, entry)| {
            bytes += entry.size();
            bytes <= MAX_COMMIT_BYTES - MARKER_BYTES
        });
        let (batch, after) = rest.split_at(fits.count());
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

fn marker() -> Key {
    reserved_key("import")
}
