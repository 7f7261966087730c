//! The calls that move the contents of files.

use bytes::Bytes;
use futures_util::stream;
use tamer_model::{Content, Problem};
use tamer_proto::wire;
use tokio::sync::mpsc;
use tonic::Streaming;
use wire::put_content_request::Frame;

use super::{Api, answer};
use crate::errors::of_status;

/// The most bytes of one piece of a content.
pub const PIECE: usize = 64 * 1024;

/// How much of a content the coordinator has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Bytes that are there and need not be sent.
    pub have: u64,
    /// All of it, and its digest is right.
    pub complete: bool,
}

/// A piece of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where its first byte is.
    pub offset: u64,
    /// The bytes.
    pub data: Bytes,
}

/// A file that a task fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched<'a> {
    /// The batch's id.
    pub batch: &'a str,
    /// The host's id.
    pub host: &'a str,
    /// Which of the host's targets.
    pub item: u32,
    /// The first byte that is wanted.
    pub offset: u64,
}

/// A file as it comes.
#[derive(Debug)]
pub struct Pieces(Streaming<wire::ContentChunk>);

impl Api {
    /// How much of a content is there.
    pub async fn stat_content(&mut self, content: Content) -> Result<Held, Problem> {
        let request = wire::StatContentRequest { content: Some(content.into()) };
        answer(self.client.stat_content(request).await).map(Into::into)
    }

    /// Sends what `pieces` gives of a content; tells how much is there then.
    pub async fn put_content(
        &mut self,
        content: Content,
        pieces: mpsc::Receiver<Piece>,
    ) -> Result<Held, Problem> {
        let open = Frame::Open(wire::StatContentRequest { content: Some(content.into()) });
        let frames = stream::unfold((Some(open), pieces), async |(open, mut pieces)| {
            let frame = match open {
                Some(open) => open,
                None => {
                    let Piece { offset, data } = pieces.recv().await?;
                    Frame::Chunk(wire::ContentChunk { offset, data })
                }
            };
            Some((wire::PutContentRequest { frame: Some(frame) }, (None, pieces)))
        });
        answer(self.client.put_content(frames).await).map(Into::into)
    }

    /// The file that a task fetched.
    pub async fn fetched(&mut self, which: Fetched<'_>) -> Result<Pieces, Problem> {
        let Fetched { batch, host, item, offset } = which;
        let (batch, host) = (batch.to_owned(), host.to_owned());
        let request = wire::GetFetchedRequest { batch, host, item, offset };
        answer(self.client.get_fetched(request).await).map(Pieces)
    }
}

impl Pieces {
    /// The next piece, or `None` at the end of the file.
    pub async fn next(&mut self) -> Result<Option<Piece>, Problem> {
        let piece = self.0.message().await.map_err(of_status)?;
        Ok(piece.map(|wire::ContentChunk { offset, data }| Piece { offset, data }))
    }
}

impl From<wire::StatContentResponse> for Held {
    fn from(wire::StatContentResponse { have, complete }: wire::StatContentResponse) -> Self {
        Self { have, complete }
    }
}
