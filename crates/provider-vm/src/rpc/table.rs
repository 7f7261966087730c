//! What is under way on a connection: calls that wait for a reply, open streams, listeners. The
//! driver of the connection changes it with what it reads, callers with what they begin and drop.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, broadcast, oneshot};

use super::event::Event;
use super::packet::{Header, Kind, Packet, Program, Status, refusal};
use super::stream::Inbox;
use super::{RpcError, event};

/// Events that a listener may be behind before it is told that it lost some. An event takes some
/// 150 bytes.
const MAX_EVENTS: usize = 1024;

/// `KEEPALIVE_PROC_PING` and `KEEPALIVE_PROC_PONG` of `src/rpc/virkeepaliveprotocol.x`.
const PING: i32 = 1;
const PONG: i32 = 2;

/// What comes back for a call: the serial of the call, and the payload of the reply.
pub(super) type Answer = Result<Bytes, RpcError>;

/// A call under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) program: Program,
    pub(super) procedure: i32,
    /// Who waits for the reply; nobody any more when absent.
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// Whether a stream is open when it succeeds.
    pub(super) stream: bool,
    /// Bounds the calls under way, forgotten ones too.
    pub(super) _slot: OwnedSemaphorePermit,
}

/// A stream that the daemon knows.
#[derive(Debug)]
struct OpenStream {
    procedure: i32,
    inbox: Arc<Inbox>,
    ended: Option<oneshot::Sender<Result<(), RpcError>>>,
}

/// The table. Everything in it is done at once: no lock on it is held over a wait.
#[derive(Debug)]
pub(super) struct Table {
    closed: Option<RpcError>,
    last_serial: u32,
    calls: HashMap<u32, Call>,
    streams: HashMap<u32, OpenStream>,
    events: Option<broadcast::Sender<Event>>,
    /// Packets that nobody waits to write: ends of streams, one for each stream that was open. As
    /// long as they cannot be written no other stream can be opened.
    urgent: VecDeque<Header>,
    pong: bool,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            closed: None,
            last_serial: 0,
            calls: HashMap::new(),
            streams: HashMap::new(),
            events: Some(broadcast::Sender::new(MAX_EVENTS)),
            urgent: VecDeque::new(),
            pong: false,
        }
    }

    /// Why the connection is of no use any more, when it is so.
    pub(super) fn check(&self) -> Result<(), RpcError> {
        self.closed.as_ref().map_or(Ok(()), |reason| Err(reason.again()))
    }

    /// Enters a call, and the stream that it opens. Returns its serial.
    pub(super) fn begin(&mut self, call: Call, inbox: Option<Arc<Inbox>>) -> Result<u32, RpcError> {
        self.check()?;
        let mut serial = self.last_serial;
        loop {
            serial = serial.wrapping_add(1);
            let free = !self.calls.contains_key(&serial) && !self.streams.contains_key(&serial);
            if serial != 0 && free {
                break;
            }
        }
        self.last_serial = serial;
        if let Some(inbox) = inbox {
            let stream = OpenStream { procedure: call.procedure, inbox, ended: None };
            self.streams.insert(serial, stream);
        }
        self.calls.insert(serial, call);
        Ok(serial)
    }

    /// The caller is gone. A call that was `sent` keeps its place until its reply comes.
    pub(super) fn forget(&mut self, serial: u32, sent: bool) {
        match self.calls.get_mut(&serial) {
            Some(call) if sent => {
                call.answer = None;
                self.streams.remove(&serial);
            }
            Some(_) => {
                self.calls.remove(&serial);
                self.streams.remove(&serial);
            }
            // The reply came, and nobody took the stream.
            None => self.give_up(serial),
        }
    }

    /// Has a stream aborted, if it still is open.
    pub(super) fn give_up(&mut self, serial: u32) {
        if let Some(stream) = self.streams.remove(&serial) {
            self.abort(serial, stream.procedure);
        }
    }

    fn abort(&mut self, serial: u32, procedure: i32) {
        self.urgent.push_back(Header {
            program: Program::Remote,
            procedure,
            kind: Kind::Stream,
            serial,
            status: Status::Error,
        });
    }

    /// Waits for the daemon's word that a stream is ended. [`RpcError::Closed`] when it is not
    /// open any more.
    pub(super) fn expect_end(
        &mut self,
        serial: u32,
        ended: oneshot::Sender<Result<(), RpcError>>,
    ) -> Result<(), RpcError> {
        self.check()?;
        let stream = self.streams.get_mut(&serial).ok_or(RpcError::Closed)?;
        stream.ended = Some(ended);
        Ok(())
    }

    /// Listens to events from now on.
    pub(super) fn listen(&self) -> Result<broadcast::Receiver<Event>, RpcError> {
        self.check()?;
        self.events.as_ref().map(broadcast::Sender::subscribe).ok_or(RpcError::Closed)
    }

    /// A packet to write before all others, when there is one.
    pub(super) fn urgent(&mut self) -> Option<Header> {
        if std::mem::take(&mut self.pong) {
            return Some(Header {
                program: Program::Keepalive,
                procedure: PONG,
                kind: Kind::Message,
                serial: 0,
                status: Status::Ok,
            });
        }
        self.urgent.pop_front()
    }

    /// Does what a packet says. Returns whether there is something urgent to write now.
    pub(super) fn take(&mut self, packet: Packet) -> Result<bool, RpcError> {
        let Packet { header, payload } = packet;
        match (header.program, header.kind) {
            (Program::Keepalive, Kind::Message) => self.pong |= header.procedure == PING,
            (Program::Remote | Program::Qemu, Kind::Reply) => self.reply(header, payload)?,
            (Program::Remote, Kind::Stream) => self.stream(header, payload)?,
            (Program::Remote, Kind::Message) => {
                if let (Some(event), Some(to)) = (event::decode(header, &payload)?, &self.events) {
                    // Nobody listens: nobody misses it.
                    let _ = to.send(event);
                }
            }
            (Program::Qemu, Kind::Message) => {}
            (_, Kind::Call)
            | (Program::Keepalive, Kind::Reply | Kind::Stream)
            | (Program::Qemu, Kind::Stream) => {
                return Err(RpcError::Protocol("a packet that no daemon sends"));
            }
        }
        Ok(self.pong || !self.urgent.is_empty())
    }

    fn reply(&mut self, header: Header, payload: Bytes) -> Result<(), RpcError> {
        let Header { program, procedure, serial, status, .. } = header;
        let call = self
            .calls
            .remove(&serial)
            .filter(|call| call.program == program && call.procedure == procedure)
            .ok_or(RpcError::Protocol("a reply to no call"))?;
        let answer = match status {
            Status::Ok => Ok(payload),
            Status::Error => Err(refusal(&payload)?),
            Status::Continue => return Err(RpcError::Protocol("a reply of two parts")),
        };
        match (answer, call.answer) {
            (Ok(_), None) if call.stream => self.abort(serial, procedure),
            (_, None) => {}
            (answer, Some(to)) => {
                if answer.is_err() {
                    self.streams.remove(&serial);
                }
                // The caller went away just now; its guard clears up after it.
                let _ = to.send(answer);
            }
        }
        Ok(())
    }

    fn stream(&mut self, header: Header, payload: Bytes) -> Result<(), RpcError> {
        let Header { procedure, serial, status, .. } = header;
        let Some(stream) = self.streams.get(&serial) else {
            // Data may be on its way while a stream is given up. Serials go round.
            let given = serial.wrapping_sub(self.last_serial).cast_signed() <= 0;
            return given.then_some(()).ok_or(RpcError::Protocol("data of no stream"));
        };
        if stream.procedure != procedure {
            return Err(RpcError::Protocol("data of another stream"));
        }
        match status {
            Status::Continue if payload.is_empty() => stream.inbox.end(),
            Status::Continue => {
                if !stream.inbox.push(payload) {
                    stream.inbox.fail(RpcError::Overrun);
                    self.give_up(serial);
                }
            }
            Status::Ok => self.end_stream(serial, Ok(())),
            Status::Error => self.end_stream(serial, Err(refusal(&payload)?)),
        }
        Ok(())
    }

    fn end_stream(&mut self, serial: u32, result: Result<(), RpcError>) {
        if let Some(stream) = self.streams.remove(&serial) {
            match &result {
                Ok(()) => stream.inbox.end(),
                Err(error) => stream.inbox.fail(error.again()),
            }
            if let Some(ended) = stream.ended {
                // Who does not wait for it any more does not miss it.
                let _ = ended.send(result);
            }
        }
    }

    /// Fails everything under way, and everything after.
    pub(super) fn close(&mut self, reason: RpcError) {
        if self.closed.is_some() {
            return;
        }
        for call in std::mem::take(&mut self.calls).into_values() {
            if let Some(to) = call.answer {
                let _ = to.send(Err(reason.again()));
            }
        }
        let streams: Vec<u32> = self.streams.keys().copied().collect();
        for serial in streams {
            self.end_stream(serial, Err(reason.again()));
        }
        self.events = None;
        self.urgent.clear();
        self.pong = false;
        self.closed = Some(reason.again());
    }
}
