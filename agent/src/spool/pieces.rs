//! Which bytes of a stream its file holds. Pure.
//!
//! The file is a row of slots of [`PIECE`] bytes. When a stream may have no more of them, the slot
//! of its oldest bytes takes the newest: whoever follows misses nothing, however much there is.

use std::collections::VecDeque;

/// Bytes of a slot.
pub const PIECE: u64 = 64 * 1024;

/// What a file holds, oldest first.
#[derive(Debug, Default)]
pub struct Pieces {
    row: VecDeque<Piece>,
    /// How many slots the file has.
    slots: u64,
}

/// Bytes that follow one another, at the beginning of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    /// Offset of the first in the stream.
    at: u64,
    len: u64,
    slot: u64,
}

/// Bytes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Offset of the first in the stream.
    pub offset: u64,
    /// How many, at most [`PIECE`].
    pub len: u64,
    /// Where they are in the file.
    pub file_at: u64,
    piece: Piece,
}

impl Pieces {
    /// How many slots the file has.
    pub fn slots(&self) -> u64 {
        self.slots
    }

    /// The slot whose bytes end before `offset` with room for more, and how much is in it.
    pub fn open_at(&self, offset: u64) -> Option<(u64, u64)> {
        let last = self.row.back()?;
        (last.end() == offset && last.len < PIECE).then_some((last.slot, last.len))
    }

    /// A slot at the end of the file.
    pub fn grow(&mut self) -> u64 {
        self.slots += 1;
        self.slots - 1
    }

    /// The slot of the oldest bytes, which are gone with this.
    pub fn reuse(&mut self) -> Option<u64> {
        self.row.pop_front().map(|piece| piece.slot)
    }

    /// Says that `len` bytes of the stream from `offset` on were written, at the end of what is in
    /// `slot`.
    pub fn written(&mut self, offset: u64, len: u64, slot: u64) {
        match self.row.back_mut() {
            Some(last) if last.slot == slot && last.end() == offset => last.len += len,
            _ => self.row.push_back(Piece { at: offset, len, slot }),
        }
    }

    /// The first bytes from `offset` on.
    pub fn find(&self, offset: u64) -> Option<Found> {
        let piece = *self.row.get(self.row.partition_point(|piece| piece.end() <= offset))?;
        let skip = offset.saturating_sub(piece.at);
        Some(Found {
            offset: piece.at + skip,
            len: piece.len - skip,
            file_at: piece.slot * PIECE + skip,
            piece,
        })
    }

    /// Whether what was found is there still: what was read of it since is right.
    pub fn holds(&self, found: &Found) -> bool {
        let at = self.row.partition_point(|piece| piece.at < found.piece.at);
        let there = self.row.get(at);
        there.is_some_and(|piece| (piece.at, piece.slot) == (found.piece.at, found.piece.slot))
    }
}

impl Piece {
    const fn end(&self) -> u64 {
        self.at + self.len
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a file in memory: what is found is what was written there, in order, and what
        /// is missing is older than what is there, or was never taken.
        #[test]
        fn what_is_found_was_written(
            steps in proptest::collection::vec((1u64..=PIECE, any::<bool>()), 0..60), limit in 1u64..8,
        ) {
            let (mut pieces, mut file, mut offset) = (Pieces::default(), vec![0u64; 8], 0);
            for (len, taken) in steps {
                if taken {
                    take(&mut pieces, &mut file, offset, len, limit);
                }
                offset += len;
                let (mut from, mut held) = (0, 0);
                while let Some(found) = pieces.find(from) {
                    prop_assert!(found.offset >= from && found.len > 0 && pieces.holds(&found));
                    // A slot is remembered by the offset that its first byte would have.
                    let slot = (found.file_at / PIECE) as usize;
                    prop_assert_eq!(file[slot] + found.file_at % PIECE, found.offset);
                    from = found.offset + found.len;
                    held += found.len;
                }
                prop_assert!(from <= offset && held <= limit * PIECE && pieces.slots() <= limit);
            }
        }
    }

    fn take(pieces: &mut Pieces, file: &mut [u64], mut at: u64, mut len: u64, limit: u64) {
        while len > 0 {
            let (slot, fill) = pieces.open_at(at).unwrap_or_else(|| {
                let grown = (pieces.slots() < limit).then(|| pieces.grow());
                (grown.or_else(|| pieces.reuse()).expect("there is a slot"), 0)
            });
            let now = len.min(PIECE - fill);
            file[slot as usize] = at - fill;
            pieces.written(at, now, slot);
            (at, len) = (at + now, len - now);
        }
    }

    #[test]
    fn what_was_overtaken_is_not_held() {
        let mut pieces = Pieces::default();
        let slot = pieces.grow();
        pieces.written(0, PIECE, slot);
        let found = pieces.find(10).expect("there");
        assert_eq!((found.offset, found.len, found.file_at), (10, PIECE - 10, 10));
        assert_eq!(pieces.reuse(), Some(slot));
        assert!(!pieces.holds(&found));
        pieces.written(PIECE, 5, slot);
        assert!(!pieces.holds(&found));
        assert_eq!(pieces.find(0).map(|found| found.offset), Some(PIECE), "a gap");
    }
}
