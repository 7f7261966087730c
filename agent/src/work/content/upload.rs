//! A file of this host on its way to the coordinator.

use bytes::Bytes;
use tamer_model::{Code, Content, TaskId};
use tamer_proto::wire;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use wire::put_task_content_request::Frame;

use super::download::live;
use super::link::Up;
use super::patience::{Attempt, Patience};
use super::source::{PIECE, Source};
use super::transfers::{ANSWER, TURN, Transfers, VERIFY};
use crate::work::{Failure, Halt, Job};

/// Pieces that may wait for the connection.
const FRAMES: usize = 4;
/// How much is read at once, in bytes.
const READ: usize = 8 * PIECE;

/// Brings what the coordinator lacks of the file, until it has all of it and found it right.
pub async fn upload(
    transfers: &Transfers,
    job: &mut Job,
    source: &Source,
    halt: &mut Halt,
) -> Result<(), Failure> {
    let mut patience = Patience::default();
    let mut had = 0;
    loop {
        let up = halt.or(transfers.link().wait()).await?;
        match attempt(&up, job, source, &mut had, halt).await {
            Ok(()) => break,
            Err(attempt) => patience.wait(attempt, had, &up, halt).await?,
        }
    }
    job.progress(source.content.size, source.content.size);
    Ok(())
}

/// One call, from where the coordinator is.
async fn attempt(
    up: &Up,
    job: &mut Job,
    source: &Source,
    had: &mut u64,
    halt: &mut Halt,
) -> Result<(), Attempt> {
    let open = stat_request(job.task, source.content);
    let mut client = up.client();
    let call = timeout(ANSWER, client.stat_task_content(open.clone()));
    let answer = live(up, halt, call).await?.map_err(|_| Attempt::silent("did not answer"))?;
    let wire::StatContentResponse { have, complete } = answer?.into_inner();
    if complete {
        return Ok(());
    }
    *had = have;
    let (frames, out) = mpsc::channel(FRAMES);
    let open = wire::PutTaskContentRequest { frame: Some(Frame::Open(open)) };
    frames.try_send(open).expect("the queue is empty and its end is held");
    let mut client = up.client();
    let call = client.put_task_content(ReceiverStream::new(out));
    tokio::pin!(call);
    let sent = {
        let send = send(job, source, have.min(source.content.size), frames);
        // The answer may come early: the coordinator refuses, or another brought the content.
        let early = async {
            tokio::select! {
                biased;
                answer = &mut call => Err(answer),
                sent = send => Ok(sent),
            }
        };
        live(up, halt, early).await?
    };
    let answer = match sent {
        Err(answer) => answer,
        Ok(sent) => {
            sent?;
            let answer = live(up, halt, timeout(VERIFY, call)).await?;
            answer.map_err(|_| Attempt::silent("did not say whether the file is right"))?
        }
    };
    match answer.map_err(refused)?.into_inner().complete {
        true => Ok(()),
        false => Err(Attempt::silent("did not take the whole file")),
    }
}

/// What was sent was not what was asked for when another host brought the same at once, or when
/// what was there of it was wrong; then it is right the next time.
fn refused(status: Status) -> Attempt {
    match Attempt::from(status) {
        Attempt::Over(Failure::Problem(problem)) if problem.code == Code::InvalidField => {
            Attempt::Again(problem)
        }
        attempt => attempt,
    }
}

/// Reads the file from its beginning and sends it from `from` on. The last piece is held back until
/// all of it is known to be what it was: of a file that changed, the coordinator gets no end.
async fn send(
    job: &mut Job,
    source: &Source,
    from: u64,
    frames: mpsc::Sender<wire::PutTaskContentRequest>,
) -> Result<(), Attempt> {
    let mut reading = source.read().await?;
    let mut last = None;
    while reading.at() < source.content.size {
        let at = reading.at();
        let left = usize::try_from(source.content.size - at).unwrap_or(READ);
        let bytes = reading.next(left.min(READ)).await?;
        if bytes.is_empty() {
            return Err(source.changed().into());
        }
        for piece in pieces(at, bytes, from) {
            if let Some(before) = last.replace(piece) {
                pass(&frames, before).await?;
            }
        }
        job.progress(at, source.content.size);
    }
    if reading.finish().await? != source.content.digest {
        return Err(source.changed().into());
    }
    source.unchanged().await?;
    match last {
        Some(last) => pass(&frames, last).await,
        None => Ok(()),
    }
}

/// What of these bytes, which begin at `at`, lies behind `from`, as pieces.
fn pieces(at: u64, mut bytes: Bytes, from: u64) -> Vec<wire::ContentChunk> {
    let skip = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
    let mut offset = at + skip as u64;
    let _ = bytes.split_to(skip);
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let data = bytes.split_to(bytes.len().min(PIECE));
        let next = offset + data.len() as u64;
        pieces.push(wire::ContentChunk { offset, data });
        offset = next;
    }
    pieces
}

async fn pass(
    frames: &mpsc::Sender<wire::PutTaskContentRequest>,
    chunk: wire::ContentChunk,
) -> Result<(), Attempt> {
    let frame = wire::PutTaskContentRequest { frame: Some(Frame::Chunk(chunk)) };
    let taken = async {
        if frames.send(frame).await.is_err() {
            // The call is over, and its answer, which says why, is on its way.
            std::future::pending::<()>().await;
        }
    };
    timeout(TURN, taken).await.map_err(|_| Attempt::silent("takes nothing of the file"))
}

fn stat_request(task: TaskId, content: Content) -> wire::StatTaskContentRequest {
    wire::StatTaskContentRequest { task: Some(task.into()), content: Some(content.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_lacking_is_sent_in_pieces() {
        let shape = |at, len, from| -> Vec<_> {
            let bytes = Bytes::from(vec![1; len]);
            let pieces = pieces(at, bytes, from);
            pieces.iter().map(|piece| (piece.offset, piece.data.len())).collect()
        };
        let piece = PIECE as u64;
        assert_eq!(shape(0, PIECE + 1, 0), [(0, PIECE), (piece, 1)]);
        assert_eq!(shape(0, 10, 4), [(4, 6)]);
        assert_eq!(shape(0, 10, 10), []);
        assert_eq!(shape(0, 10, 1 << 40), []);
        assert_eq!(shape(100, 10, 50), [(100, 10)]);
    }
}
