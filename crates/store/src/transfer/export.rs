//! Store to file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::timeout};

use super::{
    Summary,
    error::{ExportError, FileError},
    file::{Draft, failed},
    import::unfinished,
    reader::{Item, Reader},
    reserved, reserved_key,
};
use crate::{Change, Commit, Entry, Event, Key, Range, Revision, Store, Watch};

/// What may change during an export, in bytes of keys and values; it is held in memory.
const MAX_CHANGES: usize = 256 * 1024 * 1024;

/// Writes everything in `store`, as it is at one revision, to a new file at `path`. A file that is
/// there is replaced once the new one is complete. Only its owner can read it: it holds secrets.
///
/// # Errors
/// See [`ExportError`]; then there is no new file.
pub async fn export(store: &Store, path: &Path) -> Result<Summary, ExportError> {
    if unfinished(store).await? {
        return Err(ExportError::Unfinished);
    }
    let target = path.to_owned();
    let mut draft = on_disk(move || Draft::new(&target, ".part")).await?;
    let page = store.range(Range::everything()).await?;
    let first = page.revision;
    let watch = store.watch(crate::Prefix::everything(), first.next()).await?;
    let mut changes = Changes { watch, latest: BTreeMap::new(), bytes: 0 };
    let (mut entries, mut rest) = (page.entries, page.next);
    loop {
        entries.retain(|entry| !reserved().contains(&entry.key));
        draft = on_disk(move || draft.append(&entries).map(|()| draft)).await?;
        changes.take_what_is_there().await?;
        let Some(range) = rest else { break };
        let page = store.range(range).await?;
        (entries, rest) = (page.entries, page.next);
    }
    if store.revision().await? == first {
        return Ok(on_disk(move || draft.finish(first)).await?);
    }
    let end = changes.take_until_marked(store).await?;
    let (target, latest) = (path.to_owned(), changes.latest);
    Ok(on_disk(move || merge(draft, latest, &target)?.finish(end)).await?)
}

/// What changed since the export began.
struct Changes {
    watch: Watch,
    latest: BTreeMap<Key, Option<Entry>>,
    bytes: usize,
}

impl Changes {
    /// Keeps up with the watch, so that it does not fall out of the history. A wait of no length
    /// asks once; the watch is cancel-safe.
    async fn take_what_is_there(&mut self) -> Result<(), ExportError> {
        while let Ok(events) = timeout(Duration::ZERO, self.watch.next()).await {
            self.note(events?, Revision(u64::MAX))?;
        }
        Ok(())
    }

    /// Marks the end in the store and reads up to the mark, whose revision is the file's.
    async fn take_until_marked(&mut self, store: &Store) -> Result<Revision, ExportError> {
        let mark = reserved_key("export");
        let end = store.commit(Commit::new().put(mark.clone(), "")).await?;
        store.commit(Commit::new().delete(mark)).await?;
        let mut seen = Revision::ZERO;
        while seen < end {
            let events = self.watch.next().await?;
            seen = events.last().map_or(seen, |event| event.revision);
            self.note(events, end)?;
        }
        Ok(end)
    }

    fn note(&mut self, events: Vec<Event>, end: Revision) -> Result<(), ExportError> {
        let reserved = reserved();
        let wanted = |event: &Event| event.revision <= end && !reserved.contains(event.key());
        for event in events.into_iter().filter(wanted) {
            let (key, entry) = match event.change {
                Change::Put(entry) => (entry.key.clone(), Some(entry)),
                Change::Delete(key) => (key, None),
            };
            self.bytes += size(entry.as_ref());
            let replaced = self.latest.insert(key, entry).flatten();
            self.bytes -= replaced.as_ref().map_or(0, Entry::size);
        }
        if self.bytes > MAX_CHANGES {
            return Err(ExportError::TooBusy(MAX_CHANGES));
        }
        Ok(())
    }
}

fn size(entry: Option<&Entry>) -> usize {
    entry.map_or(0, Entry::size)
}

/// Writes the draft once more, with what changed put in.
fn merge(
    mut old: Draft,
    latest: BTreeMap<Key, Option<Entry>>,
    target: &Path,
) -> Result<Draft, FileError> {
    let (mut reader, _) = Reader::open(old.flushed()?)?;
    let mut new = Draft::new(target, ".merged")?;
    let mut changed = latest.into_iter().peekable();
    // The draft has no trailer; where it ends, it ends.
    while let Item::Entry(entry) = reader.next()? {
        while let Some((_, now)) = changed.next_if(|(key, _)| *key < entry.key) {
            new.append(now.as_slice())?;
        }
        match changed.next_if(|(key, _)| *key == entry.key) {
            Some((_, now)) => new.append(now.as_slice())?,
            None => new.append(&[entry])?,
        }
    }
    for (_, now) in changed {
        new.append(now.as_slice())?;
    }
    Ok(new)
}

/// File work on a thread that may block.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(failed("working on", &PathBuf::new())(std::io::Error::other(error)))
    })
}
