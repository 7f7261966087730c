//! Reading a file that grows and is rotated: `console.log` is written, `console.log.0` came before
//! it, `console.log.1` before that.

use std::collections::VecDeque;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tamer_provider::{Fault, FaultKind, Result};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::time::sleep;

use crate::faults::of_io;
use crate::platform;

/// What is read at once.
const PIECE: usize = 32 * 1024;
/// How often a file is looked at that somebody follows. A console has no other way to tell.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The log daemon keeps three rotated files unless it is told otherwise; more are not looked for.
const MAX_ROTATED: usize = 16;

/// A console's log, read from the beginning or from some lines before its end.
#[derive(Debug)]
pub struct Console {
    path: PathBuf,
    tail: Option<u64>,
    /// Files still to be read, oldest first, each from an offset.
    waiting: Option<VecDeque<(File, u64)>>,
    open: Option<Open>,
}

/// The file that is read now.
#[derive(Debug)]
struct Open {
    file: File,
    identity: u64,
    at: u64,
}

impl Console {
    /// Nothing is opened yet.
    pub const fn new(path: PathBuf, tail: Option<u64>) -> Self {
        Self { path, tail, waiting: None, open: None }
    }

    /// The next piece; none when there is nothing more just now.
    pub async fn read(&mut self) -> Result<Option<Bytes>> {
        self.next().await.map_err(|error| {
            let what = format!("cannot read {}", self.path.display());
            let kind = match of_io(&error) {
                FaultKind::Unavailable => FaultKind::Failed,
                kind => kind,
            };
            Fault::new(kind, what).said(error.to_string())
        })
    }

    /// Waits a moment for more.
    pub async fn wait(&self) {
        sleep(LOOK_EVERY).await;
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.waiting.is_none() {
            let mut files = open_all(&self.path).await?;
            if let Some(lines) = self.tail {
                cut(&mut files, lines).await?;
            }
            self.waiting = Some(files);
        }
        loop {
            if let Some(open) = &mut self.open {
                let mut piece = BytesMut::with_capacity(PIECE);
                if open.file.read_buf(&mut piece).await? > 0 {
                    open.at += piece.len() as u64;
                    return Ok(Some(piece.freeze()));
                }
            }
            if !self.advance().await? {
                return Ok(None);
            }
        }
    }

    /// Goes on to the next file; false when there is none.
    async fn advance(&mut self) -> io::Result<bool> {
        if let Some((mut file, at)) = self.waiting.as_mut().and_then(VecDeque::pop_front) {
            file.seek(SeekFrom::Start(at)).await?;
            let identity = platform::identity(&file.metadata().await?);
            self.open = Some(Open { file, identity, at });
            return Ok(true);
        }
        let file = match File::open(&self.path).await {
            Ok(file) => file,
            // Not written yet, or just being rotated.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata().await?;
        let identity = platform::identity(&metadata);
        let same =
            self.open.as_ref().is_some_and(|o| o.identity == identity && metadata.len() >= o.at);
        if same || metadata.len() == 0 {
            return Ok(false);
        }
        // Rotated or cut since: what it was is read to its end.
        self.open = Some(Open { file, identity, at: 0 });
        Ok(true)
    }
}

/// Every file that is there, oldest first.
async fn open_all(path: &Path) -> io::Result<VecDeque<(File, u64)>> {
    let mut files = VecDeque::new();
    let rotated =
        (0..MAX_ROTATED).map(|number| PathBuf::from(format!("{}.{number}", path.display())));
    for path in std::iter::once(path.to_owned()).chain(rotated) {
        match File::open(&path).await {
            Ok(file) => files.push_front((file, 0)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !files.is_empty() {
                    break;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

/// Leaves only this many lines at the end.
async fn cut(files: &mut VecDeque<(File, u64)>, lines: u64) -> io::Result<()> {
    // The line feed that ends the last line begins no other one.
    let mut feeds = None;
    for number in (0..files.len()).rev() {
        let (file, begin) = &mut files[number];
        let mut at = file.seek(SeekFrom::End(0)).await?;
        if lines == 0 {
            *begin = at;
            files.drain(..number);
            return Ok(());
        }
        let mut piece = vec![0; PIECE];
        while at > 0 {
            let length = at.min(PIECE as u64);
            at -= length;
            file.seek(SeekFrom::Start(at)).await?;
            let piece = &mut piece[..usize::try_from(length).unwrap_or(PIECE)];
            file.read_exact(piece).await?;
            for (offset, byte) in piece.iter().enumerate().rev() {
                let ends = *byte == b'\n';
                let left = match feeds {
                    None => lines,
                    Some(left) if ends => left - 1,
                    Some(left) => left,
                };
                if left == 0 {
                    *begin = at + offset as u64 + 1;
                    files.drain(..number);
                    return Ok(());
                }
                feeds = Some(left);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    async fn all(console: &mut Console) -> String {
        let mut text = Vec::new();
        while let Some(piece) = console.read().await.expect("read") {
            text.extend_from_slice(&piece);
        }
        String::from_utf8(text).expect("text")
    }

    async fn tail(path: &Path, lines: u64) -> String {
        all(&mut Console::new(path.to_owned(), Some(lines))).await
    }

    #[tokio::test]
    async fn rotated_files_come_first_and_a_tail_goes_back_into_them() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("c");
        fs::write(folder.path().join("c.1"), "1\n2\n").expect("write");
        fs::write(folder.path().join("c.0"), "3\n4\n").expect("write");
        fs::write(&path, "5\n6\n").expect("write");
        assert_eq!(all(&mut Console::new(path.clone(), None)).await, "1\n2\n3\n4\n5\n6\n");
        let wanted = ["", "6\n", "5\n6\n", "4\n5\n6\n", "3\n4\n5\n6\n", "2\n3\n4\n5\n6\n"];
        for (lines, wanted) in (0..).zip(wanted) {
            assert_eq!(tail(&path, lines).await, wanted, "{lines} lines");
        }
        assert_eq!(tail(&path, 99).await, "1\n2\n3\n4\n5\n6\n");
    }

    #[tokio::test]
    async fn a_last_line_without_its_end_is_a_line() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("c");
        fs::write(&path, "a\nb\nlogin: ").expect("write");
        assert_eq!(tail(&path, 1).await, "login: ");
        assert_eq!(tail(&path, 2).await, "b\nlogin: ");
        fs::write(&path, format!("{}\nend\n", "x".repeat(3 * PIECE))).expect("write");
        assert_eq!(tail(&path, 1).await, "end\n");
        assert_eq!(tail(&path, 2).await.len(), 3 * PIECE + 5);
    }

    #[tokio::test]
    async fn what_is_written_later_is_read_also_after_a_rotation() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("c");
        let mut console = Console::new(path.clone(), None);
        assert_eq!(all(&mut console).await, "");
        fs::write(&path, "a\n").expect("write");
        assert_eq!(all(&mut console).await, "a\n");
        fs::write(&path, "a\nb\n").expect("write");
        assert_eq!(all(&mut console).await, "b\n");
        fs::rename(&path, folder.path().join("c.0")).expect("rotate");
        assert_eq!(all(&mut console).await, "");
        fs::write(&path, "c\n").expect("write");
        assert_eq!(all(&mut console).await, "c\n");
    }
}
