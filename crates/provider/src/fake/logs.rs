//! Logs of an instance.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tamer_model::{LogOptions, NativeId, StreamKind, Timestamp};

use super::Fake;
use crate::{LogChunk, LogStream, Result};

/// How often a followed log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Lines taken out of the log at once.
const LINES: usize = 1024;

struct Reader {
    fake: Fake,
    id: NativeId,
    options: LogOptions,
    /// The next line to tell.
    at: usize,
    told: VecDeque<LogChunk>,
}

pub(super) fn read(fake: &Fake, id: &NativeId, options: LogOptions) -> Result<LogStream> {
    let at = {
        let mut world = fake.world();
        let log = world.thing(id)?.log();
        let tail =
            options.tail.map_or(usize::MAX, |lines| usize::try_from(lines).unwrap_or(usize::MAX));
        log.len().saturating_sub(tail)
    };
    let life = fake.life();
    let reader = Reader { fake: fake.clone(), id: id.clone(), options, at, told: VecDeque::new() };
    let gone = fake.gone();
    let lines = stream::unfold(reader, Reader::next).map(Ok);
    let until = life.clone();
    let end = stream::once(async move { life.is_cancelled().then_some(Err(gone)) });
    Ok(lines.take_until(until.cancelled_owned()).chain(end.filter_map(|end| async { end })).boxed())
}

impl Reader {
    async fn next(mut self) -> Option<(LogChunk, Self)> {
        loop {
            if let Some(chunk) = self.told.pop_front() {
                return Some((chunk, self));
            }
            let runs = self.take()?;
            if self.told.is_empty() {
                if !runs || !self.options.follow {
                    return None;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    /// Takes the next lines; whether the instance runs, or None when it is gone.
    fn take(&mut self) -> Option<bool> {
        let mut world = self.fake.world();
        let thing = world.thing(&self.id).ok()?;
        let runs = thing.run.is_some();
        let log = thing.log();
        let since = self.options.since.unwrap_or_default();
        while self.told.len() < LINES
            && let Some((at, text)) = log.get(self.at)
        {
            self.at += 1;
            if *at >= since {
                let text = line(*at, text, self.options.timestamps);
                self.told.push_back(LogChunk { stream: StreamKind::Stdout, data: text.into() });
            }
        }
        Some(runs)
    }
}

fn line(at: Timestamp, text: &str, timestamps: bool) -> String {
    if !timestamps {
        return format!("{text}\n");
    }
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    format!("{at} {text}\n")
}
