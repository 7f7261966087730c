//! Reading a file line by line, with its sums and its order checked on the way.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use super::{
    error::{Defect, FileError, Problem},
    file::failed,
    line::{self, End, Line},
};
use crate::{Entry, Key};

/// More than the longest line there can be: a value of a million control characters, escaped.
const MAX_LINE: u64 = 8 * 1024 * 1024;
/// How much one call of `chunk` reads, in entries and in bytes.
const CHUNK_ENTRIES: usize = 1000;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

pub(super) struct Reader {
    path: PathBuf,
    input: BufReader<File>,
    /// The number of the line last read.
    pub line: u64,
    buffer: Vec<u8>,
    sum: crc32fast::Hasher,
    entries: u64,
    last: Option<Key>,
    ended: bool,
}

/// What a line turned out to be.
pub(super) enum Item {
    Entry(Entry),
    End(End),
    /// The line is no good; the next may be.
    Bad(Problem),
    /// There are no more lines.
    Nothing,
}

impl Reader {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<(Self, Option<Problem>), FileError> {
        let input = BufReader::new(File::open(path).map_err(failed("opening", path))?);
        let mut reader = Self {
            path: path.to_owned(),
            input,
            line: 0,
            buffer: Vec::new(),
            sum: crc32fast::Hasher::new(),
            entries: 0,
            last: None,
            ended: false,
        };
        let header = match reader.read_line()? {
            Some(Ok(())) => line::read_header(&reader.buffer).err(),
            Some(Err(_)) | None => Some(Defect::NoHeader),
        };
        reader.sum.update(&reader.buffer);
        let problem = header.map(|defect| Problem { line: 1, defect });
        Ok((reader, problem))
    }

    pub fn next(&mut self) -> Result<Item, FileError> {
        let read = match self.read_line()? {
            None if self.ended => return Ok(Item::Nothing),
            None => {
                self.ended = true;
                return Ok(Item::Bad(Problem { line: self.line + 1, defect: Defect::CutShort }));
            }
            Some(Ok(())) if self.ended => Err(Defect::AfterEnd),
            Some(Ok(())) => line::read_line(&self.buffer),
            Some(Err(defect)) => Err(defect),
        };
        let item = match read {
            Ok(Line::End(end)) => {
                self.ended = true;
                return Ok(self.check_end(&end).map_or(Item::End(end), |it| self.bad(it)));
            }
            Ok(Line::Entry(entry)) => self.check_order(entry),
            Err(defect) => {
                self.ended |= defect == Defect::CutShort;
                self.bad(defect)
            }
        };
        self.entries += 1;
        self.sum.update(&self.buffer);
        Ok(item)
    }

    /// The next entries, in order; none at the end. Stops at the first problem.
    pub fn chunk(&mut self) -> Result<Result<Vec<(u64, Entry)>, Problem>, FileError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while entries.len() < CHUNK_ENTRIES && bytes < CHUNK_BYTES {
            match self.next()? {
                Item::Entry(entry) => {
                    bytes += entry.size();
                    entries.push((self.line, entry));
                }
                Item::End(_) => {}
                Item::Bad(problem) => return Ok(Err(problem)),
                Item::Nothing => break,
            }
        }
        Ok(Ok(entries))
    }

    fn bad(&self, defect: Defect) -> Item {
        Item::Bad(Problem { line: self.line, defect })
    }

    fn check_order(&mut self, entry: Entry) -> Item {
        let after = self.last.as_ref().is_none_or(|last| *last < entry.key);
        self.last = Some(entry.key.clone());
        if after { Item::Entry(entry) } else { self.bad(Defect::OutOfOrder) }
    }

    fn check_end(&self, end: &End) -> Option<Defect> {
        if end.entries != self.entries {
            return Some(Defect::Miscounted { said: end.entries, found: self.entries });
        }
        let wanted = End::new(self.sum.clone(), end.entries, end.revision);
        (*end != wanted).then_some(Defect::FileChanged)
    }

    /// Reads a line with its end into the buffer. None when there is none.
    fn read_line(&mut self) -> Result<Option<Result<(), Defect>>, FileError> {
        self.buffer.clear();
        let mut limited = self.input.by_ref().take(MAX_LINE);
        let read = limited.read_until(b'\n', &mut self.buffer);
        if read.map_err(failed("reading", &self.path))? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if self.buffer.ends_with(b"\n") {
            return Ok(Some(Ok(())));
        }
        if (self.buffer.len() as u64) < MAX_LINE {
            // The last line, without its end: the rest of it is missing.
            return Ok(Some(Err(Defect::CutShort)));
        }
        self.skip_line().map_err(failed("reading", &self.path))?;
        Ok(Some(Err(Defect::TooLong)))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let rest = self.input.fill_buf()?;
            if rest.is_empty() {
                return Ok(());
            }
            let end = rest.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(rest.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}
