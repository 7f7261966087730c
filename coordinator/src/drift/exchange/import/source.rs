//! The pieces of a file as a stream of bytes, with bounds.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::bounds::Bounds;

/// A file that comes in pieces.
pub(super) struct Source {
    came: mpsc::Receiver<Bytes>,
    piece: Bytes,
    /// Bytes that may come before something ends.
    left: Rc<Cell<usize>>,
    all: u64,
    bounds: Bounds,
}

impl Source {
    pub(super) const fn new(
        came: mpsc::Receiver<Bytes>,
        left: Rc<Cell<usize>>,
        bounds: Bounds,
    ) -> Self {
        Self { came, piece: Bytes::new(), left, all: 0, bounds }
    }
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.came.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece,
            }
        }
        let taken = to.len().min(self.piece.len());
        to[..taken].copy_from_slice(&self.piece.split_to(taken));
        self.all += taken as u64;
        let Bounds { file, stretch, .. } = self.bounds;
        if self.all > file {
            return Err(io::Error::other(format!("the file is longer than {file} bytes")));
        }
        // What is read ahead into the buffer counts as well: the bound is no finer than that.
        match self.left.get().checked_sub(taken) {
            Some(left) => self.left.set(left),
            None => {
                let message = format!(
                    "one thing in it, before byte {}, is longer than {stretch} bytes",
                    self.all
                );
                return Err(io::Error::other(message));
            }
        }
        Ok(taken)
    }
}
