//! The way of frames to the connection.

use bytes::Bytes;
use tamer_model::{InstanceStats, Problem, StreamKind};
use tamer_proto::wire;
use tokio::sync::mpsc;
use wire::stream_out::Frame;

/// Frames that may wait for the connection. A few, so that the provider is read while a frame is on
/// its way, and whoever does not read soon stops whoever writes.
pub const FRAMES: usize = 4;

/// The other side has ended the stream.
#[derive(Debug, Clone, Copy)]
pub struct Gone;

/// Where frames go. Waits for room.
#[derive(Debug, Clone)]
pub struct Frames(mpsc::Sender<wire::StreamOut>);

impl Frames {
    /// A way, and its end, which begins with the ticket.
    pub fn new(ticket: String) -> (Self, mpsc::Receiver<wire::StreamOut>) {
        let (sender, out) = mpsc::channel(FRAMES);
        let first = wire::StreamOut { source: 0, frame: Some(Frame::Ticket(ticket)) };
        sender.try_send(first).expect("the queue is empty and its end is held");
        (Self(sender), out)
    }

    /// Sends a frame when there is room.
    pub async fn send(&self, frame: wire::StreamOut) -> Result<(), Gone> {
        self.0.send(frame).await.map_err(|_| Gone)
    }

    /// Waits until the other side has ended the stream.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

/// The command or the log is there.
pub fn started(source: u32) -> wire::StreamOut {
    frame(source, Frame::Started(wire::StreamStarted {}))
}

/// Bytes that the instance wrote.
pub fn data(source: u32, stream: StreamKind, data: Bytes) -> wire::StreamOut {
    match stream {
        StreamKind::Stdout => frame(source, Frame::Stdout(data)),
        StreamKind::Stderr => frame(source, Frame::Stderr(data)),
    }
}

/// Bytes that a task wrote, from this offset of its stream on.
pub fn written(stream: StreamKind, offset: u64, data: Bytes) -> wire::StreamOut {
    let stream = wire::StreamKind::from(stream).into();
    frame(0, Frame::Written(wire::OutputPiece { stream, offset, data }))
}

/// A sample.
pub fn stats(source: u32, stats: InstanceStats) -> wire::StreamOut {
    frame(source, Frame::Stats(stats.into()))
}

/// The command has ended.
pub fn exec_ended(exit_code: Option<i32>) -> wire::StreamOut {
    frame(0, Frame::ExecEnded(wire::ExecEnded { exit_code }))
}

/// The source has ended, with a problem.
pub fn problem(source: u32, problem: impl Into<Problem>) -> wire::StreamOut {
    frame(source, Frame::Problem(problem.into().into()))
}

/// The source has ended.
pub fn ended(source: u32) -> wire::StreamOut {
    frame(source, Frame::Ended(wire::SourceEnded {}))
}

/// What the technology knows of an instance.
pub fn detail(detail: wire::InstanceDetail) -> wire::StreamOut {
    frame(0, Frame::Detail(detail))
}

fn frame(source: u32, frame: Frame) -> wire::StreamOut {
    wire::StreamOut { source, frame: Some(frame) }
}
