//! A connection that gives only so many bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tamer_provider::{Fault, FaultKind};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::Wire;

/// A connection on which reading fails after so many bytes. The bound of an answer that somebody
/// else reads as a whole: a connection serves one call, so its bytes are the answer's.
pub(crate) struct Bounded {
    wire: Box<dyn Wire>,
    /// Bytes that may still be read.
    left: usize,
    most: usize,
}

impl Bounded {
    pub(crate) fn new(wire: Box<dyn Wire>, most: usize) -> Self {
        Self { wire, left: most, most }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        match self.left.checked_sub(read) {
            Some(left) => self.left = left,
            None => {
                buffer.set_filled(before);
                let message = format!("the answer is longer than {} bytes", self.most);
                // A fault, so that it is told as one wherever the error ends up.
                let fault = Fault::new(FaultKind::Failed, message);
                return Poll::Ready(Err(io::Error::other(fault)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn as_much_as_is_allowed_is_read_and_no_more() {
        for (sent, good) in [(8, true), (9, false)] {
            let (near, mut far) = tokio::io::duplex(64);
            far.write_all(&[b'x'; 64][..sent]).await.expect("it fits");
            drop(far);
            let mut all = Vec::new();
            let read = Bounded::new(Box::new(near), 8).read_to_end(&mut all).await;
            assert_eq!(read.is_ok(), good, "{sent}: {read:?}");
        }
    }
}
