//! A connection: many calls at once over one transport.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadHalf, WriteHalf};
use tokio::sync::{Notify, OnceCell, Semaphore, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::packet::{Header, Kind, Packet, Program, Status};
use super::stream::Inbox;
use super::table::{Call, Table};
use super::xdr::{Decode, Encode};
use super::{RpcError, procedure, wire, xdr};

/// Packets that wait to be written. Packets of streams are the large ones: 16 of them take 4 MiB.
const MAX_WAITING: usize = 16;
/// Calls under way at once, those that nobody waits for among them. The next one waits. The
/// daemon itself works on five.
const MAX_CALLS: usize = 256;

/// How long a daemon may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long we read on when nothing can be written any more. A daemon that is gone has an end
/// behind what it said last.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A connection to a hypervisor of a libvirt daemon. Clones share it, and it is closed when the
/// last of them, its streams and its listeners are dropped.
///
/// No call has a limit of its own: a daemon that hangs is the caller's to give up. Every call can
/// be dropped at any time: the daemon does it all the same, and its reply is forgotten. After an error that is not [`RpcError::Remote`] look at [`Connection::is_closed`].
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// Ends the driver with the last user of the connection.
struct Owner {
    driver: AbortOnDropHandle<()>,
    events: OnceCell<()>,
}

/// What the driver and the callers have in common.
pub(super) struct Shared {
    table: Mutex<Table>,
    packets: mpsc::Sender<Bytes>,
    urgent: Notify,
    calls: Arc<Semaphore>,
}

impl Connection {
    /// Speaks over a transport that is connected already, and opens the hypervisor of this URI.
    /// Must be called in a tokio runtime, which drives the connection as long as it is used.
    pub async fn over<T>(transport: T, uri: &str) -> Result<Self, RpcError>
    where
        T: AsyncRead + AsyncWrite + Send + 'static,
    {
        let connection = Self::drive(transport);
        connection.authenticate().await?;
        let () = connection.call(procedure::CONNECT_OPEN, &(Some(uri), 0u32)).await?;
        Ok(connection)
    }

    /// Whether it is of no use any more: the daemon ended, or did not keep to the protocol.
    pub fn is_closed(&self) -> bool {
        self.shared.table().check().is_err()
    }

    /// Tells the daemon that nothing more comes, and closes it for all clones. Calls under way
    /// fail with [`RpcError::Closed`].
    pub async fn close(&self) {
        // A daemon that is gone, or does not say goodbye, is left all the same.
        let goodbye = self.call::<()>(procedure::CONNECT_CLOSE, &());
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        self.shared.close(RpcError::Closed);
        self.owner.driver.abort();
    }

    /// Starts the driver.
    pub(super) fn drive<T>(transport: T) -> Self
    where
        T: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (packets, waiting) = mpsc::channel(MAX_WAITING);
        let shared = Arc::new(Shared {
            table: Mutex::new(Table::new()),
            packets,
            urgent: Notify::new(),
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
        });
        let driver = tokio::spawn(drive(Arc::clone(&shared), transport, waiting));
        let owner = Owner { driver: AbortOnDropHandle::new(driver), events: OnceCell::new() };
        Self { shared, owner: Arc::new(owner) }
    }

    /// Shows who we are. A daemon knows root by its socket and wants nothing of it.
    async fn authenticate(&self) -> Result<(), RpcError> {
        // `remote_auth_type` of `src/remote/remote_protocol.x`.
        const NONE: i32 = 0;
        const POLKIT: i32 = 2;
        let ways: Vec<i32> = self.call(procedure::AUTH_LIST, &()).await?;
        if ways.is_empty() || ways.contains(&NONE) {
            return Ok(());
        }
        if !ways.contains(&POLKIT) {
            return Err(RpcError::Auth("it wants a name and a password (SASL)"));
        }
        match self.call(procedure::AUTH_POLKIT, &()).await? {
            0i32 => Err(RpcError::Auth("polkit wants to ask a person first")),
            _ => Ok(()),
        }
    }

    /// Calls a procedure of the remote program.
    pub(super) async fn call<T: Decode>(
        &self,
        procedure: i32,
        arguments: &(impl Encode + ?Sized),
    ) -> Result<T, RpcError> {
        self.call_of(Program::Remote, procedure, arguments).await
    }

    /// Calls a procedure of this program.
    pub(super) async fn call_of<T: Decode>(
        &self,
        program: Program,
        procedure: i32,
        arguments: &(impl Encode + ?Sized),
    ) -> Result<T, RpcError> {
        let arguments = xdr::encode(arguments)?;
        let (_, reply) = self.exchange(program, procedure, &arguments, None).await?;
        xdr::decode(&reply)
    }

    /// Makes a call and waits for its reply. Returns the serial with it, by which the stream is
    /// known that the call opened.
    pub(super) async fn exchange(
        &self,
        program: Program,
        procedure: i32,
        arguments: &[u8],
        inbox: Option<Arc<Inbox>>,
    ) -> Result<(u32, Bytes), RpcError> {
        let shared = &self.shared;
        let slot = Arc::clone(&shared.calls).acquire_owned().await;
        let slot = slot.map_err(|_| shared.reason())?;
        let (answer, answered) = oneshot::channel();
        let stream = inbox.is_some();
        let call = Call { program, procedure, answer: Some(answer), stream, _slot: slot };
        let serial = shared.table().begin(call, inbox)?;
        let mut guard = Guard { shared, serial, sent: false, done: false };
        let header = Header { program, procedure, kind: Kind::Call, serial, status: Status::Ok };
        shared.send(header, arguments).await?;
        guard.sent = true;
        let reply = answered.await.map_err(|_| shared.reason())?;
        guard.done = true;
        Ok((serial, reply?))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Set once the daemon was asked for events.
    pub(super) fn events_asked(&self) -> &OnceCell<()> {
        &self.owner.events
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl Shared {
    /// The table. Nobody waits for anything while having it.
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a packet written after those that wait already.
    pub(super) async fn send(&self, header: Header, payload: &[u8]) -> Result<(), RpcError> {
        let packet = Packet::to_bytes(header, payload)?;
        self.packets.send(packet).await.map_err(|_| self.reason())
    }

    /// Has the driver look for something urgent.
    pub(super) fn hurry(&self) {
        self.urgent.notify_one();
    }

    fn close(&self, reason: RpcError) {
        // What waits for its turn gets it now, and sees that it is closed.
        self.table().close(reason);
    }

    fn reason(&self) -> RpcError {
        self.table().check().err().unwrap_or(RpcError::Closed)
    }
}

/// Clears up after a call that is dropped before its reply.
struct Guard<'a> {
    shared: &'a Shared,
    serial: u32,
    sent: bool,
    done: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.shared.table().forget(self.serial, self.sent);
            self.shared.hurry();
        }
    }
}

/// Reads and writes until one of them fails, and fails everything under way with it.
async fn drive<T>(shared: Arc<Shared>, transport: T, waiting: mpsc::Receiver<Bytes>)
where
    T: AsyncRead + AsyncWrite,
{
    let shared = Driven(shared);
    let (from, to) = tokio::io::split(transport);
    let mut reading = pin!(read_all(&shared.0, from));
    // Neither goes on after this, so that it does not matter where it was.
    let ended = tokio::select! {
        error = &mut reading => error,
        error = write_all(&shared.0, to, waiting) => {
            let _ = tokio::time::timeout(LAST_WORDS, reading).await;
            error
        }
    };
    tracing::debug!(error = &ended as &dyn std::error::Error, "a libvirt connection ended");
    shared.0.close(ended);
}

/// Closes what is not driven any more, also when the driver is aborted or panics.
struct Driven(Arc<Shared>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.close(RpcError::Closed);
    }
}

async fn read_all(shared: &Shared, from: ReadHalf<impl AsyncRead>) -> RpcError {
    let mut from = BufReader::new(from);
    loop {
        let taken = match wire::read(&mut from).await {
            Ok(packet) => shared.table().take(packet),
            Err(error) => return error,
        };
        match taken {
            Ok(true) => shared.hurry(),
            Ok(false) => {}
            Err(error) => return error,
        }
    }
}

async fn write_all(
    shared: &Shared,
    mut to: WriteHalf<impl AsyncWrite>,
    mut waiting: mpsc::Receiver<Bytes>,
) -> RpcError {
    loop {
        let urgent = shared.table().urgent();
        let packet = match urgent {
            Some(header) => Packet::to_bytes(header, &[]),
            // Both are cancel-safe: a notice that is not taken stays, as does a packet.
            None => tokio::select! {
                () = shared.urgent.notified() => continue,
                packet = waiting.recv() => packet.ok_or(RpcError::Closed),
            },
        };
        let written = match packet {
            Ok(packet) => wire::write(&mut to, &packet).await,
            Err(error) => return error,
        };
        if let Err(error) = written {
            return error;
        }
    }
}
