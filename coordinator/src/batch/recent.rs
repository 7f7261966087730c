//! The last bytes that running commands wrote, for watchers who come later.
//!
//! Only what came over live is here, and only until the batch ends: the records have the rest.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use tamer_model::{BatchId, Spot, StreamKind, TaskId};

/// Bytes remembered of one stream.
const STREAM: usize = 8 * 1024;
/// Bytes remembered of all streams of all tasks; with more, new streams are not remembered.
const ALL: usize = 64 * 1024 * 1024;

/// What running commands wrote last.
#[derive(Default)]
pub struct Recent {
    /// The batches that have not ended, each with its streams.
    open: BTreeMap<BatchId, BTreeMap<(Spot, bool), Tail>>,
    bytes: usize,
}

/// The end of one stream.
struct Tail {
    /// The offset of the first byte.
    at: u64,
    bytes: BytesMut,
}

impl Recent {
    /// A batch began, or was read again.
    pub fn opened(&mut self, batch: BatchId) {
        self.open.entry(batch).or_default();
    }

    /// A batch ended: nobody needs its last bytes.
    pub fn closed(&mut self, batch: BatchId) {
        let gone = self.open.remove(&batch).unwrap_or_default();
        self.bytes -= gone.values().map(|tail| tail.bytes.len()).sum::<usize>();
    }

    /// A command wrote `bytes` at `offset` of a stream.
    pub fn wrote(&mut self, task: TaskId, stream: StreamKind, offset: u64, bytes: &[u8]) {
        let full = self.bytes >= ALL;
        let Some(streams) = self.open.get_mut(&task.batch) else { return };
        let key = (task.spot(), stream == StreamKind::Stderr);
        if full && !streams.contains_key(&key) {
            return;
        }
        let tail =
            streams.entry(key).or_insert_with(|| Tail { at: offset, bytes: BytesMut::new() });
        let before = tail.bytes.len();
        tail.push(offset, bytes);
        self.bytes = self.bytes - before + tail.bytes.len();
    }

    /// What is remembered of a batch: target, stream, offset, bytes.
    pub fn of(&self, batch: BatchId) -> Vec<(Spot, StreamKind, u64, Bytes)> {
        self.open.get(&batch).into_iter().flatten().map(told).collect()
    }

    /// What is remembered of one target.
    pub fn of_target(&self, batch: BatchId, spot: Spot) -> Vec<(Spot, StreamKind, u64, Bytes)> {
        let both = (spot, false)..=(spot, true);
        let streams = self.open.get(&batch).map(|streams| streams.range(both));
        streams.into_iter().flatten().map(told).collect()
    }
}

fn told(((spot, is_stderr), tail): (&(Spot, bool), &Tail)) -> (Spot, StreamKind, u64, Bytes) {
    let kind = if *is_stderr { StreamKind::Stderr } else { StreamKind::Stdout };
    (*spot, kind, tail.at, Bytes::copy_from_slice(&tail.bytes))
}

impl Tail {
    fn push(&mut self, offset: u64, bytes: &[u8]) {
        if offset != self.end() {
            // A gap: what came before it would be told as if it were next to what comes after.
            (self.at, self.bytes) = (offset, BytesMut::new());
        }
        self.bytes.extend_from_slice(bytes);
        let excess = self.bytes.len().saturating_sub(STREAM);
        self.bytes = self.bytes.split_off(excess);
        self.at += excess as u64;
    }

    fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use tamer_model::HostId;

    use super::*;

    const BATCH: BatchId = BatchId::from_bytes([1; 10]);
    const TASK: TaskId = TaskId::of_host(BATCH, HostId::from_bytes([2; 10]));

    proptest! {
        #[test]
        fn remembers_the_end_of_what_was_written(chunks in proptest::collection::vec(0usize..5000, 1..8)) {
            let mut recent = Recent::default();
            recent.opened(BATCH);
            let whole: Vec<u8> = (0..chunks.iter().sum::<usize>()).map(|n| n as u8).collect();
            let mut at = 0;
            for length in chunks {
                recent.wrote(TASK, StreamKind::Stdout, at as u64, &whole[at..at + length]);
                at += length;
            }
            let kept = recent.of(BATCH);
            prop_assert_eq!(&recent.of_target(BATCH, TASK.spot()), &kept);
            let (_, _, offset, bytes) = &kept[0];
            prop_assert!(bytes.len() <= STREAM);
            prop_assert_eq!(&whole[*offset as usize..], &bytes[..]);
            recent.closed(BATCH);
            prop_assert_eq!(recent.bytes, 0);
        }
    }

    #[test]
    fn an_ended_batch_is_not_remembered() {
        let mut recent = Recent::default();
        recent.wrote(TASK, StreamKind::Stdout, 0, b"late");
        assert!(recent.of(BATCH).is_empty());
    }
}
