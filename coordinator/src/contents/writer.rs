//! A content on its way in.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use aws_lc_rs::digest::{self, Context};
use bytes::Bytes;
use tamer_model::{Code, Content, Problem};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::MAX_CHUNK;
use super::folder::is_full;
use super::shelf::{Contents, Place, Stat, off};

/// What asking to send a content comes to.
pub enum Begun {
    /// All of it is there.
    Whole(Stat),
    /// It is to be sent.
    Writer(Writer),
}

/// The one writer of a content. Dropping it keeps what came as a part that can be gone on with.
pub struct Writer {
    /// Taken while a chunk is written, so that a call that is cut does not let go of the file
    /// before its last chunk has come to rest.
    open: Option<Box<Open>>,
    content: Content,
    written: u64,
    _turn: OwnedSemaphorePermit,
}

struct Open {
    place: Place,
    file: File,
    hash: Context,
}

impl Contents {
    /// Begins or goes on to write a content, from `offset` on.
    ///
    /// # Errors
    /// `Busy` while another one writes it, `InvalidField` for an offset beyond what is there,
    /// `ResourceExhausted` without room for it.
    pub async fn writer(&self, content: Content, offset: u64) -> Result<Begun, Problem> {
        let Some(place) = self.take(content, offset)? else {
            return self.stat(content).await.map(Begun::Whole);
        };
        let turn = self.upload_turn().await?;
        let open = off(move || Open::begin(place, offset)).await?;
        Ok(Begun::Writer(Writer { open: Some(open), content, written: offset, _turn: turn }))
    }

    /// The same, but waits until `until` for another writer of the same content. Many hosts bring
    /// the same file: the first one sends it, and for the others it is there.
    pub async fn writer_after_others(
        &self,
        content: Content,
        offset: u64,
        until: Instant,
    ) -> Result<Begun, Problem> {
        loop {
            let closed = self.closed();
            let mut closed = std::pin::pin!(closed);
            closed.as_mut().enable();
            match self.writer(content, offset).await {
                Err(problem) if problem.code == Code::Busy => {
                    timeout_at(until, closed).await.map_err(|_| problem)?;
                }
                begun => return begun,
            }
        }
    }
}

impl Writer {
    /// The bytes that are there so far.
    #[cfg(test)]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Takes the next bytes, which begin at `offset`.
    pub async fn write(&mut self, offset: u64, chunk: Bytes) -> Result<(), Problem> {
        if offset != self.written {
            let message = format!("{offset}, but {} comes next", self.written);
            return Err(Problem::field("chunk.offset", message));
        }
        let after = self.written + chunk.len() as u64;
        if chunk.len() > MAX_CHUNK || after > self.content.size {
            let message = format!(
                "{} bytes at {offset}: longer than {MAX_CHUNK}, or beyond the end at {}",
                chunk.len(),
                self.content.size
            );
            return Err(Problem::field("chunk.data", message));
        }
        let open = self.open.take().ok_or_else(over)?;
        self.open = Some(off(move || open.write(&chunk, after)).await?);
        self.written = after;
        Ok(())
    }

    /// Checks the whole and keeps it for good: it is on the disk when this returns.
    ///
    /// # Errors
    /// `InvalidField` when bytes are missing, which keeps the part, or when they are not those of
    /// the digest, which removes it.
    pub async fn finish(mut self) -> Result<Stat, Problem> {
        let Content { size, .. } = self.content;
        if self.written != size {
            let message = format!("it ended after {} of {size} bytes", self.written);
            return Err(Problem::field("content.size", message).remedy("send the rest of it"));
        }
        let open = self.open.take().ok_or_else(over)?;
        off(move || open.finish(size)).await?;
        Ok(Stat { have: size, complete: true })
    }
}

impl Open {
    /// Opens the part's file; what is kept of it is read once for its digest.
    fn begin(mut place: Place, offset: u64) -> Result<Box<Self>, Problem> {
        place.has(offset);
        let opened = place.folder().open_part(place.digest(), offset);
        let mut file = opened.map_err(|error| place.folder().failed(&error))?;
        let mut hash = Context::new(&digest::SHA256);
        let mut buffer = vec![0; MAX_CHUNK];
        let mut known = || -> std::io::Result<()> {
            file.seek(SeekFrom::Start(0))?;
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(()),
                    read => hash.update(&buffer[..read]),
                }
            }
        };
        known().map_err(|error| place.folder().failed(&error))?;
        Ok(Box::new(Self { place, file, hash }))
    }

    fn write(mut self: Box<Self>, chunk: &[u8], after: u64) -> Result<Box<Self>, Problem> {
        if let Err(error) = self.file.write_all(chunk) {
            let problem = self.place.folder().failed(&error);
            if is_full(&error) {
                // The store is on the same disk, and needs the room more.
                self.place.remove()?;
            }
            return Err(problem);
        }
        self.hash.update(chunk);
        self.place.has(after);
        Ok(self)
    }

    fn finish(self, size: u64) -> Result<(), Problem> {
        let Self { place, file, hash } = self;
        if hash.finish().as_ref() != place.digest().as_bytes() {
            place.remove()?;
            return Err(Problem::field("content.digest", "the content changed while it was sent")
                .remedy("send it again"));
        }
        if let Err(error) = file.sync_all() {
            // What the disk did not take once must not be taken for written later.
            let problem = place.folder().failed(&error);
            place.remove()?;
            return Err(problem);
        }
        // Closed first: Windows renames no open file.
        drop(file);
        place.folder().complete(place.digest()).map_err(|error| place.folder().failed(&error))?;
        place.whole(size);
        Ok(())
    }
}

fn over() -> Problem {
    Problem::new(Code::WrongState, "an earlier chunk of this content could not be written")
        .remedy("send it again, from what is there")
}
