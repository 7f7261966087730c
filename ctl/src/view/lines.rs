//! Output as it comes: what is new of it, and where its lines end.

/// The longest line that is kept together, in bytes; a longer one is broken. One such buffer a
/// stream: 10,000 hosts in the middle of such lines hold 160 MiB.
const LONGEST: usize = 8 * 1024;

/// What was shown of one stream: nothing is shown twice, and what was missed is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reader {
    next: u64,
}

impl Reader {
    /// The offset of the first byte that was not shown.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Takes the bytes at `offset`: how many before them were missed, and which of them are new.
    pub fn take<'a>(&mut self, offset: u64, bytes: &'a [u8]) -> (u64, &'a [u8]) {
        let seen = self.next.saturating_sub(offset);
        let fresh = match usize::try_from(seen) {
            Ok(seen) if seen < bytes.len() => &bytes[seen..],
            Ok(_) | Err(_) => return (0, &[]),
        };
        let missed = offset.saturating_sub(self.next);
        self.next = offset + bytes.len() as u64;
        (missed, fresh)
    }

    /// Goes on to `offset`: how many bytes before it were missed.
    pub fn skip_to(&mut self, offset: u64) -> u64 {
        let missed = offset.saturating_sub(self.next);
        self.next += missed;
        missed
    }
}

/// Puts lines together from pieces.
#[derive(Debug, Clone, Default)]
pub struct Assembler {
    partial: Vec<u8>,
}

impl Assembler {
    /// Adds `bytes` and gives every line that ended, without its end.
    pub fn push(&mut self, bytes: &[u8], mut line: impl FnMut(Vec<u8>)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut piece = piece;
            while self.partial.len() + piece.len() > LONGEST + 1 {
                let (now, later) = piece.split_at(LONGEST - self.partial.len().min(LONGEST));
                self.partial.extend_from_slice(now);
                line(std::mem::take(&mut self.partial));
                piece = later;
            }
            self.partial.extend_from_slice(piece);
            if self.partial.last() == Some(&b'\n') {
                self.partial.pop();
                self.partial.pop_if(|byte| *byte == b'\r');
                line(std::mem::take(&mut self.partial));
            }
        }
    }

    /// Gives the last line, which has no end.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.partial);
        (!rest.is_empty()).then_some(rest)
    }

    /// What there is of the line that has not ended.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut assembler = Assembler::default();
        let mut lines = Vec::new();
        for piece in pieces {
            assembler.push(piece, |line| lines.push(line));
            assert!(assembler.partial().len() <= LONGEST + 1);
        }
        lines.extend(assembler.finish());
        lines
    }

    #[test]
    fn lines_come_together_from_pieces() {
        let whole = lines(&[b"one\r\nt", b"wo\n\nthr", b"ee"]);
        assert_eq!(whole, [&b"one"[..], b"two", b"", b"three"]);
        assert_eq!(lines(&[b"", b"\n"]), [b""]);
    }

    #[test]
    fn a_line_without_end_is_broken_and_loses_nothing() {
        let long = vec![b'x'; 3 * LONGEST + 5];
        for pieces in [vec![&long[..]], long.chunks(1000).collect()] {
            let broken = lines(&pieces);
            assert_eq!(broken.concat(), long);
            assert!(broken.iter().all(|line| line.len() <= LONGEST + 1), "all bounded");
        }
    }

    #[test]
    fn nothing_is_shown_twice_and_gaps_are_counted() {
        let mut reader = Reader::default();
        assert_eq!(reader.take(0, b"abc"), (0, &b"abc"[..]));
        assert_eq!(reader.take(0, b"abc"), (0, &b""[..]));
        assert_eq!(reader.take(1, b"bcde"), (0, &b"de"[..]));
        assert_eq!(reader.take(10, b"xy"), (5, &b"xy"[..]));
        assert_eq!((reader.skip_to(15), reader.skip_to(3), reader.next()), (3, 0, 15));
    }
}
