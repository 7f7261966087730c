//! The agents' sessions: one bidirectional stream each.
//!
//! [`Sessions`] knows who is connected; [`service`] serves the streams. A session task owns its
//! stream and nothing else: what it hears it hands to the liveness, the batch and the
//! workload controller.

mod contents;
mod hello;
mod pace;
mod points;
pub mod service;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tamer_model::{HostId, JournalId};
use tamer_proto::wire;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::clock;

/// Messages queued to one agent: the tasks that may be under way to it, as many cancellations, the
/// ends that it told at once, streams that people open, and what changes of its placements, gathered
/// for each commit. More than this many unread means that the agent does not read, and its session
/// ends.
const OUTBOUND: usize = 256;

/// Where messages to one agent are queued. Boxed: a queue reserves room for 32 of them, and most of
/// the time it is empty.
type Outbound = mpsc::Sender<Box<Result<wire::CoordinatorMessage, tonic::Status>>>;

/// Who is connected, and when each was last heard. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sessions {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    /// In order: what happens to all of them happens in the same order each time.
    live: BTreeMap<HostId, Live>,
    /// When hosts without a session were last heard, by the steady clock.
    gone: HashMap<HostId, u64>,
}

/// One open session.
#[derive(Clone)]
pub struct Live {
    /// Counts the sessions of this coordinator: a later one has a higher number.
    pub number: u64,
    /// The journal that the agent told.
    pub journal: JournalId,
    /// Where it dialled from.
    pub peer: Arc<str>,
    /// The minor version of `tamer.v1` that it speaks.
    pub wire_minor: u32,
    ear: Arc<Ear>,
    out: Outbound,
    stop: CancellationToken,
}

/// What a session heard last, and whether it listens.
struct Ear {
    /// By the steady clock, in milliseconds.
    heard: AtomicU64,
    busy: AtomicBool,
}

/// While this is there, its session does not listen: silence is not the agent's.
struct Busy<'a>(&'a Live);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.hear();
        self.0.ear.busy.store(false, Ordering::Release);
    }
}

impl Live {
    /// When it was last heard, in milliseconds of the steady clock. What it says while the session
    /// has something of it in hand is heard as soon as that is done: until then it counts as heard.
    pub fn heard(&self) -> u64 {
        match self.ear.busy.load(Ordering::Acquire) {
            true => clock::steady(),
            false => self.ear.heard.load(Ordering::Relaxed),
        }
    }

    fn hear(&self) {
        self.ear.heard.store(clock::steady(), Ordering::Relaxed);
    }

    /// From now on the session is busy with what it heard, and waits for whoever is to take it.
    fn busy(&self) -> Busy<'_> {
        self.ear.busy.store(true, Ordering::Release);
        Busy(self)
    }

    /// Queues a message; an agent that does not read loses its session and starts a new one.
    pub fn send(&self, message: wire::coordinator_message::Message) -> bool {
        let queued = points::sending(&message);
        let sent = self
            .out
            .try_send(Box::new(Ok(wire::CoordinatorMessage { message: Some(message) })))
            .is_ok();
        if !sent {
            self.stop.cancel();
        }
        if let Some(queued) = queued {
            tamer_crash::point(queued);
        }
        sent
    }

    /// Ends the session, saying why.
    pub fn close(&self, code: &str, message: &str) {
        let close = wire::Close { code: code.to_owned(), message: message.to_owned() };
        self.send(wire::coordinator_message::Message::Close(close));
        self.stop.cancel();
    }
}

impl Sessions {
    /// The open session of a host.
    pub fn get(&self, host: HostId) -> Option<Live> {
        self.lock().live.get(&host).cloned()
    }

    /// How many were ever opened here.
    pub fn opened(&self) -> u64 {
        self.lock().next
    }

    /// Whether a host has an open session.
    pub fn is_open(&self, host: HostId) -> bool {
        self.lock().live.contains_key(&host)
    }

    /// When the host was last heard, if this coordinator ever heard it.
    pub fn heard(&self, host: HostId) -> Option<u64> {
        let inner = self.lock();
        inner.live.get(&host).map(Live::heard).or_else(|| inner.gone.get(&host).copied())
    }

    /// Waits until a session opened or ended.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Ends every session: the coordinator stops.
    pub fn close_all(&self, code: &str, message: &str) {
        let all: Vec<_> = self.lock().live.values().cloned().collect();
        all.iter().for_each(|live| live.close(code, message));
    }

    /// Counts every host as heard now: the silence was our own.
    pub fn forgive(&self) {
        let mut inner = self.lock();
        inner.live.values().for_each(Live::hear);
        let now = clock::steady();
        inner.gone.values_mut().for_each(|heard| *heard = now);
    }

    /// Forgets hosts that are not part of the fleet any more.
    pub fn retain(&self, known: impl Fn(HostId) -> bool) {
        self.lock().gone.retain(|host, _| known(*host));
    }

    fn open(
        &self,
        host: HostId,
        (journal, wire_minor): (JournalId, u32),
        peer: String,
        out: Outbound,
        stop: CancellationToken,
    ) -> Live {
        let mut inner = self.lock();
        inner.next += 1;
        let heard = AtomicU64::new(clock::steady());
        let ear = Arc::new(Ear { heard, busy: AtomicBool::new(false) });
        let (number, peer) = (inner.next, peer.into());
        let live = Live { number, journal, peer, wire_minor, ear, out, stop };
        inner.gone.remove(&host);
        let older = inner.live.insert(host, live.clone());
        drop(inner);
        if let Some(older) = older {
            older.close("superseded", "a newer session of this host was opened");
        }
        self.changed.notify_one();
        live
    }

    /// Opens a session of an agent that a test plays, and gives its number.
    #[cfg(test)]
    pub fn open_for_test(
        &self,
        host: HostId,
        journal: JournalId,
        out: Outbound,
        stop: CancellationToken,
    ) -> u64 {
        self.open_older_for_test(host, (journal, tamer_proto::WIRE_MINOR), out, stop)
    }

    /// The same, of an agent that speaks this minor version.
    #[cfg(test)]
    pub fn open_older_for_test(
        &self,
        host: HostId,
        spoken: (JournalId, u32),
        out: Outbound,
        stop: CancellationToken,
    ) -> u64 {
        self.open(host, spoken, String::new(), out, stop).number
    }

    /// Ends the session of an agent that a test plays.
    #[cfg(test)]
    pub fn forget_for_test(&self, host: HostId) {
        if let Some(live) = self.get(host) {
            self.ended(host, &live);
        }
    }

    fn ended(&self, host: HostId, session: &Live) {
        let mut inner = self.lock();
        if inner.live.get(&host).is_some_and(|live| live.number == session.number) {
            inner.live.remove(&host);
            inner.gone.insert(host, session.heard());
        }
        drop(inner);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
