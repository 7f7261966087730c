//! The engine: a listener before a world. It can hang, be killed, and come back to its world.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::answer::Answer;
use crate::exec::Job;
use crate::route;
use crate::world::World;

/// Connections at once. A provider under test has a few dozen; more wait to be taken.
const CONNECTIONS: usize = 256;
/// How long an engine that was told to end may take.
const END: Duration = Duration::from_secs(5);

/// The engine. Dropped, it ends, with every connection.
pub struct Engine {
    pub world: Arc<World>,
    hung: watch::Sender<bool>,
    serving: Mutex<Option<(DropGuard, JoinHandle<()>)>>,
    folder: TempDir,
}

impl Engine {
    /// An engine that listens, with a new world.
    pub fn start() -> Self {
        let engine = Self {
            world: Arc::new(World::new()),
            hung: watch::Sender::new(false),
            serving: Mutex::new(None),
            folder: tempfile::Builder::new().prefix("tf").tempdir().expect("a folder"),
        };
        engine.come_back();
        engine
    }

    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Requests are taken and not answered, until [`Engine::unhang`].
    pub fn hang(&self) {
        self.hung.send_replace(true);
    }

    /// Those that wait are answered.
    pub fn unhang(&self) {
        self.hung.send_replace(false);
    }

    /// Ends without a good-bye: every connection breaks, and the socket is left.
    pub async fn kill(&self) {
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((life, server)) = serving else { return };
        drop(life);
        let ended = tokio::time::timeout(END, server).await.expect("the listener does not end");
        ended.expect("a connection panicked");
    }

    /// Listens again, with the same world.
    pub fn come_back(&self) {
        let listener = listen(&self.socket());
        let life = CancellationToken::new();
        let (world, hung) = (Arc::clone(&self.world), self.hung.subscribe());
        let server = tokio::spawn(serve(listener, life.clone(), world, hung));
        let serving = Some((life.drop_guard(), server));
        *self.serving.lock().unwrap_or_else(PoisonError::into_inner) = serving;
    }
}

fn listen(path: &Path) -> UnixListener {
    // Left by one that was killed; the first time nothing is there.
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path).expect("a socket")
}

/// Owns every connection: they end when it does.
async fn serve(
    listener: UnixListener,
    life: CancellationToken,
    world: Arc<World>,
    hung: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        // Each branch loses nothing when another one is taken: what was not accepted waits, and
        // what has ended stays in the set.
        tokio::select! {
            () = life.cancelled() => break,
            taken = listener.accept(), if connections.len() < CONNECTIONS => {
                let (wire, _) = taken.expect("a connection");
                connections.spawn(connection(wire, Arc::clone(&world), hung.clone()));
            }
            Some(ended) = connections.join_next() => ended.expect("a connection panicked"),
        }
    }
    // Nobody connects to a dead engine.
    drop(listener);
    connections.shutdown().await;
}

/// One connection: requests, and then the bytes of a command if one took it over.
async fn connection(wire: UnixStream, world: Arc<World>, hung: watch::Receiver<bool>) {
    let job: Mutex<Option<Job>> = Mutex::new(None);
    let answering = service_fn(|request: Request<Incoming>| {
        let (world, mut hung, job) = (Arc::clone(&world), hung.clone(), &job);
        async move {
            // The engine outlives its connections, so waiting cannot fail.
            let _ = hung.wait_for(|hung| !hung).await;
            let (answer, after) = route::answer(&world, request).await;
            *job.lock().unwrap_or_else(PoisonError::into_inner) = after;
            Ok::<Answer, Infallible>(answer)
        }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(wire), answering);
    // A client that went away is no fault.
    let _ = served.with_upgrades().await;
    let job = job.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(job) = job {
        job.await;
    }
}
