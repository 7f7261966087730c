//! Streams: bytes both ways beside the calls, such as a console or the content of a volume.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::packet::{Header, Kind, MAX_STREAM_DATA, Program, Status};
use super::xdr::Encode;
use super::{Connection, Domain, RpcError, procedure, xdr};

/// What may wait to be read, in bytes. Reading from the socket goes on for the other calls, so
/// that a stream that is not read must end: [`RpcError::Overrun`].
const MAX_INBOX: usize = 4 * 1024 * 1024;
/// What a piece takes beside its bytes, so that many small ones are bounded too.
const PIECE: usize = 128;

/// An open stream. Dropped before [`Stream::finish`] it is aborted.
#[derive(Debug)]
pub struct Stream {
    reader: StreamReader,
    writer: StreamWriter,
}

/// The half of a stream that reads.
#[derive(Debug)]
pub struct StreamReader(Arc<Open>);

/// The half of a stream that writes.
#[derive(Debug)]
pub struct StreamWriter(Arc<Open>);

/// Aborts the stream with its last half.
#[derive(Debug)]
struct Open {
    connection: Connection,
    procedure: i32,
    serial: u32,
    inbox: Arc<Inbox>,
}

/// What came and was not read.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Bytes>,
    size: usize,
    /// Nothing more comes to be read.
    ended: bool,
    /// Why nothing can be read or written any more.
    failed: Option<RpcError>,
}

impl Connection {
    /// Opens a domain's console, by the alias of its device, or its first one. `flags` of
    /// `virDomainConsoleFlags`: 1 takes it from whoever has it, 2 only where that is safe to do.
    pub async fn console(
        &self,
        domain: &Domain,
        device: Option<&str>,
        flags: u32,
    ) -> Result<Stream, RpcError> {
        self.open_stream(procedure::DOMAIN_OPEN_CONSOLE, &(domain, device, flags)).await
    }

    /// Makes a call that opens a stream.
    pub(super) async fn open_stream(
        &self,
        procedure: i32,
        arguments: &impl Encode,
    ) -> Result<Stream, RpcError> {
        let arguments = xdr::encode(arguments)?;
        let inbox = Arc::new(Inbox::default());
        let (serial, reply) =
            self.exchange(Program::Remote, procedure, &arguments, Some(Arc::clone(&inbox))).await?;
        let open = Arc::new(Open { connection: self.clone(), procedure, serial, inbox });
        let () = xdr::decode(&reply)?;
        Ok(Stream { reader: StreamReader(Arc::clone(&open)), writer: StreamWriter(open) })
    }
}

impl Stream {
    /// The next bytes, never none; absent when nothing more comes. Cancel-safe.
    pub async fn read(&mut self) -> Result<Option<Bytes>, RpcError> {
        self.reader.read().await
    }

    /// Writes all of these bytes; waits for the daemon to take them. Some were written when it is
    /// dropped.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), RpcError> {
        self.writer.write(bytes).await
    }

    /// The two halves, to be used at the same time.
    pub fn split(self) -> (StreamReader, StreamWriter) {
        (self.reader, self.writer)
    }

    /// Ends the stream in order, and waits until the daemon did with the bytes what it is for.
    pub async fn finish(self) -> Result<(), RpcError> {
        self.writer.finish().await
    }

    /// Ends the stream, and waits until the daemon knows it.
    pub async fn abort(self) -> Result<(), RpcError> {
        self.writer.abort().await
    }
}

impl StreamReader {
    /// As [`Stream::read`].
    pub async fn read(&mut self) -> Result<Option<Bytes>, RpcError> {
        self.0.inbox.pop().await
    }
}

impl StreamWriter {
    /// As [`Stream::write`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), RpcError> {
        for piece in bytes.chunks(MAX_STREAM_DATA) {
            self.0.inbox.failure()?;
            self.0.send(Status::Continue, piece).await?;
        }
        Ok(())
    }

    /// As [`Stream::finish`]. What the other half did not read yet is lost.
    pub async fn finish(self) -> Result<(), RpcError> {
        self.0.end(Status::Ok).await
    }

    /// As [`Stream::abort`].
    pub async fn abort(self) -> Result<(), RpcError> {
        self.0.end(Status::Error).await
    }
}

impl Open {
    async fn send(&self, status: Status, payload: &[u8]) -> Result<(), RpcError> {
        let Self { procedure, serial, .. } = *self;
        let kind = Kind::Stream;
        let header = Header { program: Program::Remote, procedure, kind, serial, status };
        self.connection.shared().send(header, payload).await
    }

    async fn end(&self, status: Status) -> Result<(), RpcError> {
        let (ended, end) = oneshot::channel();
        // What ended it before says more than that it is not open.
        let why = |error| self.inbox.failure().err().unwrap_or(error);
        self.connection.shared().table().expect_end(self.serial, ended).map_err(why)?;
        self.send(status, &[]).await?;
        end.await.map_err(|_| why(RpcError::Closed))?
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let shared = self.connection.shared();
        shared.table().give_up(self.serial);
        shared.hurry();
    }
}

impl Inbox {
    /// Takes bytes in; not when there are too many. What comes after the end nobody misses.
    pub(super) fn push(&self, piece: Bytes) -> bool {
        let mut state = self.state();
        if state.ended || state.failed.is_some() {
            return true;
        }
        let size = state.size + piece.len() + PIECE;
        if size > MAX_INBOX {
            return false;
        }
        state.size = size;
        state.pieces.push_back(piece);
        self.changed.notify_one();
        true
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_one();
    }

    /// Nothing more comes or goes. The first reason stays.
    pub(super) fn fail(&self, reason: RpcError) {
        self.state().failed.get_or_insert(reason);
        self.changed.notify_one();
    }

    async fn pop(&self) -> Result<Option<Bytes>, RpcError> {
        loop {
            // Only one reads. A notice that came before it waits is kept for it.
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if let Some(piece) = state.pieces.pop_front() {
                    state.size -= piece.len() + PIECE;
                    return Ok(Some(piece));
                }
                if state.ended {
                    return Ok(None);
                }
                if let Some(error) = &state.failed {
                    return Err(error.again());
                }
            }
            changed.await;
        }
    }

    /// Why the stream failed, when it did.
    fn failure(&self) -> Result<(), RpcError> {
        self.state().failed.as_ref().map_or(Ok(()), |error| Err(error.again()))
    }

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
