//! What a container writes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use tamer_model::{LogOptions, NativeId};
use tamer_provider::{Fault, FaultKind, LogChunk, LogStream, Result};
use tokio::time::sleep;

use crate::client::{Answer, Ask};
use crate::engine::Engine;
use crate::frames::Demux;
use crate::lifecycle::inspect;

/// Podman reads its file of a log without regard to who is writing it, and refuses one that ends in
/// the middle of a line with these words. A moment later it does not.
const HALF_WRITTEN: &str = "is not a valid container log line";
/// How often a log that is just being written is asked for.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// Opens the log. It is read as fast as the stream is polled, and no faster.
pub(crate) async fn logs(
    engine: &Engine,
    id: &NativeId,
    options: &LogOptions,
) -> Result<LogStream> {
    // Whether there are frames in it the answer does not say before API 1.42.
    let seen = inspect(engine, id).await?;
    let tail = options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
    let ask = || {
        let mut ask = Ask::get(&["containers", id.as_str(), "logs"])
            .query("stdout", "true")
            .query("stderr", "true")
            .query("follow", options.follow)
            .query("timestamps", options.timestamps)
            .query("tail", &tail);
        if let Some(since) = options.since {
            let millis = since.as_millis();
            ask = ask.query("since", format!("{}.{:03}", millis / 1000, millis % 1000));
        }
        // A followed log of a silent container has no head before its first line with some engines.
        if options.follow { ask.limit(None) } else { ask }
    };
    let mut attempt = 1;
    let answer = loop {
        match engine.client.ask(format!("read the log of {id}"), ask()).await {
            Err(fault) if attempt < ATTEMPTS && is_half_written(&fault) => {
                attempt += 1;
                sleep(PAUSE).await;
            }
            answer => break answer?,
        }
    };
    let log = Log { answer, demux: Demux::new(!seen.config.tty), over: None };
    Ok(Box::pin(stream::unfold(Some(log), |log| async move {
        let mut log = log?;
        match log.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(log))),
            Ok(None) => None,
            Err(fault) => Some((Err(fault), None)),
        }
    })))
}

fn is_half_written(fault: &Fault) -> bool {
    fault.technology.as_ref().is_some_and(|said| said.contains(HALF_WRITTEN))
}

struct Log {
    answer: Answer,
    demux: Demux,
    /// How it ended, to be told after what came before.
    over: Option<Result<()>>,
}

impl Log {
    async fn next(&mut self) -> Result<Option<LogChunk>> {
        loop {
            if let Some((stream, data)) = self.demux.pop() {
                return Ok(Some(LogChunk { stream, data }));
            }
            if let Some(over) = self.over.take() {
                return over.map(|()| None);
            }
            let piece = self.answer.next().await;
            self.over = self.take(piece);
            // Engines send each line on its own; those that are there already travel together.
            while self.over.is_none()
                && !self.demux.is_ready()
                && let Some(piece) = self.answer.next().now_or_never()
            {
                self.over = self.take(piece);
            }
            self.demux.flush();
        }
    }

    /// Takes in what came; gives how the log ended when that was its end.
    fn take(&mut self, piece: Result<Option<Bytes>>) -> Option<Result<()>> {
        match piece {
            Ok(Some(piece)) => self.demux.gather(piece).err().map(Err),
            Ok(None) if self.demux.is_between() => Some(Ok(())),
            Ok(None) => {
                let message =
                    format!("the log stopped in the middle, asked to {}", self.answer.doing());
                Some(Err(Fault::new(FaultKind::Unavailable, message)))
            }
            Err(fault) => Some(Err(fault)),
        }
    }
}
