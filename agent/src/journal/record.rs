//! What the journal's file is made of: a header, then frames of records. Pure: bytes in, bytes out.
//!
//! A frame is `length u32, crc32 u32, durable u64, payload`, little endian. `durable` is how much of
//! the file was known to be on the disk when the frame was written; it tells a torn tail (nothing
//! behind the damage was written after the damaged place had been synced) from a damaged middle.
//! A payload is one line of JSON and, for ends, the kept output as it was.

use serde::{Deserialize, Serialize};
use tamer_model::{JournalId, KeptOutput, KeptStream, TaskEnd, TaskId, Timestamp};

use super::ProcessMark;

const MAGIC: &[u8; 8] = b"TAMERJNL";
/// The version of the format. A reader refuses a newer one. Version 2 knows targets within a host
/// and orders to providers, version 3 attempts, files and steps; a program that reads only the one
/// before would take one such task for another (a second attempt for the first), so it must refuse
/// the file.
pub const VERSION: u32 = 3;
/// Bytes of the header.
pub const HEADER: usize = 8 + 4 + 10 + 4;
/// Bytes before a frame's payload.
pub const FRAME: usize = 4 + 4 + 8;
/// The longest payload: two kept streams and their record. More is damage.
const MAX_PAYLOAD: usize = 2 * 1024 * 1024;

/// One thing that was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A process is about to be started. On disk before it is.
    Starting {
        /// For this task.
        task: TaskId,
        /// When, by the agent's clock.
        at: Timestamp,
    },
    /// A provider is about to be asked. On disk before it is. No record of a process follows.
    Asking {
        /// For this task.
        task: TaskId,
        /// When, by the agent's clock.
        at: Timestamp,
    },
    /// A file is about to be moved. On disk before it is. No record of a process follows.
    Moving {
        /// For this task.
        task: TaskId,
        /// When, by the agent's clock.
        at: Timestamp,
    },
    /// The task goes on to something else. On disk before that begins.
    Next {
        /// This task.
        task: TaskId,
        /// Which step of a sequence that is, counted from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u16>,
        /// What it is.
        deed: Deed,
    },
    /// The process was started.
    Started {
        /// For this task.
        task: TaskId,
        /// The process.
        process: ProcessMark,
    },
    /// The task ended; `sizes` are those of the kept output that follows.
    Ended {
        /// This task.
        task: TaskId,
        /// Its end.
        end: TaskEnd,
        /// What was kept of its output.
        sizes: Sizes,
    },
    /// The coordinator has the end.
    Forgotten {
        /// Of this task.
        task: TaskId,
    },
}

/// What a task does to the world, as far as its recovery must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// It starts a process of ours.
    Process,
    /// It asks a provider.
    Provider,
    /// It moves a file.
    File,
}

/// How the bytes after an end's line divide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    stdout: Part,
    stderr: Part,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    head: u32,
    tail: u32,
    total: u64,
}

/// Why a file's bytes are not a journal of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It does not begin like one.
    #[error("it does not begin as a journal does")]
    Header,
    /// A newer program wrote it.
    #[error("it has format {0}, this program reads up to {VERSION}")]
    Newer(u32),
    /// A frame that was on the disk is damaged and later ones are not.
    #[error("it is damaged at byte {at}, before records that were written later")]
    Middle {
        /// Where.
        at: usize,
    },
}

/// A frame that was read, and where its payload lies in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The record.
    pub record: Record,
    /// Where the payload begins.
    pub at: u64,
    /// How long it is.
    pub len: u32,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The journal's id.
    pub id: JournalId,
    /// Its records, in order.
    pub found: Vec<Found>,
    /// Where the good part ends; what follows is a torn tail.
    pub good: usize,
}

/// The bytes that begin a file.
pub fn header(id: JournalId) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(id.as_bytes());
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The payload of a record that has no output.
pub fn payload(record: &Record) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec(record).expect("a record has no map with keys that are not text");
    bytes.push(b'\n');
    bytes
}

/// The payload of an end with its output.
pub fn ended(task: TaskId, end: TaskEnd, output: &KeptOutput) -> Vec<u8> {
    let part = |stream: &KeptStream| Part {
        head: stream.head.len() as u32,
        tail: stream.tail.len() as u32,
        total: stream.total,
    };
    let sizes = Sizes { stdout: part(&output.stdout), stderr: part(&output.stderr) };
    let mut bytes = payload(&Record::Ended { task, end, sizes });
    for stream in [&output.stdout, &output.stderr] {
        bytes.extend_from_slice(&stream.head);
        bytes.extend_from_slice(&stream.tail);
    }
    bytes
}

/// Puts a payload into a frame at the end of `out`.
pub fn frame(out: &mut Vec<u8>, payload: &[u8], durable: u64) {
    let len = (payload.len() as u32).to_le_bytes();
    out.extend_from_slice(&len);
    out.extend_from_slice(&checksum(&len, &durable.to_le_bytes(), payload).to_le_bytes());
    out.extend_from_slice(&durable.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads the end and the output back out of a payload.
pub fn read_end(payload: &[u8]) -> Option<(TaskEnd, KeptOutput)> {
    let (line, mut rest) = split(payload)?;
    let Record::Ended { task: _, end, sizes } = serde_json::from_slice(line).ok()? else {
        return None;
    };
    let mut take = |len: u32| {
        let (taken, left) = rest.split_at_checked(len as usize)?;
        rest = left;
        Some(taken.to_vec())
    };
    let mut stream = |part: Part| {
        Some(KeptStream { head: take(part.head)?, tail: take(part.tail)?, total: part.total })
    };
    let output = KeptOutput { stdout: stream(sizes.stdout)?, stderr: stream(sizes.stderr)? };
    Some((end, output))
}

/// Reads a whole file.
pub fn scan(bytes: &[u8]) -> Result<Scan, Damage> {
    let id = read_header(bytes)?;
    let mut found = Vec::new();
    let mut at = HEADER;
    while let Some((record, len, _)) = read_frame(bytes, at) {
        found.push(Found { record, at: (at + FRAME) as u64, len });
        at += FRAME + len as usize;
    }
    let later = (at + 1..bytes.len()).filter_map(|other| read_frame(bytes, other));
    if later.into_iter().any(|(_, _, durable)| durable > at as u64) {
        return Err(Damage::Middle { at });
    }
    Ok(Scan { id, found, good: at })
}

fn read_header(bytes: &[u8]) -> Result<JournalId, Damage> {
    let (header, crc) = bytes
        .get(..HEADER)
        .ok_or(Damage::Header)?
        .split_at_checked(HEADER - 4)
        .ok_or(Damage::Header)?;
    if !header.starts_with(MAGIC) || crc != crc32fast::hash(header).to_le_bytes() {
        return Err(Damage::Header);
    }
    let version = word(header, 8).ok_or(Damage::Header)?;
    if version > VERSION {
        return Err(Damage::Newer(version));
    }
    let id = header[12..22].try_into().map_err(|_| Damage::Header)?;
    Ok(JournalId::from_bytes(id))
}

fn read_frame(bytes: &[u8], at: usize) -> Option<(Record, u32, u64)> {
    let len = word(bytes, at)?;
    let crc = word(bytes, at + 4)?;
    let durable: [u8; 8] = bytes.get(at + 8..at + FRAME)?.try_into().ok()?;
    // Also the cheap refusals that keep the search behind a damaged place fast.
    if len as usize > MAX_PAYLOAD || u64::from_le_bytes(durable) > at as u64 {
        return None;
    }
    let payload = bytes.get(at + FRAME..at + FRAME + len as usize)?;
    if crc != checksum(&len.to_le_bytes(), &durable, payload) {
        return None;
    }
    let (line, _) = split(payload)?;
    Some((serde_json::from_slice(line).ok()?, len, u64::from_le_bytes(durable)))
}

fn checksum(len: &[u8], durable: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    [len, durable, payload].into_iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

fn split(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = payload.iter().position(|byte| *byte == b'\n')?;
    Some((&payload[..line], &payload[line + 1..]))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
