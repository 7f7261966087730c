//! A content on its way out.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use tamer_model::{Code, Content, Problem};
use tokio::sync::Semaphore;

use super::MAX_CHUNK;
use super::shelf::{Contents, off};

/// Reads a content from an offset to its end.
pub struct Reader {
    contents: Contents,
    /// Taken while a chunk is read.
    file: Option<File>,
    at: u64,
    size: u64,
}

impl Contents {
    /// Reads a content from `offset` on.
    ///
    /// # Errors
    /// `NotFound` when it is not there as a whole, `InvalidField` for an offset after its end.
    pub async fn reader(&self, content: Content, offset: u64) -> Result<Reader, Problem> {
        if offset > content.size {
            let message = format!("{offset} is after the end at {}", content.size);
            return Err(Problem::field("offset", message));
        }
        self.find(content)?;
        let contents = self.clone();
        let open = move || {
            let path = contents.folder().whole(&content.digest);
            let mut file = File::open(path).map_err(|error| contents.folder().failed(&error))?;
            file.seek(SeekFrom::Start(offset)).map_err(|error| contents.folder().failed(&error))?;
            Ok(file)
        };
        let file = Some(off(open).await?);
        Ok(Reader { contents: self.clone(), file, at: offset, size: content.size })
    }
}

impl Reader {
    /// Where the next bytes are.
    pub const fn at(&self) -> u64 {
        self.at
    }

    /// Who is to read first gets a turn first.
    pub(super) fn turns(&self) -> Arc<Semaphore> {
        self.contents.downloads()
    }

    /// The next bytes and their offset; none after the last.
    pub async fn next(&mut self) -> Result<Option<(u64, Bytes)>, Problem> {
        let Some(mut file) = self.file.take().filter(|_| self.at < self.size) else {
            return Ok(None);
        };
        let contents = self.contents.clone();
        let most = (self.size - self.at).min(MAX_CHUNK as u64) as usize;
        let (file, chunk) = off(move || {
            let mut chunk = vec![0; most];
            let read = file.read(&mut chunk).map_err(|error| contents.folder().failed(&error))?;
            chunk.truncate(read);
            Ok((file, Bytes::from(chunk)))
        })
        .await?;
        if chunk.is_empty() {
            // Somebody cut the file behind our back.
            let message = format!("a content ends at {} of {} bytes", self.at, self.size);
            return Err(Problem::new(Code::DataFolder, message)
                .remedy("restore the coordinator's data folder, or send the file again"));
        }
        let at = self.at;
        self.at += chunk.len() as u64;
        self.file = Some(file);
        Ok(Some((at, chunk)))
    }
}
