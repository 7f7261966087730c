//! Bytes on their way out as fast as they are taken: a thread of its own writes, so that a reader
//! who pauses stops only the output, and not the answers to the coordinator's pings or Ctrl-C.

use std::io::{self, BufWriter, Write};

use bytes::Bytes;
use tamer_model::StreamKind;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

/// Pieces that may wait to be written. The largest is one frame of a stream, at most 4 MiB and in
/// practice 32 KiB: about 1 MiB waits. When they are full, the stream is not read on.
const WAITING: usize = 32;
/// Bytes that are written at once, so that many short lines are few writes.
const AT_ONCE: usize = 256 * 1024;

/// A way to standard output and standard error.
#[derive(Debug)]
pub struct Pour {
    pieces: Sender<(StreamKind, Bytes)>,
    /// Until its failure was told.
    writer: Option<JoinHandle<io::Result<()>>>,
}

impl Pour {
    /// Opens it.
    pub fn open() -> Self {
        let (pieces, waiting) = channel(WAITING);
        Self { pieces, writer: Some(tokio::task::spawn_blocking(|| write(waiting))) }
    }

    /// Writes `bytes` after everything before them.
    pub async fn write(&mut self, stream: StreamKind, bytes: impl Into<Bytes>) -> io::Result<()> {
        match self.pieces.send((stream, bytes.into())).await {
            Ok(()) => Ok(()),
            // The writer has given up, and knows why.
            Err(_) => match joined(self.writer.take()).await {
                Err(error) => Err(error),
                Ok(()) => Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    /// Waits until everything was written. A failure that `write` told is not told again.
    pub async fn finish(self) -> io::Result<()> {
        let Self { pieces, writer } = self;
        drop(pieces);
        joined(writer).await
    }
}

async fn joined(writer: Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    match writer {
        Some(writer) => writer.await.unwrap_or_else(|error| Err(io::Error::other(error))),
        None => Ok(()),
    }
}

/// Writes until nobody can send any more; what was written is shown as soon as nothing waits.
fn write(mut waiting: Receiver<(StreamKind, Bytes)>) -> io::Result<()> {
    let mut stdout = BufWriter::with_capacity(AT_ONCE, io::stdout().lock());
    loop {
        let next = match waiting.try_recv() {
            Ok(next) => Some(next),
            Err(TryRecvError::Empty) => {
                stdout.flush()?;
                waiting.blocking_recv()
            }
            Err(TryRecvError::Disconnected) => None,
        };
        match next {
            Some((StreamKind::Stdout, bytes)) => stdout.write_all(&bytes)?,
            Some((StreamKind::Stderr, bytes)) => {
                // Both may be one terminal: what came first is shown first.
                stdout.flush()?;
                io::stderr().lock().write_all(&bytes)?;
            }
            None => return stdout.flush(),
        }
    }
}
