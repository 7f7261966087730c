//! What a container writes.

use futures_util::stream;
use tamer_model::{LogOptions, NativeId};
use tamer_provider::{Fault, FaultKind, LogChunk, LogStream, Result};

use crate::client::{Answer, Ask};
use crate::engine::Engine;
use crate::frames::Demux;
use crate::lifecycle::inspect;

/// Opens the log. It is read as fast as the stream is polled, and no faster.
pub(crate) async fn logs(
    engine: &Engine,
    id: &NativeId,
    options: &LogOptions,
) -> Result<LogStream> {
    // Whether there are frames in it the answer does not say before API 1.42.
    let seen = inspect(engine, id).await?;
    let tail = options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
    let mut ask = Ask::get(&["containers", id.as_str(), "logs"])
        .query("stdout", "true")
        .query("stderr", "true")
        .query("follow", options.follow)
        .query("timestamps", options.timestamps)
        .query("tail", tail);
    if let Some(since) = options.since {
        let millis = since.as_millis();
        ask = ask.query("since", format!("{}.{:03}", millis / 1000, millis % 1000));
    }
    // A followed log of a silent container has no head before its first line with some engines.
    if options.follow {
        ask = ask.limit(None);
    }
    let answer = engine.client.ask(format!("read the log of {id}"), ask).await?;
    let log = Log { answer, demux: Demux::new(!seen.config.tty) };
    Ok(Box::pin(stream::unfold(Some(log), |log| async move {
        let mut log = log?;
        match log.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(log))),
            Ok(None) => None,
            Err(fault) => Some((Err(fault), None)),
        }
    })))
}

struct Log {
    answer: Answer,
    demux: Demux,
}

impl Log {
    async fn next(&mut self) -> Result<Option<LogChunk>> {
        loop {
            if let Some((stream, data)) = self.demux.pop() {
                return Ok(Some(LogChunk { stream, data }));
            }
            match self.answer.next().await? {
                Some(piece) => self.demux.push(piece)?,
                None if self.demux.is_between() => return Ok(None),
                None => {
                    let message =
                        format!("the log stopped in the middle, asked to {}", self.answer.doing());
                    return Err(Fault::new(FaultKind::Unavailable, message));
                }
            }
        }
    }
}
