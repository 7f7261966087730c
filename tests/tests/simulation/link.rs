//! The network between the agents and the coordinator: connections that carry encoded messages in
//! order, late, and as long as they hold.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message;
use tamer_proto::wire;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::Status;
use wire::coordinator_message::Message as Said;

use super::shown::Shown;

/// Messages under way in one direction; a sender whose messages do not leave waits, as with a
/// window of TCP.
const FLYING: usize = 256;
/// Messages that an end has not read.
const UNREAD: usize = 16;
/// How long a dial waits for an answer.
const DIAL: Duration = Duration::from_secs(5);

pub type Answer = Result<wire::CoordinatorMessage, Status>;
/// Where the session of a coordinator hears.
pub type ToCoordinator = mpsc::Receiver<Result<wire::AgentMessage, Status>>;
/// Where it says.
pub type FromCoordinator = mpsc::Sender<Box<Answer>>;

/// What an agent has of a connection.
pub struct Connection {
    pub out: mpsc::Sender<wire::AgentMessage>,
    pub incoming: mpsc::Receiver<wire::CoordinatorMessage>,
}

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Up,
    /// It broke, and what was under way is lost. Who notices does so at once; the other by silence.
    Broken {
        agent: bool,
        coordinator: bool,
    },
}

/// The way between one host and the coordinator. Clones are the same one.
#[derive(Clone)]
pub struct Line(Arc<Inner>);

struct Inner {
    /// Nothing passes; what is under way arrives afterwards, if anybody still waits for it.
    cut: Shown<bool>,
    state: Mutex<LineState>,
    loses_gone: bool,
}

struct LineState {
    /// How long a message takes, in milliseconds.
    delay: (u64, u64),
    random: fastrand::Rng,
    open: Vec<Shown<State>>,
}

impl Line {
    /// `loses_gone`: it is broken, and forgets whenever copies shall go.
    pub fn new(seed: u64, loses_gone: bool) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let state = LineState { delay: (0, 5), random, open: Vec::new() };
        Self(Arc::new(Inner { cut: Shown::new(false), state: Mutex::new(state), loses_gone }))
    }

    pub fn cut(&self, cut: bool) {
        self.0.cut.set(cut);
    }

    /// How long a message takes from now on, from and to milliseconds.
    pub fn delay(&self, millis: (u64, u64)) {
        self.state().delay = millis;
    }

    /// Every connection of the host breaks.
    pub fn fail(&self, agent: bool, coordinator: bool) {
        for connection in self.state().open.drain(..) {
            connection.set(State::Broken { agent, coordinator });
        }
    }

    /// Dials. `listen` is asked when the call arrives: it serves the coordinator's end, or nobody
    /// is there.
    pub async fn dial(
        &self,
        listen: impl FnOnce(ToCoordinator, FromCoordinator) -> bool,
    ) -> Option<Connection> {
        tokio::time::timeout(DIAL, self.0.cut.until(|cut| !cut)).await.ok()?;
        sleep(self.draw()).await;
        let (out, from_agent) = mpsc::channel(UNREAD);
        let (to_coordinator, heard) = mpsc::channel(UNREAD);
        // As the coordinator's own queue to one agent.
        let (said, from_coordinator) = mpsc::channel(256);
        let (to_agent, incoming) = mpsc::channel(UNREAD);
        let state = Shown::new(State::Up);
        let up = Pipe { line: self.clone(), state: state.clone(), notices: coordinator_notices };
        let down = Pipe { line: self.clone(), state: state.clone(), notices: agent_notices };
        if !listen(heard, said) {
            return None;
        }
        {
            let mut line = self.state();
            line.open.retain(|connection| !connection.is_alone());
            line.open.push(state);
        }
        tokio::spawn(
            up.carry(from_agent, to_coordinator, |message| Some(Ok(through_wire(&message)))),
        );
        let loses_gone = self.0.loses_gone;
        tokio::spawn(down.carry(from_coordinator, to_agent, move |message: Box<Answer>| {
            // The end of a stream that failed is an end.
            let mut message = through_wire(&message.ok()?);
            if let Some(Said::Placements(wanted)) = &mut message.message
                && loses_gone
                && !wanted.begins
            {
                wanted.gone.clear();
            }
            Some(message)
        }));
        Some(Connection { out, incoming })
    }

    fn draw(&self) -> Duration {
        let mut state = self.state();
        let (least, most) = state.delay;
        Duration::from_millis(state.random.u64(least..=most))
    }

    fn state(&self) -> MutexGuard<'_, LineState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As it is when it was encoded and decoded.
fn through_wire<M: Message + Default>(message: &M) -> M {
    M::decode(message.encode_to_vec().as_slice()).expect("what is encoded can be decoded")
}

fn agent_notices(state: State) -> bool {
    matches!(state, State::Broken { agent: true, .. })
}

fn coordinator_notices(state: State) -> bool {
    matches!(state, State::Broken { coordinator: true, .. })
}

/// One direction of a connection.
struct Pipe {
    line: Line,
    state: Shown<State>,
    /// Whether the end that reads sees that it broke.
    notices: fn(State) -> bool,
}

impl Pipe {
    async fn carry<A, B>(
        self,
        mut from: mpsc::Receiver<A>,
        to: mpsc::Sender<B>,
        through: impl Fn(A) -> Option<B>,
    ) {
        let mut flying: VecDeque<(Instant, B)> = VecDeque::new();
        let cut = &self.line.0.cut;
        let mut open = true;
        while self.state.get() == State::Up {
            let is_cut = cut.get();
            if !open && flying.is_empty() && !is_cut {
                return;
            }
            let next = flying.front().map(|(at, _)| *at).filter(|_| !is_cut);
            tokio::select! {
                biased;
                () = to.closed() => return,
                () = self.state.until(|state| state != State::Up) => {}
                () = cut.until(|cut| cut != is_cut) => {}
                message = from.recv(), if open && flying.len() < FLYING => {
                    match message.and_then(&through) {
                        Some(message) => {
                            let after = flying.back().map_or_else(Instant::now, |(at, _)| *at);
                            let at = after.max(Instant::now() + self.line.draw());
                            flying.push_back((at, message));
                        }
                        None => open = false,
                    }
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    let Some((_, message)) = flying.pop_front() else { continue };
                    if to.send(message).await.is_err() {
                        return;
                    }
                }
            }
        }
        self.after(from, to).await;
    }

    /// It broke: what is said goes nowhere, and who reads sees it at once, or nothing any more.
    async fn after<A, B>(self, mut from: mpsc::Receiver<A>, to: mpsc::Sender<B>) {
        let to = if (self.notices)(self.state.get()) { None } else { Some(to) };
        while from.recv().await.is_some() {}
        if let Some(to) = to {
            to.closed().await;
        }
    }
}
