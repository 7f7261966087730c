//! Reading a task's output, at the reader's own pace.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tamer_model::StreamKind;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::entry::Entry;
use super::pieces::Found;
use crate::platform;

/// Bytes of a stream. What is between the ones before and these is missing: there was no room for
/// it. The last may be empty, and then tells only how much there was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Of this stream.
    pub stream: StreamKind,
    /// Bytes of the stream before them.
    pub offset: u64,
    /// The bytes, at most 64 KiB.
    pub data: Bytes,
}

/// Reads one task's output. It holds the files: their space is free when the last reader has gone.
#[derive(Debug)]
pub struct Reader {
    entry: Arc<Entry>,
    changes: watch::Receiver<()>,
    /// The one whose turn it is first.
    streams: [Position; 2],
}

#[derive(Debug)]
struct Position {
    stream: StreamKind,
    /// Offset of the next byte.
    next: u64,
    /// Where reading ends, if it is known.
    until: Option<u64>,
}

/// What there is of one stream.
enum Look {
    Bytes(Arc<std::fs::File>, Found),
    /// Nothing, and no more before this offset.
    Missing(u64),
    NotYet,
    Over,
}

impl Reader {
    /// From these offsets on, to where the output ends; without `follow` to where it is now.
    pub(super) fn new(entry: Arc<Entry>, stdout: u64, stderr: u64, follow: bool) -> Self {
        let changes = entry.changes();
        let position = |stream, next| {
            let until = (!follow).then(|| entry.state().stream(stream).total);
            Position { stream, next, until }
        };
        let streams = [position(StreamKind::Stdout, stdout), position(StreamKind::Stderr, stderr)];
        Self { entry, changes, streams }
    }

    /// The next bytes; nothing at the end. Not cancel-safe.
    pub async fn next(&mut self) -> io::Result<Option<Written>> {
        loop {
            // What changes after the look is seen by the wait.
            self.changes.borrow_and_update();
            let mut over = 0;
            for turn in 0..self.streams.len() {
                match self.streams[turn].look(&self.entry) {
                    Look::Bytes(file, found) => {
                        if let Some(written) = self.read(turn, file, found).await? {
                            return Ok(Some(written));
                        }
                        // Overtaken while it was read: there is something newer.
                        self.changes.mark_changed();
                    }
                    Look::Missing(offset) => {
                        self.streams[turn].next = offset;
                        let stream = self.streams[turn].stream;
                        return Ok(Some(Written { stream, offset, data: Bytes::new() }));
                    }
                    Look::NotYet => {}
                    Look::Over => over += 1,
                }
            }
            // The entry is held, so its changes do not end.
            if over == self.streams.len() || self.changes.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn read(
        &mut self,
        turn: usize,
        file: Arc<std::fs::File>,
        found: Found,
    ) -> io::Result<Option<Written>> {
        let read = spawn_blocking(move || {
            let mut data = vec![0; usize::try_from(found.len).unwrap_or(0)];
            platform::read_at(&file, &mut data, found.file_at).map(|()| data)
        });
        let data = read.await.map_err(io::Error::other)?;
        let position = &mut self.streams[turn];
        if !self.entry.state().stream(position.stream).pieces.holds(&found) {
            return Ok(None);
        }
        let (stream, offset, data) = (position.stream, found.offset, data?);
        position.next = offset + data.len() as u64;
        self.streams.rotate_left(1);
        Ok(Some(Written { stream, offset, data: data.into() }))
    }
}

impl Position {
    fn look(&self, entry: &Entry) -> Look {
        let mut state = entry.state();
        let ended = state.ended;
        let stream = state.stream(self.stream);
        let until = self.until.or_else(|| ended.then_some(stream.total));
        let most = until.unwrap_or(u64::MAX);
        if let (Some(mut found), Some(file)) = (stream.pieces.find(self.next), &stream.file)
            && found.offset < most
        {
            found.len = found.len.min(most - found.offset);
            return Look::Bytes(file.clone(), found);
        }
        match until {
            Some(end) if !stream.is_settled(end) => Look::NotYet,
            Some(end) if self.next < end => Look::Missing(end),
            Some(_) => Look::Over,
            None => Look::NotYet,
        }
    }
}
