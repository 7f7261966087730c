//! The journal's file and the index of what it holds. Synchronous; owned by the journal's thread.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tamer_crash::point;
use tamer_model::{JournalId, KeptOutput, TaskEnd, TaskId, Timestamp};

use super::held::begun;
use super::record::{self, Deed, FRAME, HEADER, Record};
use super::{Held, JournalError, Open, ProcessMark, Start};
use crate::folder;

/// A file that grew past this is rewritten when most of it is forgotten.
const COMPACT_AT: u64 = 1024 * 1024;

/// The file, open for appending.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    /// Closed only while the file is replaced: Windows does not replace an open one.
    file: Option<File>,
    id: JournalId,
    /// Where the next frame goes. What has to be on the disk of what lies before it is.
    len: u64,
    held: BTreeMap<TaskId, Held>,
    /// What waits for the next commit.
    staged: Vec<Staged>,
    /// Set when a sync failed: what the file holds is then unknown until it is rewritten.
    suspect: bool,
    /// Set while an end is written and not synced: [`Self::settle`] is due.
    unsettled: bool,
    /// Bytes of a torn tail that were cut at the opening.
    cut: u64,
}

#[derive(Debug)]
struct Staged {
    record: Record,
    payload: Vec<u8>,
}

impl JournalFile {
    /// Opens the journal of `folder`, or begins one with the id `fresh`.
    pub fn open(folder: &Path, fresh: JournalId) -> Result<Self, JournalError> {
        let path = folder.join("journal");
        let fail = |what| {
            let path = path.clone();
            move |source| JournalError::Io { what, path, source }
        };
        if !path.try_exists().map_err(fail("look for"))? {
            folder::replace(&path, &record::header(fresh)).map_err(fail("create"))?;
        }
        let mut file = open(&path).map_err(fail("open"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail("read"))?;
        let record::Scan { id, found, good } = record::scan(&bytes)
            .map_err(|source| JournalError::Damaged { path: path.clone(), source })?;
        let cut = (bytes.len() - good) as u64;
        let mut journal = Self {
            path,
            file: Some(file),
            id,
            len: good as u64,
            held: BTreeMap::new(),
            staged: Vec::new(),
            suspect: false,
            unsettled: false,
            cut,
        };
        found.into_iter().for_each(|found| journal.learn(found.record, found.at, found.len));
        // What was read may sit in memory alone, and the tail may be torn: one rewrite settles both.
        journal.compact()?;
        Ok(journal)
    }

    /// The journal's id.
    pub fn id(&self) -> JournalId {
        self.id
    }

    /// How many bytes of a torn tail the opening cut.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// What is held, in the order of the tasks.
    pub fn held(&self) -> &BTreeMap<TaskId, Held> {
        &self.held
    }

    /// Stages the beginning of a task unless it is known.
    pub fn begin(&mut self, task: TaskId, at: Timestamp, deed: Deed) -> Start {
        if let Some(held) = self.held.get(&task) {
            return Start::Held(held.clone());
        }
        if self.staged.iter().any(|staged| staged.record.task() == task) {
            return Start::Held(Held::Open(Open { at, step: None, deed, process: None }));
        }
        self.stage(begun(task, at, deed));
        Start::Recorded
    }

    /// Stages that a task goes on to something else.
    pub fn next(&mut self, task: TaskId, step: Option<u16>, deed: Deed) {
        self.stage(Record::Next { task, step, deed });
    }

    /// Stages that the process was started.
    pub fn started(&mut self, task: TaskId, process: ProcessMark) {
        self.stage(Record::Started { task, process });
    }

    /// Stages an end unless there is one: the first end stands.
    pub fn ended(&mut self, task: TaskId, end: TaskEnd, output: &KeptOutput) {
        let staged = |staged: &Staged| matches!(&staged.record, Record::Ended { task: other, .. } if *other == task);
        if matches!(self.held.get(&task), Some(Held::Ended { .. }))
            || self.staged.iter().any(staged)
        {
            return;
        }
        let payload = record::ended(task, end.clone(), output);
        let record = Record::Ended { task, end, sizes: record::Sizes::default() };
        self.staged.push(Staged { record, payload });
    }

    /// Stages that the coordinator has the end of a task; others are not forgotten.
    pub fn forgotten(&mut self, task: TaskId) {
        if matches!(self.held.get(&task), Some(Held::Ended { .. })) {
            self.stage(Record::Forgotten { task });
        }
    }

    /// Writes what was staged, with one sync where something of it must outlast a power cut before
    /// work goes on. After a failure nothing of it happened.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        let staged = std::mem::take(&mut self.staged);
        if self.suspect {
            self.compact()?;
        }
        if staged.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        staged.iter().for_each(|staged| record::frame(&mut bytes, &staged.payload, self.len));
        let needs = |need: Sync| staged.iter().any(|staged| staged.record.sync() == need);
        self.write(&bytes, needs(Sync::First))?;
        self.unsettled = !needs(Sync::First) && (self.unsettled || needs(Sync::Soon));
        for Staged { record, payload } in staged {
            let at = self.len + FRAME as u64;
            self.len = at + payload.len() as u64;
            self.learn(record, at, payload.len() as u32);
        }
        if self.len > COMPACT_AT && self.live() < self.len / 2 {
            self.compact_later();
        }
        Ok(())
    }

    /// Whether an end waits to be synced.
    pub const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Syncs the ends that were written.
    pub fn settle(&mut self) -> Result<(), JournalError> {
        self.unsettled = false;
        let synced = self.file().and_then(|file| file.sync_data());
        self.suspect |= synced.is_err();
        synced.map_err(|source| self.io("sync", source))
    }

    /// Reads an end back, with the output that was kept.
    pub fn read_end(
        &mut self,
        task: TaskId,
    ) -> Result<Option<(TaskEnd, KeptOutput)>, JournalError> {
        let Some(Held::Ended { at, len }) = self.held.get(&task).cloned() else { return Ok(None) };
        let payload = self.read_at(at, len).map_err(|source| self.io("read", source))?;
        Ok(record::read_end(&payload))
    }

    fn stage(&mut self, record: Record) {
        let payload = record::payload(&record);
        self.staged.push(Staged { record, payload });
    }

    fn learn(&mut self, record: Record, at: u64, len: u32) {
        match record {
            Record::Starting { task, at } => self.learn_begun(task, at, Deed::Process),
            Record::Asking { task, at } => self.learn_begun(task, at, Deed::Provider),
            Record::Moving { task, at } => self.learn_begun(task, at, Deed::File),
            Record::Next { task, step, deed } => {
                if let Some(Held::Open(open)) = self.held.get_mut(&task) {
                    *open = Open { at: open.at, step, deed, process: None };
                }
            }
            Record::Started { task, process } => {
                if let Some(Held::Open(open)) = self.held.get_mut(&task) {
                    open.process = Some(process);
                }
            }
            Record::Ended { task, .. } => {
                self.held.insert(task, Held::Ended { at, len });
            }
            Record::Forgotten { task } => {
                self.held.remove(&task);
            }
        }
    }

    fn learn_begun(&mut self, task: TaskId, at: Timestamp, deed: Deed) {
        let open = Open { at, step: None, deed, process: None };
        self.held.entry(task).or_insert(Held::Open(open));
    }

    fn write(&mut self, bytes: &[u8], sync: bool) -> Result<(), JournalError> {
        point("journal.begun");
        let written = self.append(bytes, sync).map_err(|(what, source)| self.io(what, source));
        point("journal.written");
        written
    }

    fn append(&mut self, bytes: &[u8], sync: bool) -> Result<(), (&'static str, io::Error)> {
        let len = self.len;
        let file = self.file().map_err(|source| ("open", source))?;
        if let Err(source) = file.seek(SeekFrom::Start(len)).and_then(|_| file.write_all(bytes)) {
            // A full disk: what was written in part must not stay, or later frames would lie
            // behind damage.
            self.suspect |= file.set_len(len).is_err();
            return Err(("write", source));
        }
        if !sync {
            return Ok(());
        }
        let synced = file.sync_data();
        // After a failed sync the system may have dropped the pages and report no more.
        self.suspect |= synced.is_err();
        synced.map_err(|source| ("sync", source))
    }

    /// Bytes that are still needed.
    fn live(&self) -> u64 {
        let of = |held: &Held| match held {
            Held::Ended { len, .. } => u64::from(*len) + FRAME as u64,
            Held::Open(_) => 512,
        };
        self.held.values().map(of).sum::<u64>() + HEADER as u64
    }

    /// A rewrite that only saves room: what was asked for is on the disk already, so a failure is
    /// no error of the caller. The next commit tries again.
    fn compact_later(&mut self) {
        if let Err(error) = self.compact() {
            tracing::warn!(error = %crate::problem::chain(&error), "the journal stays long");
        }
    }

    /// Rewrites the file with what is held, atomically.
    fn compact(&mut self) -> Result<(), JournalError> {
        let mut bytes = record::header(self.id);
        let mut moved = BTreeMap::new();
        for (task, held) in self.held.clone() {
            match held {
                Held::Open(open) => {
                    open.records(task).into_iter().for_each(|record| push(&mut bytes, record));
                }
                Held::Ended { at, len } => {
                    let payload =
                        self.read_at(at, len).map_err(|source| self.io("read", source))?;
                    let at = (bytes.len() + FRAME) as u64;
                    record::frame(&mut bytes, &payload, 0);
                    moved.insert(task, Held::Ended { at, len });
                }
            }
        }
        self.suspect = true;
        self.file = None;
        folder::replace(&self.path, &bytes).map_err(|source| self.io("rewrite", source))?;
        self.held.extend(moved);
        self.len = bytes.len() as u64;
        self.suspect = false;
        Ok(())
    }

    fn read_at(&mut self, at: u64, len: u32) -> io::Result<Vec<u8>> {
        let mut payload = vec![0; len as usize];
        let file = self.file()?;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut payload)?;
        Ok(payload)
    }

    /// The open file: the old one after a replacement that failed, the new one otherwise.
    fn file(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }

    fn io(&self, what: &'static str, source: io::Error) -> JournalError {
        JournalError::Io { what, path: self.path.clone(), source }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

fn push(bytes: &mut Vec<u8>, record: Record) {
    record::frame(bytes, &record::payload(&record), 0);
}

/// When a record has to be on the disk, and not only outlast this program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// Before work goes on: what is about to be done is never done twice.
    First,
    /// Soon. An end that a power cut takes before the coordinator has it is told as interrupted,
    /// which is what is known of it then.
    Soon,
    /// Whenever. After a power cut there is no process left to be told from others, and an end that
    /// was forgotten is told once more, which the coordinator expects.
    Whenever,
}

impl Record {
    const fn sync(&self) -> Sync {
        match self {
            Self::Starting { .. }
            | Self::Asking { .. }
            | Self::Moving { .. }
            | Self::Next { .. } => Sync::First,
            Self::Ended { .. } => Sync::Soon,
            Self::Started { .. } | Self::Forgotten { .. } => Sync::Whenever,
        }
    }

    fn task(&self) -> TaskId {
        match self {
            Self::Starting { task, .. }
            | Self::Asking { task, .. }
            | Self::Moving { task, .. }
            | Self::Next { task, .. }
            | Self::Started { task, .. }
            | Self::Ended { task, .. }
            | Self::Forgotten { task } => *task,
        }
    }
}
