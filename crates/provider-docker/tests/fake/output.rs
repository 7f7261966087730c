//! What containers write, and what they use.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tamer_model::LogOptions;
use tamer_provider::{FaultKind, LogChunk, Provider as _, Result as Told};

use crate::answer::{self, Refusal, Result};
use crate::ask::Ask;
use crate::events::nanoseconds;
use crate::exec::head;
use crate::world::{World, said};

/// Lines that travel in one piece when they are there at once.
const TOGETHER: usize = 512;

/// `GET /containers/{id}/logs`
pub async fn logs(world: &World, word: &str, ask: &Ask) -> Result {
    let container = world.container(word)?;
    if !ask.flag("stdout") && !ask.flag("stderr") {
        let message = "Bad parameters: you must choose at least one stream";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    }
    let since = ask.query("since").and_then(nanoseconds).filter(|since| *since > 0);
    let millis = since.and_then(|since| u64::try_from(since / 1_000_000).ok());
    let options = LogOptions {
        follow: ask.flag("follow"),
        since: millis.map(tamer_model::Timestamp::from_millis),
        tail: ask.query("tail").and_then(|lines| lines.parse().ok()),
        timestamps: ask.flag("timestamps"),
    };
    let log = world.fake.logs(&container.native, &options).await;
    let log = log.map_err(|fault| said(word, &fault))?;
    let framed = container.config.get("Tty") != Some(&json!(true));
    let pieces = log.ready_chunks(TOGETHER).map(move |chunks| joined(chunks, framed));
    Ok(answer::stream("application/octet-stream", pieces))
}

fn joined(chunks: Vec<Told<LogChunk>>, framed: bool) -> std::io::Result<Bytes> {
    let mut piece = BytesMut::new();
    for chunk in chunks {
        let chunk = chunk.map_err(std::io::Error::other)?;
        if framed {
            piece.extend_from_slice(&head(chunk.stream, chunk.data.len()));
        }
        piece.extend_from_slice(&chunk.data);
    }
    Ok(piece.freeze())
}

/// `GET /containers/{id}/stats`: one sample, full of zeros where it does not run.
pub async fn stats(world: &World, word: &str, ask: &Ask) -> Result {
    let container = world.container(word)?;
    if !ask.flag("one-shot") {
        let message = "the fake gives single samples only";
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message));
    }
    let none = "0001-01-01T00:00:00Z";
    let sample = match world.fake.stats(&container.native).await {
        Ok(stats) => json!({
            "read": Timestamp::from_millisecond(i64::try_from(stats.at.as_millis()).unwrap_or(0))
                .unwrap_or_default()
                .to_string(),
            "preread": none,
            "pids_stats": { "current": stats.pids },
            "blkio_stats": { "io_service_bytes_recursive": [] },
            "cpu_stats": { "cpu_usage": { "total_usage": stats.cpu_ns } },
            "memory_stats": {
                "usage": stats.memory_bytes,
                "stats": { "inactive_file": 0 },
                "limit": stats.memory_limit_bytes.unwrap_or(9_223_372_036_854_771_712),
            },
        }),
        Err(fault) if fault.kind == FaultKind::Conflict => json!({
            "read": none,
            "preread": none,
            "pids_stats": {},
            "blkio_stats": { "io_service_bytes_recursive": Value::Null },
            "cpu_stats": { "cpu_usage": { "total_usage": 0 } },
            "memory_stats": {},
        }),
        Err(fault) => return Err(said(word, &fault)),
    };
    Ok(answer::json(&sample))
}
