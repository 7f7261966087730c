//! What is kept of a command's output: the head, the tail, and how much there was.

use serde::{Deserialize, Serialize};

/// Which stream of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamKind {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What is kept of one stream. Nothing was cut while `total` is `head.len() + tail.len()`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptStream {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes, after the cut.
    pub tail: Vec<u8>,
    /// How many bytes the command wrote.
    pub total: u64,
}

/// What is kept of a command's output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptOutput {
    /// Of standard output.
    pub stdout: KeptStream,
    /// Of standard error.
    pub stderr: KeptStream,
}

impl KeptStream {
    /// How many bytes were left out between head and tail.
    pub fn cut(&self) -> u64 {
        self.total.saturating_sub((self.head.len() + self.tail.len()) as u64)
    }

    /// Keeps `bytes` within `limit`: the first half of the limit and the last half.
    pub fn push(&mut self, bytes: &[u8], limit: usize) {
        self.total += bytes.len() as u64;
        let head_room = limit.div_ceil(2).saturating_sub(self.head.len());
        let (head, rest) = bytes.split_at(head_room.min(bytes.len()));
        self.head.extend_from_slice(head);
        let tail_limit = limit / 2;
        let rest = &rest[rest.len().saturating_sub(tail_limit)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(tail_limit);
        self.tail.drain(..excess.min(self.tail.len()));
        self.tail.extend_from_slice(rest);
    }

    /// The kept bytes from `offset` on, each run with the offset of its first byte. A gap between
    /// runs is what was cut.
    pub fn runs_from(&self, offset: u64) -> Vec<(u64, &[u8])> {
        let tail_at = self.total - self.tail.len() as u64;
        [(0, &self.head[..]), (tail_at, &self.tail[..])]
            .into_iter()
            .filter_map(|(at, bytes)| {
                let skip = usize::try_from(offset.saturating_sub(at)).ok()?.min(bytes.len());
                (skip < bytes.len()).then(|| (at + skip as u64, &bytes[skip..]))
            })
            .collect()
    }
}

impl KeptOutput {
    /// One of the two streams.
    pub fn stream(&self, kind: StreamKind) -> &KeptStream {
        match kind {
            StreamKind::Stdout => &self.stdout,
            StreamKind::Stderr => &self.stderr,
        }
    }

    /// One of the two streams, to add to.
    pub fn stream_mut(&mut self, kind: StreamKind) -> &mut KeptStream {
        match kind {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => &mut self.stderr,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keeps_both_ends(chunks: Vec<Vec<u8>>, limit in 0usize..40, offset in 0u64..60) {
            let mut kept = KeptStream::default();
            chunks.iter().for_each(|chunk| kept.push(chunk, limit));
            let whole = chunks.concat();
            prop_assert_eq!(kept.total, whole.len() as u64);
            prop_assert!(kept.head.len() + kept.tail.len() <= limit);
            prop_assert!(whole.starts_with(&kept.head) && whole.ends_with(&kept.tail));
            if whole.len() <= limit {
                prop_assert_eq!([&kept.head[..], &kept.tail[..]].concat(), &whole[..]);
            }
            for (at, run) in kept.runs_from(offset) {
                prop_assert!(at >= offset);
                prop_assert_eq!(&whole[at as usize..at as usize + run.len()], run);
            }
        }
    }
}
