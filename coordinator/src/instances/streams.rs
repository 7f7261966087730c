//! Bulk streams: pairing what a person asked for with the stream that an agent opens for it.
//!
//! A ticket is drawn for each stream, sent to the agent over its session, and comes back as the
//! first frame of a bulk stream of the same host. Frames are not queued here: the person's call
//! polls the agent's stream itself, so a person who does not read stops the agent's stream, by
//! HTTP/2's own windows, and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tamer_model::{Code, HostId, Problem, StreamRequest};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message;
use tokio::sync::{mpsc, oneshot};
use tonic::Streaming;

use crate::clock;
use crate::session::Sessions;

/// How long an agent may take to open a stream that it was asked for.
const OPENING: Duration = Duration::from_secs(10);
/// Input frames on their way to an agent; a frame has at most [`MAX_INPUT`] bytes.
const QUEUED_INPUT: usize = 4;
/// Streams that may be waited for at once, of all hosts.
const MAX_WAITING: usize = 4096;
/// The longest frame of input, in bytes.
pub const MAX_INPUT: usize = 64 * 1024;

/// A frame of input, or why no more comes.
pub type Input = Result<wire::StreamIn, tonic::Status>;

/// What the agent's side of a stream hands over when it is there.
pub struct Opened {
    /// Frames from the instance.
    pub frames: Streaming<wire::StreamOut>,
    /// Frames to it. Dropping it ends the agent's side.
    pub input: mpsc::Sender<Input>,
}

struct Waiting {
    host: HostId,
    opened: oneshot::Sender<Result<Opened, Problem>>,
}

/// The streams that agents were asked for and have not opened. Cheap to clone.
#[derive(Clone, Default)]
pub struct Streams {
    waiting: Arc<Mutex<HashMap<String, Waiting>>>,
}

/// Forgets a ticket that nobody waits for any more.
struct Ticket<'a> {
    streams: &'a Streams,
    text: String,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.streams.lock().remove(&self.text);
    }
}

impl Streams {
    /// Asks a host's agent for a stream, and waits until it is there.
    pub async fn open(
        &self,
        sessions: &Sessions,
        host: HostId,
        request: StreamRequest,
    ) -> Result<Opened, Problem> {
        let session = sessions.get(host).ok_or_else(|| away("its agent has no session"))?;
        let (opened, answer) = oneshot::channel();
        let text = data_encoding::HEXLOWER.encode(&clock::random::<16>());
        {
            let mut waiting = self.lock();
            if waiting.len() >= MAX_WAITING {
                return Err(Problem::new(Code::Busy, "too many streams are being opened")
                    .remedy("try again in a moment"));
            }
            waiting.insert(text.clone(), Waiting { host, opened });
        }
        let ticket = Ticket { streams: self, text };
        let open = wire::OpenStream { ticket: ticket.text.clone(), request: Some(request.into()) };
        if !session.send(Message::OpenStream(open)) {
            return Err(away("its agent does not read"));
        }
        match tokio::time::timeout(OPENING, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(away("its session ended")),
            Err(_) => Err(away(
                "its agent did not open the stream in time; an agent of an older version cannot",
            )),
        }
    }

    /// An agent opened a stream: hands it to whoever waits. False: nobody does.
    pub fn opened(&self, host: HostId, ticket: &str, stream: Opened) -> bool {
        self.answer(host, ticket, Ok(stream))
    }

    /// An agent cannot serve a stream.
    pub fn refused(&self, host: HostId, ticket: &str, problem: Problem) {
        self.answer(host, ticket, Err(problem));
    }

    fn answer(&self, host: HostId, ticket: &str, answer: Result<Opened, Problem>) -> bool {
        let mut waiting = self.lock();
        // Somebody else's ticket is nobody's.
        if waiting.get(ticket).is_none_or(|waiting| waiting.host != host) {
            return false;
        }
        let found = waiting.remove(ticket);
        drop(waiting);
        found.is_some_and(|waiting| waiting.opened.send(answer).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The two ends of the input of one stream.
pub fn input() -> (mpsc::Sender<Input>, mpsc::Receiver<Input>) {
    mpsc::channel(QUEUED_INPUT)
}

fn away(why: &str) -> Problem {
    Problem::new(Code::Unreachable, format!("the host cannot be reached: {why}"))
        .remedy("`tamerctl host show` says how it is doing; try again")
}
