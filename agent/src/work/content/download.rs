//! A content on its way to this host.

use bytes::Bytes;
use futures_util::FutureExt as _;
use tamer_model::{Code, Content, Problem};
use tamer_proto::wire;
use tokio::time::timeout;
use tonic::Streaming;

use super::link::Up;
use super::partial::Partial;
use super::patience::{Attempt, Patience};
use super::transfers::{IDLE, TURN, Transfers};
use crate::work::{Failure, Halt, Job};

/// How much is gathered before it is written, in bytes.
const GATHER: usize = 512 * 1024;

/// Gets what `partial` lacks, and makes sure that it is right. What has come stays when it fails.
pub async fn download(
    transfers: &Transfers,
    job: &mut Job,
    content: Content,
    partial: &mut Partial,
    halt: &mut Halt,
) -> Result<(), Failure> {
    loop {
        get(transfers, job, content, partial, halt).await?;
        if partial.is_right() {
            job.progress(content.size, content.size);
            return Ok(());
        }
        // What an earlier attempt left may be what is wrong: a power cut keeps lengths and loses
        // bytes. What came in one piece is wrong at its source.
        if !partial.was_resumed() {
            return Err(wrong(content).into());
        }
        partial.restart().await?;
    }
}

async fn get(
    transfers: &Transfers,
    job: &mut Job,
    content: Content,
    partial: &mut Partial,
    halt: &mut Halt,
) -> Result<(), Failure> {
    let mut patience = Patience::default();
    while partial.at() < content.size {
        let up = halt.or(transfers.link().wait()).await?;
        if let Err(attempt) = attempt(&up, job, content, partial, halt).await {
            patience.wait(attempt, partial.at(), &up, halt).await?;
        }
    }
    Ok(())
}

/// One call, as far as it goes.
async fn attempt(
    up: &Up,
    job: &mut Job,
    content: Content,
    partial: &mut Partial,
    halt: &mut Halt,
) -> Result<(), Attempt> {
    let request = wire::GetTaskContentRequest {
        task: Some(job.task.into()),
        content: Some(content.into()),
        offset: partial.at(),
    };
    let mut client = up.client();
    let call = timeout(TURN, client.get_task_content(request));
    let answer = live(up, halt, call).await?.map_err(|_| Attempt::silent("did not answer"))?;
    let mut chunks = Chunks { stream: answer?.into_inner(), at: partial.at(), content };
    while let Some(pieces) = chunks.next(up, halt).await? {
        partial.write(pieces).await?;
        job.progress(partial.at(), content.size);
    }
    match partial.at() == content.size {
        true => Ok(()),
        false => Err(Attempt::silent("ended a content before its end")),
    }
}

/// What comes of one call.
struct Chunks {
    stream: Streaming<wire::ContentChunk>,
    /// Where the next piece belongs.
    at: u64,
    content: Content,
}

impl Chunks {
    /// What is there, but not too much of it; waits for the first of it. Nothing at the end.
    async fn next(&mut self, up: &Up, halt: &mut Halt) -> Result<Option<Vec<Bytes>>, Attempt> {
        let first = live(up, halt, timeout(IDLE, self.stream.message())).await?;
        let Some(first) = first.map_err(|_| Attempt::silent("sent nothing for a minute"))?? else {
            return Ok(None);
        };
        let mut pieces = vec![self.check(first)?];
        let mut bytes = pieces[0].len();
        while bytes < GATHER
            && let Some(more) = self.stream.message().now_or_never()
        {
            // What came is kept. The next reading finds the end, and the next call what was wrong.
            let Ok(Some(chunk)) = more else { break };
            let piece = self.check(chunk)?;
            bytes += piece.len();
            pieces.push(piece);
        }
        Ok(Some(pieces))
    }

    /// A piece in its place, and no more than there is to come.
    fn check(&mut self, chunk: wire::ContentChunk) -> Result<Bytes, Attempt> {
        let wire::ContentChunk { offset, data } = chunk;
        if offset != self.at || data.len() as u64 > self.content.size - self.at {
            return Err(Attempt::Over(wrong(self.content).into()));
        }
        self.at += data.len() as u64;
        Ok(data)
    }
}

/// Waits for something of a connection for as long as that is up and work is to go on.
pub(super) async fn live<T>(
    up: &Up,
    halt: &mut Halt,
    work: impl Future<Output = T>,
) -> Result<T, Attempt> {
    let done = async {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = up.lost() => None,
        }
    };
    halt.or(done).await?.ok_or_else(|| Attempt::silent("was lost in the middle"))
}

fn wrong(content: Content) -> Problem {
    let Content { digest, size } = content;
    let message =
        format!("the coordinator did not send the {size} bytes of {digest}, but something else");
    Problem::new(Code::StoreFailed, message)
        .remedy("look at the coordinator's disk, and make the batch again from the file")
}
