//! What one task's command wrote, whole, and what people do to a batch while they look at it.

use futures_util::stream::{self, BoxStream, StreamExt};
use tamer_model::{Problem, StreamKind};
use tamer_proto::wire;
use tonic::Streaming;

use super::{Api, answer};
use crate::contract::{Batch, Task};
use crate::errors::of_status;

/// Which output is wanted, and from where on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The batch's id.
    pub batch: String,
    /// The host's name or id.
    pub host: String,
    /// Which of the host's targets.
    pub item: u32,
    /// The first byte of standard output that is wanted.
    pub stdout_from: u64,
    /// The first byte of standard error that is wanted.
    pub stderr_from: u64,
    /// Go on until the task ends.
    pub follow: bool,
}

/// What is read of a task's output.
#[derive(Debug, PartialEq, Eq)]
pub enum OutputRead {
    /// A piece of it. A gap before it is lost for good.
    Piece {
        /// On which stream.
        stream: StreamKind,
        /// Where in the stream its first byte is.
        offset: u64,
        /// The bytes.
        data: Vec<u8>,
    },
    /// The last one: the task has ended. It is told without its output.
    Ended(Box<Task>),
}

/// A task's output as it is read.
#[derive(Debug)]
pub struct OutputReads(Streaming<wire::OutputRead>);

impl Api {
    /// Reads a task's output: live from its agent while that has it, and then what is kept.
    pub async fn read_output(&mut self, wanted: Wanted) -> Result<OutputReads, Problem> {
        let Wanted { batch, host, item, stdout_from, stderr_from, follow } = wanted;
        let request =
            wire::ReadOutputRequest { batch, host, item, stdout_from, stderr_from, follow };
        answer(self.client.read_output(request).await).map(OutputReads)
    }

    /// Sends nothing more of a batch until it is let go on.
    pub async fn pause_batch(&mut self, id: &str) -> Result<Batch, Problem> {
        let request = wire::PauseBatchRequest { id: id.to_owned() };
        answer(self.client.pause_batch(request).await)?.try_into()
    }

    /// Lets a batch go on that waits for a person.
    pub async fn resume_batch(&mut self, id: &str) -> Result<Batch, Problem> {
        let request = wire::ResumeBatchRequest { id: id.to_owned() };
        answer(self.client.resume_batch(request).await)?.try_into()
    }
}

impl OutputReads {
    /// The next one, or `None` when there is no more. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<OutputRead>, Problem> {
        use wire::output_read::Event;
        loop {
            let Some(told) = self.0.message().await.map_err(of_status)? else { return Ok(None) };
            return Ok(Some(match told.event {
                Some(Event::Piece(piece)) => {
                    let stream = piece.stream().try_into()?;
                    let wire::OutputPiece { stream: _, offset, data } = piece;
                    OutputRead::Piece { stream, offset, data: data.into() }
                }
                Some(Event::Ended(task)) => OutputRead::Ended(Box::new(task.try_into()?)),
                // An event that a newer coordinator knows and this program does not.
                None => continue,
            }));
        }
    }

    /// The same as a stream that ends with its first failure.
    pub fn into_stream(self) -> BoxStream<'static, Result<OutputRead, Problem>> {
        let next = async |mut reads: Self| {
            let read = reads.next().await?;
            Ok(read.map(|read| (read, reads)))
        };
        stream::try_unfold(self, next).boxed()
    }
}
