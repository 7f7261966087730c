//! Contents on the streams of calls.

use std::time::Duration;

use bytes::Bytes;
use tamer_model::{Code, Content, Problem};
use tamer_proto::{problem_of, status_of, wire};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, interval, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::limits::{SIGN_OF_LIFE, STALLED};
use super::reader::Reader;
use super::shelf::{Contents, Stat};
use super::writer::Begun;

/// Chunks on their way to whoever asked for a content.
pub type Chunks = ReceiverStream<Result<wire::ContentChunk, Status>>;
type Out = mpsc::Sender<Result<wire::ContentChunk, Status>>;

/// Sends a content, as fast as it is taken. Ends with the content, with whoever asked for it, or
/// with the program.
pub fn send(reader: Reader, stop: CancellationToken) -> Chunks {
    // One chunk is read while the one before is taken.
    let (out, chunks) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = out.closed() => {}
            () = pump(reader, &out) => {}
        }
    });
    ReceiverStream::new(chunks)
}

async fn pump(mut reader: Reader, out: &Out) {
    let turn = wait_for_turn(&reader, out).await;
    loop {
        let item = match reader.next().await {
            Ok(None) => return,
            Ok(Some((offset, data))) => Ok(wire::ContentChunk { offset, data }),
            Err(problem) => Err(status_of(problem)),
        };
        let over = item.is_err();
        match timeout(STALLED, out.send(item)).await {
            Ok(Ok(())) if !over => {}
            Ok(Ok(()) | Err(_)) => return,
            Err(_) => break,
        }
    }
    // Others wait for a turn: this one goes on from where it is when it is read again.
    drop((reader, turn));
    let _ = out.send(Err(status_of(stalled("taken")))).await;
}

/// Waits for the turn of this reader. Meanwhile chunks without bytes say that nobody has forgotten
/// it: ten thousand hosts that get a large file wait for longer than anybody is silent.
async fn wait_for_turn(reader: &Reader, out: &Out) -> Option<OwnedSemaphorePermit> {
    let turn = reader.turns().acquire_owned();
    let mut turn = std::pin::pin!(turn);
    let mut sign = interval(SIGN_OF_LIFE);
    sign.reset();
    loop {
        // Cancel-safe: the place in the queue is kept, because the future is.
        tokio::select! {
            turn = turn.as_mut() => return turn.ok(),
            _ = sign.tick() => {
                // Whoever has not taken the last sign needs no other.
                let chunk = wire::ContentChunk { offset: reader.at(), data: Bytes::new() };
                let _ = out.try_send(Ok(chunk));
            }
        }
    }
}

/// Takes a content in; its first chunk says from where on it comes. `chunk` says what a message
/// holds. Waits for another writer of the same content for as long as `patience`.
pub async fn receive<M>(
    contents: &Contents,
    content: Content,
    patience: Duration,
    mut messages: Streaming<M>,
    chunk: impl Fn(M) -> Option<wire::ContentChunk>,
) -> Result<wire::StatContentResponse, Problem> {
    let first = next(&mut messages, &chunk).await?;
    // Without a chunk: all of it came earlier, and was not checked then.
    let from = match &first {
        Some(first) => first.offset,
        None => contents.stat(content).await?.have,
    };
    let until = Instant::now() + patience;
    let mut writer = match contents.writer_after_others(content, from, until).await? {
        Begun::Whole(stat) => return Ok(told(stat)),
        Begun::Writer(writer) => writer,
    };
    let mut now = first;
    while let Some(wire::ContentChunk { offset, data }) = now {
        writer.write(offset, data).await?;
        now = next(&mut messages, &chunk).await?;
    }
    writer.finish().await.map(told)
}

async fn next<M>(
    messages: &mut Streaming<M>,
    chunk: impl Fn(M) -> Option<wire::ContentChunk>,
) -> Result<Option<wire::ContentChunk>, Problem> {
    let message = timeout(STALLED, messages.message()).await.map_err(|_| stalled("sent"))?;
    let Some(message) = message.map_err(|status| problem_of(&status))? else { return Ok(None) };
    let opened = || Problem::field("chunk", "only the first message opens a content");
    chunk(message).ok_or_else(opened).map(Some)
}

/// How much there is, as it is told.
pub const fn told(stat: Stat) -> wire::StatContentResponse {
    let Stat { have, complete } = stat;
    wire::StatContentResponse { have, complete }
}

fn stalled(what: &str) -> Problem {
    let message = format!("nothing of the content was {what} for {} s", STALLED.as_secs());
    Problem::new(Code::TimedOut, message).remedy("go on from what is there")
}
