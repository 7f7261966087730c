//! Saying what is wrong with a file, and how a store differs from it.

use std::{fmt, path::Path};

use super::{
    error::{CompareError, FileError, Problem},
    export::on_disk,
    line::End,
    reader::{Item, Reader},
    reserved,
};
use crate::{Entry, Key, Range, ReadError, Revision, Store};

/// Problems and differences named, at most; the rest are counted.
const NAMED: usize = 100;

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many entries are sound.
    pub entries: u64,
    /// What is wrong, the first hundred, in the order of lines.
    pub problems: Vec<Problem>,
    /// How many more are wrong.
    pub more: u64,
    pub(super) end: Option<End>,
}

/// A key that is not the same in a file and in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: Key,
    /// How it differs.
    pub differs: Differs,
}

/// How a key differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// The file has it in this line, the store does not have it.
    OnlyInFile(u64),
    /// The store has it, the file does not.
    OnlyInStore,
    /// The store has another value than the file in this line.
    Value(u64),
}

impl Report {
    /// Whether the file is what was exported.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.end.is_some()
    }

    /// The revision that the file is a copy of, if its trailer is sound.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.end.as_ref().map(|end| Revision(end.revision))
    }

    fn add(&mut self, problem: Problem) {
        if self.problems.len() < NAMED {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.problems.first(), self.problems.len() as u64 + self.more) {
            (None, _) => write!(f, "{} entries, sound", self.entries),
            (Some(only), 1) => only.fmt(f),
            (Some(first), count) => write!(f, "{first} (and {} more)", count - 1),
        }
    }
}

/// Reads the whole file at `path` and says what is wrong with it.
///
/// # Errors
/// When the file cannot be read. A file that is not sound is no error but a [`Report`].
pub async fn verify(path: &Path) -> Result<Report, FileError> {
    let path = path.to_owned();
    on_disk(move || {
        let (mut reader, problem) = Reader::open(&path)?;
        let mut report = Report::default();
        if let Some(problem) = problem {
            // Without a header the rest means nothing.
            report.add(problem);
            return Ok(report);
        }
        loop {
            match reader.next()? {
                Item::Entry(_) => report.entries += 1,
                Item::End(end) => report.end = Some(end),
                Item::Bad(problem) => report.add(problem),
                Item::Nothing => return Ok(report),
            }
        }
    })
    .await
}

/// Says how `store` differs from the file at `path`: keys and values, not revisions, which are the
/// store's own. Names the first hundred differences. The store should not be changing.
///
/// # Errors
/// When the file is not sound or either cannot be read.
pub async fn compare(store: &Store, path: &Path) -> Result<Vec<Difference>, CompareError> {
    let path = path.to_owned();
    let (mut reader, problem) = on_disk(move || Reader::open(&path)).await?;
    if let Some(problem) = problem {
        return Err(CompareError::Defective(problem));
    }
    let mut stored = Stored { store, entries: Vec::new().into_iter().peekable(), rest: None };
    stored.rest = Some(Range::everything());
    let mut differences = Vec::new();
    while differences.len() < NAMED {
        let (read, back) = on_disk(move || Ok((reader.chunk()?, reader))).await?;
        reader = back;
        let chunk = read.map_err(CompareError::Defective)?;
        if chunk.is_empty() {
            break;
        }
        for (line, entry) in chunk {
            while let Some(extra) = stored.next_if(|key| *key < entry.key).await? {
                differences.push(Difference { key: extra.key, differs: Differs::OnlyInStore });
            }
            let differs = match stored.next_if(|key| *key == entry.key).await? {
                Some(same) if same.value == entry.value => continue,
                Some(_) => Differs::Value(line),
                None => Differs::OnlyInFile(line),
            };
            differences.push(Difference { key: entry.key, differs });
        }
    }
    while differences.len() < NAMED
        && let Some(extra) = stored.next_if(|_| true).await?
    {
        differences.push(Difference { key: extra.key, differs: Differs::OnlyInStore });
    }
    differences.truncate(NAMED);
    Ok(differences)
}

/// A store's entries one by one, but for the reserved ones.
struct Stored<'a> {
    store: &'a Store,
    entries: std::iter::Peekable<std::vec::IntoIter<Entry>>,
    rest: Option<Range>,
}

impl Stored<'_> {
    async fn next_if(&mut self, wanted: impl Fn(&Key) -> bool) -> Result<Option<Entry>, ReadError> {
        while self.entries.peek().is_none()
            && let Some(range) = self.rest.take()
        {
            let mut page = self.store.range(range).await?;
            page.entries.retain(|entry| !reserved().contains(&entry.key));
            self.entries = page.entries.into_iter().peekable();
            self.rest = page.next;
        }
        Ok(self.entries.next_if(|entry| wanted(&entry.key)))
    }
}
