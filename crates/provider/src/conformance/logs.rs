//! Logs.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use tamer_model::{LogOptions, NativeId, Operation, Timestamp};

use super::bench::{
    Bench, Case, Outcome, Unmet, cases, fail, holds, refused, same, skip, until, within,
};
use super::lifecycle::GRACE;
use crate::{FaultKind, LogStream};

/// Lines of the short log.
const LINES: u64 = 50;

const NEEDS: &[Operation] = &[
    Operation::List,
    Operation::Create,
    Operation::Start,
    Operation::Stop,
    Operation::Remove,
    Operation::Logs,
];

cases! {
    "logs", NEEDS, whole;
    "logs-tail", NEEDS, tail;
    "logs-timestamps", NEEDS, timestamps;
    "logs-since", NEEDS, since;
    "logs-follow", NEEDS, follow;
    "logs-huge", NEEDS, huge;
    "logs-unknown", NEEDS, unknown;
}

impl Bench<'_> {
    async fn open(&self, id: &NativeId, options: LogOptions) -> Outcome<LogStream> {
        let logs = self.provider.logs(id, &options);
        within("logs", self.subject.patience(), logs).await?.map_err(Unmet::from)
    }

    /// The lines of a log that ends.
    async fn lines(&self, id: &NativeId, options: LogOptions) -> Outcome<Vec<String>> {
        let mut log = self.open(id, options).await?;
        let mut bytes = Vec::new();
        let read = async {
            while let Some(chunk) = log.next().await {
                bytes.extend_from_slice(&chunk?.data);
            }
            Ok::<_, Unmet>(())
        };
        within("the end of the log", self.subject.patience(), read).await??;
        let text = String::from_utf8_lossy(&bytes);
        // A console ends its lines with a carriage return too.
        Ok(text.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect())
    }

    /// A writer that has written all of its lines.
    async fn written(&self, stem: &str, lines: u64) -> Outcome<NativeId> {
        let Some(spec) = self.subject.writer(self.name(stem), lines) else {
            return skip("there is no writing instance");
        };
        let id = self.running_as(spec).await?;
        let last = format!("line {lines}");
        until("the last line", self.subject.patience(), || async {
            let seen = self.lines(&id, LogOptions { tail: Some(20), ..LogOptions::default() });
            Ok(match seen.await {
                Ok(seen) if seen.contains(&last) => Ok(()),
                Ok(seen) => Err(format!("{seen:?}")),
                // Podman refuses a log that ends in the middle of a line, as one that is just being
                // written may. What was written whole must be readable.
                Err(Unmet::Failed(why)) => Err(why),
                Err(skipped @ Unmet::Skipped(_)) => return Err(skipped),
            })
        })
        .await?;
        Ok(id)
    }

    /// A ticker that has ticked this often.
    async fn ticking(&self, stem: &str, ticks: u64) -> Outcome<NativeId> {
        let Some(spec) = self.subject.ticker(self.name(stem)) else {
            return skip("there is no ticking instance");
        };
        let id = self.running_as(spec).await?;
        self.ticked(&id, LogOptions::default(), ticks).await?;
        Ok(id)
    }

    /// Waits until a tick of at least this number is in the log; the ticks that were seen.
    async fn ticked(&self, id: &NativeId, options: LogOptions, least: u64) -> Outcome<Vec<u64>> {
        until("a tick", self.subject.patience(), || async {
            let seen = ticks(&self.lines(id, options).await?);
            Ok(if seen.iter().any(|n| *n >= least) { Ok(seen) } else { Err(format!("{seen:?}")) })
        })
        .await
    }
}

/// The numbers of the lines that begin with this word.
fn numbers(word: &str, lines: &[String]) -> Vec<u64> {
    let number = |line: &String| line.strip_prefix(word)?.strip_prefix(' ')?.parse().ok();
    lines.iter().filter_map(number).collect()
}

fn ticks(lines: &[String]) -> Vec<u64> {
    numbers("tick", lines)
}

/// Everything that was written, in order; also after the end.
async fn whole(bench: &Bench<'_>) -> Outcome {
    let id = bench.written("log", LINES).await?;
    let check = async |when: &str| {
        let lines = bench.lines(&id, LogOptions::default()).await?;
        same(when, numbers("line", &lines), (1..=LINES).collect())?;
        let strange = lines.len() as u64 != LINES && bench.subject.pure_logs();
        holds(&format!("{when}: other lines in {lines:?}"), !strange)
    };
    check("while it runs").await?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    check("after the stop").await
}

/// Only the last lines.
async fn tail(bench: &Bench<'_>) -> Outcome {
    let id = bench.written("tail", LINES).await?;
    let options = |tail| LogOptions { tail: Some(tail), ..LogOptions::default() };
    let lines = bench.lines(&id, options(5)).await?;
    holds(&format!("more than 5 lines: {lines:?}"), lines.len() <= 5)?;
    if bench.subject.pure_logs() {
        same("the last five", numbers("line", &lines), (LINES - 4..=LINES).collect())?;
    }
    let all = bench.lines(&id, options(LINES * 1000)).await?;
    same("more than there are", numbers("line", &all), (1..=LINES).collect())?;
    same("none", bench.lines(&id, options(0)).await?, Vec::new())
}

/// Every line begins with its time.
async fn timestamps(bench: &Bench<'_>) -> Outcome {
    if let Some(why) = bench.cannot(Operation::LogsTimestamps) {
        return skip(why);
    }
    let id = bench.written("times", LINES).await?;
    let options = LogOptions { timestamps: true, ..LogOptions::default() };
    let lines = bench.lines(&id, options).await?;
    let mut rest = Vec::new();
    let now = i64::try_from(now().as_millis()).unwrap_or(i64::MAX);
    for line in &lines {
        let (time, text) = line.split_once(' ').unwrap_or((line, ""));
        let Ok(time) = time.parse::<jiff::Timestamp>() else {
            return fail(format!("no time begins {line:?}"));
        };
        let away = now.abs_diff(time.as_millisecond());
        holds(&format!("{away} ms from now: {line:?}"), away < 3_600_000)?;
        rest.push(text.to_owned());
    }
    same("the lines without their time", numbers("line", &rest), (1..=LINES).collect())
}

/// Nothing from before.
async fn since(bench: &Bench<'_>) -> Outcome {
    if let Some(why) = bench.cannot(Operation::LogsSince) {
        return skip(why);
    }
    let id = bench.ticking("since", 3).await?;
    let seen = ticks(&bench.lines(&id, LogOptions::default()).await?);
    let before = seen.last().copied().unwrap_or(0);
    // A line of this very millisecond may be told.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    let options = LogOptions { since: Some(now()), ..LogOptions::default() };
    let later = bench.ticked(&id, options, before + 1).await?;
    let old: Vec<_> = later.iter().filter(|tick| **tick <= before).collect();
    holds(&format!("ticks from before {before}: {old:?}"), old.is_empty())
}

/// A followed log tells what is written later, and ends with the run.
async fn follow(bench: &Bench<'_>) -> Outcome {
    let id = bench.ticking("follow", 2).await?;
    let patience = bench.subject.patience();
    let mut log = bench.open(&id, LogOptions { follow: true, ..LogOptions::default() }).await?;
    let begun = ticks(&bench.lines(&id, LogOptions::default()).await?);
    let wanted = format!("tick {}", begun.last().copied().unwrap_or(0) + 3);
    let mut bytes = Vec::new();
    let read = async {
        while let Some(chunk) = log.next().await {
            bytes.extend_from_slice(&chunk?.data);
            if String::from_utf8_lossy(&bytes).contains(&wanted) {
                return Ok(());
            }
        }
        fail(format!("the log ended before {wanted}"))
    };
    within(&wanted, patience, read).await??;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<_> = text.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect();
    let seen = ticks(&lines);
    same("what was followed", seen.clone(), (1..=seen.len() as u64).collect())?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    let rest = async { while log.next().await.is_some() {} };
    within("the end of a followed log", patience, rest).await
}

/// A huge log comes whole and in order.
async fn huge(bench: &Bench<'_>) -> Outcome {
    let count = bench.subject.log_lines();
    let id = bench.written("huge", count).await?;
    let lines = numbers("line", &bench.lines(&id, LogOptions::default()).await?);
    same("lines", lines.len() as u64, count)?;
    let wrong = (1..).zip(&lines).find(|(wanted, seen)| wanted != *seen);
    holds(&format!("out of order: {wrong:?}"), wrong.is_none())
}

/// No log of what is not there.
async fn unknown(bench: &Bench<'_>) -> Outcome {
    let id = bench.made("log").await?;
    bench.provider.remove(&id, true).await?;
    refused("logs", bench.provider.logs(&id, &LogOptions::default()).await, FaultKind::NotFound)?;
    Ok(())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
