//! The connections to libvirt: made when they are needed, made again when the daemon went away.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tamer_provider::{Fault, FaultKind, Result};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::faults::fault;
use crate::rpc::{self, Connection, Event, EventReceiver};
use crate::settings::Settings;
use crate::{platform, xml};

/// A daemon that starts asks its hypervisor what it can do before it answers.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Of the one daemon of old, and of the one for QEMU alone.
const SOCKETS: &[&str] = &["/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"];
/// Domains whose description is kept; more than a host runs, and a bound if it does.
const MAX_KEPT: usize = 16 * 1024;

/// Machines that share a turn wait for each other, for the second that a start takes.
const TURNS: usize = 64;

/// The connections, shared by all calls of a provider.
#[derive(Debug)]
pub struct Session {
    socket: Option<PathBuf>,
    uri: String,
    live: tokio::sync::Mutex<Option<Live>>,
    turns: [tokio::sync::Mutex<()>; TURNS],
}

/// Connections that were alive when they were looked at.
#[derive(Debug, Clone)]
pub struct Live {
    /// For calls that answer at once.
    pub quick: Connection,
    /// For calls that may take seconds: a daemon works on five calls of a connection at a time, and
    /// a checkpoint that is made must not keep a list waiting.
    pub slow: Connection,
    /// For what a guest answers: one that hangs must keep nobody else's start waiting.
    pub guests: Connection,
    /// What is known of domains.
    pub book: Arc<Book>,
    _watcher: Arc<AbortOnDropHandle<()>>,
}

impl Session {
    /// Does not connect yet.
    pub fn new(settings: &Settings) -> Self {
        let (socket, uri) = (settings.socket.clone(), settings.uri.clone());
        let turns = std::array::from_fn(|_| tokio::sync::Mutex::default());
        Self { socket, uri, live: tokio::sync::Mutex::default(), turns }
    }

    /// Waits until nobody else starts or removes this machine. libvirt lets a machine be forgotten
    /// while it starts, and says then that its emulator failed.
    pub async fn turn(&self, uuid: &[u8; 16]) -> tokio::sync::MutexGuard<'_, ()> {
        self.turns[usize::from(uuid[0]) % TURNS].lock().await
    }

    /// Where the daemon is looked for.
    pub fn socket(&self) -> PathBuf {
        let usual = || SOCKETS.iter().map(PathBuf::from).find(|path| path.exists());
        self.socket.clone().or_else(usual).unwrap_or_else(|| SOCKETS[0].into())
    }

    /// Connections that work, made anew when the old ones ended.
    pub async fn live(&self) -> Result<Live> {
        // Those who come meanwhile wait for the same connection, as long as its limit at most.
        let mut live = self.live.lock().await;
        if let Some(live) = &*live
            && ![&live.quick, &live.slow, &live.guests].iter().any(|c| c.is_closed())
        {
            return Ok(live.clone());
        }
        *live = None;
        let socket = self.socket();
        let made = match timeout(CONNECT_LIMIT, connect(&socket, &self.uri)).await {
            Ok(made) => made.map_err(|error| {
                fault(&error, format!("libvirt cannot be reached at {}", socket.display()))
            })?,
            Err(_) => {
                let what = format!("libvirt at {} does not answer", socket.display());
                return Err(Fault::new(FaultKind::Unavailable, what));
            }
        };
        *live = Some(made.clone());
        Ok(made)
    }
}

async fn connect(socket: &Path, uri: &str) -> std::result::Result<Live, rpc::RpcError> {
    let quick = platform::connect(socket, uri).await?;
    let slow = platform::connect(socket, uri).await?;
    let guests = platform::connect(socket, uri).await?;
    // Listened to before anything is looked at, so that no change is missed.
    let events = quick.domain_events().await?;
    let book = Arc::new(Book::default());
    let watcher = tokio::spawn(watch(events, Arc::clone(&book)));
    Ok(Live { quick, slow, guests, book, _watcher: Arc::new(AbortOnDropHandle::new(watcher)) })
}

/// Strikes out what changed. Ends with the connection, as does the use of its book.
async fn watch(mut events: EventReceiver, book: Arc<Book>) {
    while let Some(event) = events.next().await {
        match event {
            Event::Lifecycle { domain, .. } => book.strike(&domain.uuid),
            Event::Lost => book.strike_all(),
            Event::Reboot { .. } | Event::Agent { .. } => {}
        }
    }
    book.strike_all();
}

/// Descriptions of domains, each kept until the daemon tells of a change, so that a list does not
/// ask for each of them.
#[derive(Debug, Default)]
pub struct Book(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    /// Counts what was struck out, so that an answer that was under way meanwhile is not kept.
    struck: u64,
    kept: HashMap<[u8; 16], Arc<xml::Domain>>,
}

impl Book {
    /// What is known of a domain, asked for when it is not known.
    pub async fn read(&self, live: &Connection, domain: &rpc::Domain) -> Result<Arc<xml::Domain>> {
        let struck = {
            let pages = self.pages();
            if let Some(known) = pages.kept.get(&domain.uuid) {
                return Ok(Arc::clone(known));
            }
            pages.struck
        };
        let name = &domain.name;
        let text = live
            .xml(domain, 0)
            .await
            .map_err(|error| fault(&error, format!("cannot look at the machine {name:?}")))?;
        let read = Arc::new(xml::Domain::read(&text).map_err(|said| {
            Fault::new(FaultKind::Failed, format!("cannot read what the machine {name:?} is"))
                .said(said)
        })?);
        let mut pages = self.pages();
        if pages.struck == struck && pages.kept.len() < MAX_KEPT {
            pages.kept.insert(domain.uuid, Arc::clone(&read));
        }
        Ok(read)
    }

    /// Forgets a domain.
    pub fn strike(&self, uuid: &[u8; 16]) {
        let mut pages = self.pages();
        pages.struck += 1;
        pages.kept.remove(uuid);
    }

    fn strike_all(&self) {
        let mut pages = self.pages();
        pages.struck += 1;
        pages.kept.clear();
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
