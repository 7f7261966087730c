//! The lines of a file, and the entries they stand for.

use std::borrow::Cow;

use bytes::Bytes;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::error::Defect;
use crate::{Entry, Key, MAX_VALUE, Revision, embedded::checksum};

/// The version this program writes, and the newest it reads.
pub(super) const FORMAT: u32 = 1;
/// How a trailer's line starts; no entry's does.
const TRAILER: &[u8] = b"{\"end\":";

#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    #[serde(rename = "tamer-store")]
    pub format: u32,
    #[serde(default)]
    pub made: u64,
    #[serde(default)]
    pub by: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Trailer {
    pub end: End,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub entries: u64,
    pub revision: u64,
    pub crc: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    key64: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    value: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    value64: Option<Cow<'a, str>>,
    created: u64,
    modified: u64,
    #[serde(borrow)]
    crc: Cow<'a, str>,
}

impl End {
    /// The trailer of a file whose bytes so far have this sum. The sum goes on over the trailer's
    /// own numbers, so that they too are as they were written.
    pub fn new(mut before: crc32fast::Hasher, entries: u64, revision: u64) -> Self {
        before.update(&entries.to_be_bytes());
        before.update(&revision.to_be_bytes());
        Self { entries, revision, crc: hex(before.finalize()) }
    }
}

/// A line after the header.
pub(super) enum Line {
    Entry(Entry),
    End(End),
}

/// The line of an entry, `\n` included.
pub(super) fn write_entry(entry: &Entry, line: &mut Vec<u8>) -> serde_json::Result<()> {
    let (key, key64) = either(entry.key.as_bytes());
    let (value, value64) = either(&entry.value);
    let crc = hex(checksum(entry)).into();
    let (created, modified) = (entry.created.0, entry.modified.0);
    let record = Record { key, key64, value, value64, created, modified, crc };
    serde_json::to_writer(&mut *line, &record)?;
    line.push(b'\n');
    Ok(())
}

fn hex(sum: u32) -> String {
    format!("{sum:08x}")
}

pub(super) fn read_header(line: &[u8]) -> Result<Header, Defect> {
    let header: Header = serde_json::from_slice(line).map_err(|_| Defect::NoHeader)?;
    if header.format > FORMAT { Err(Defect::Newer(header.format)) } else { Ok(header) }
}

pub(super) fn read_line(line: &[u8]) -> Result<Line, Defect> {
    if line.starts_with(TRAILER) {
        let trailer: Trailer = serde_json::from_slice(line).map_err(not_understood)?;
        return Ok(Line::End(trailer.end));
    }
    let record: Record<'_> = serde_json::from_slice(line).map_err(not_understood)?;
    let key = Key::from_bytes(one_of(record.key, record.key64, "key")?)
        .map_err(|error| Defect::OverLimits(error.to_string()))?;
    let value = one_of(record.value, record.value64, "value")?;
    if value.len() > MAX_VALUE {
        return Err(Defect::OverLimits(format!("its value has {} bytes", value.len())));
    }
    let (created, modified) = (Revision(record.created), Revision(record.modified));
    let entry = Entry { key, value, created, modified };
    if hex(checksum(&entry)) == *record.crc {
        Ok(Line::Entry(entry))
    } else {
        Err(Defect::EntryChanged)
    }
}

/// As text if it is some, in Base64 otherwise.
fn either(bytes: &[u8]) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.into()), None),
        Err(_) => (None, Some(BASE64.encode(bytes).into())),
    }
}

fn one_of(
    text: Option<Cow<'_, str>>,
    base64: Option<Cow<'_, str>>,
    name: &str,
) -> Result<Bytes, Defect> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_owned().into()),
        (None, Some(base64)) => {
            let decoded = BASE64.decode(base64.as_bytes());
            let bad = |error| Defect::NotUnderstood(format!("`{name}64` is not Base64: {error}"));
            decoded.map(Bytes::from).map_err(bad)
        }
        (Some(_), Some(_)) | (None, None) => {
            Err(Defect::NotUnderstood(format!("there must be either `{name}` or `{name}64`")))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn not_understood(error: serde_json::Error) -> Defect {
    Defect::NotUnderstood(error.to_string())
}
