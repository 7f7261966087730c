//! The frames in which engines send two output streams over one connection.
//!
//! Eight bytes, then the payload: the stream (0 and 1 are standard output, 2 is standard error, 3
//! is the engine's own complaint), three zeros, and the payload's length as a big-endian u32
//! (Docker Engine API, "Attach to a container: Stream format"). With a terminal there are no
//! frames and the bytes are what the terminal shows.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use tamer_model::StreamKind;
use tamer_provider::{Fault, FaultKind, MAX_EXEC_CHUNK, Result};

const HEAD: usize = 8;
/// From this size on a payload is passed on as it is; smaller ones are gathered.
const GATHER_BELOW: usize = 4 * 1024;

/// Takes frames apart, and gathers small payloads of one stream that came together.
#[derive(Debug)]
pub(crate) struct Demux {
    framed: bool,
    head: [u8; HEAD],
    /// How many bytes of the head are there.
    have: usize,
    stream: StreamKind,
    /// How many bytes of the payload are to come.
    left: usize,
    /// Whether the payload is the engine's complaint.
    complains: bool,
    complaint: Vec<u8>,
    gathered: BytesMut,
    gathering: StreamKind,
    /// What is ready. Never more than one piece off the wire, which the client bounds.
    ready: VecDeque<(StreamKind, Bytes)>,
}

impl Demux {
    /// For frames, or for the bytes of a terminal.
    pub(crate) fn new(framed: bool) -> Self {
        Self {
            framed,
            head: [0; HEAD],
            have: 0,
            stream: StreamKind::Stdout,
            left: 0,
            complains: false,
            complaint: Vec::new(),
            gathered: BytesMut::new(),
            gathering: StreamKind::Stdout,
            ready: VecDeque::new(),
        }
    }

    /// The next chunk, of at most [`MAX_EXEC_CHUNK`] bytes.
    pub(crate) fn pop(&mut self) -> Option<(StreamKind, Bytes)> {
        self.ready.pop_front()
    }

    /// Takes in a piece off the wire, all of which is ready then.
    pub(crate) fn push(&mut self, piece: Bytes) -> Result<()> {
        self.gather(piece)?;
        self.flush();
        Ok(())
    }

    /// Whether a chunk is ready.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes in a piece off the wire. Small payloads wait for more of them, or for the flush.
    pub(crate) fn gather(&mut self, mut piece: Bytes) -> Result<()> {
        if !self.framed {
            self.put(StreamKind::Stdout, piece);
            return Ok(());
        }
        while !piece.is_empty() {
            if self.left == 0 {
                let take = (HEAD - self.have).min(piece.len());
                self.head[self.have..self.have + take].copy_from_slice(&piece.split_to(take));
                self.have += take;
                if self.have == HEAD {
                    self.begin()?;
                }
                continue;
            }
            let payload = piece.split_to(self.left.min(piece.len()));
            self.left -= payload.len();
            if self.complains {
                self.complain(&payload)?;
            } else {
                self.put(self.stream, payload);
            }
        }
        Ok(())
    }

    /// Whether the stream may end here.
    pub(crate) const fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    fn begin(&mut self) -> Result<()> {
        self.have = 0;
        let [stream, 0, 0, 0, length @ ..] = self.head else {
            return Err(self.unknown());
        };
        self.left = u32::from_be_bytes(length) as usize;
        self.complains = stream == 3;
        self.stream = match stream {
            0 | 1 | 3 => StreamKind::Stdout,
            2 => StreamKind::Stderr,
            _ => return Err(self.unknown()),
        };
        Ok(())
    }

    fn unknown(&self) -> Fault {
        let message = "the engine's output is in no frames that are known";
        Fault::new(FaultKind::Failed, message).said(format!("{:02x?}", self.head))
    }

    fn complain(&mut self, payload: &[u8]) -> Result<()> {
        /// An engine's complaint is a line or two.
        const MOST: usize = 4096;
        let room = MOST.saturating_sub(self.complaint.len());
        self.complaint.extend_from_slice(&payload[..payload.len().min(room)]);
        if self.left > 0 {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&self.complaint).into_owned();
        Err(crate::fault::in_stream("read the output", &said))
    }

    fn put(&mut self, stream: StreamKind, mut payload: Bytes) {
        if self.gathering != stream {
            self.flush();
            self.gathering = stream;
        }
        if payload.len() < GATHER_BELOW {
            if self.gathered.len() + payload.len() > MAX_EXEC_CHUNK {
                self.flush();
            }
            self.gathered.extend_from_slice(&payload);
            return;
        }
        self.flush();
        while payload.len() > MAX_EXEC_CHUNK {
            self.ready.push_back((stream, payload.split_to(MAX_EXEC_CHUNK)));
        }
        self.ready.push_back((stream, payload));
    }

    /// Makes ready what was gathered.
    pub(crate) fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.ready.push_back((self.gathering, self.gathered.split().freeze()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("it is well made").to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], payload].concat()
    }

    fn run(bytes: &[u8], size: usize) -> Vec<(StreamKind, Vec<u8>)> {
        let mut demux = Demux::new(true);
        let mut all: Vec<(StreamKind, Vec<u8>)> = Vec::new();
        for piece in bytes.chunks(size) {
            demux.push(Bytes::copy_from_slice(piece)).expect("it is well made");
            while let Some((stream, data)) = demux.pop() {
                assert!(data.len() <= MAX_EXEC_CHUNK);
                match all.last_mut() {
                    Some((last, text)) if *last == stream => text.extend_from_slice(&data),
                    _ => all.push((stream, data.to_vec())),
                }
            }
        }
        assert!(demux.is_between());
        all
    }

    #[test]
    fn frames_come_apart_however_they_are_cut() {
        let big = vec![7; 100_000];
        let bytes = [frame(1, b"out"), frame(2, b"err"), frame(1, b""), frame(1, &big)].concat();
        let wanted = vec![
            (StreamKind::Stdout, b"out".to_vec()),
            (StreamKind::Stderr, b"err".to_vec()),
            (StreamKind::Stdout, big),
        ];
        for size in [1, 3, 8, 11, 4096, bytes.len()] {
            assert_eq!(run(&bytes, size), wanted, "pieces of {size}");
        }
    }

    #[test]
    fn small_frames_of_one_piece_become_one_chunk() {
        let bytes: Vec<u8> = (0..1000).flat_map(|_| frame(1, b"line\n")).collect();
        let mut demux = Demux::new(true);
        demux.push(bytes.into()).expect("it is well made");
        let (_, data) = demux.pop().expect("it is well made");
        assert_eq!(data.len(), 5000);
        assert_eq!(demux.pop(), None);
    }

    #[test]
    fn a_terminal_may_begin_with_any_byte() {
        let mut demux = Demux::new(false);
        for byte in 0..=255 {
            demux.push(Bytes::copy_from_slice(&[byte, 0, 0])).expect("it is well made");
            assert_eq!(demux.pop().expect("it is well made").1[..], [byte, 0, 0]);
        }
    }

    #[test]
    fn what_is_no_frame_is_a_fault_and_a_complaint_is_told() {
        let fault =
            Demux::new(true).push(Bytes::from_static(b"hello world")).expect_err("it is refused");
        assert_eq!(fault.kind, FaultKind::Failed);
        let fault = Demux::new(true)
            .push(frame(3, b"no such container: x").into())
            .expect_err("it is refused");
        assert_eq!(fault.kind, FaultKind::NotFound);
    }
}
