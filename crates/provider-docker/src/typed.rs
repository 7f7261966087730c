//! bollard over our own connections.
//!
//! Its typed calls ask for what is answered at once and as a whole. How they reach the engine, how
//! long they may take, how long an answer may be and what a refusal means is decided by
//! [`Client`], the same as for what is read piece by piece.

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{BollardRequest, ClientVersion, Docker};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tamer_provider::{Fault, FaultKind, Result};

use crate::client::{Client, Connection, MAX_ANSWER, escape, within};
use crate::fault;

/// bollard's own limit, in seconds: longer than any of ours, which hold for the whole answer and
/// not for its head alone.
const NO_LIMIT: u64 = u32::MAX as u64;
/// What bollard takes for our version. It writes none into its paths: [`Client`] does.
const VERSION: &ClientVersion = &ClientVersion { major_version: 1, minor_version: 47 };

/// What bollard gives.
type Answered<T> = std::result::Result<T, Error>;

/// A call's connection, once there is an answer to be read. bollard reads only what was moved.
type Held = Arc<Mutex<Option<Connection>>>;

impl Client {
    /// Makes one call of bollard, all of it within the limit. `doing` begins the message of a
    /// fault, as for [`Client::ask`].
    pub(crate) async fn typed<T, F>(
        &self,
        doing: &str,
        limit: Option<Duration>,
        call: impl FnOnce(Docker) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Answered<T>> + Send,
    {
        let held = Held::default();
        let docker = self.docker(doing, &held).map_err(|error| sort(doing, error))?;
        let answered = drive(&held, call(docker));
        within(limit, doing, async { answered.await.map_err(|error| sort(doing, error)) }).await
    }

    fn docker(&self, doing: &str, held: &Held) -> Answered<Docker> {
        let (client, doing, held) = (self.clone(), doing.to_owned(), Arc::clone(held));
        let transport = move |request: BollardRequest| {
            let (client, doing, held) = (client.clone(), doing.clone(), Arc::clone(&held));
            async move {
                let (response, connection) =
                    client.carry(&doing, request).await.map_err(through)?;
                // One call is one request: nothing was held before.
                *held.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
                Ok(response)
            }
        };
        Docker::connect_with_custom_transport(transport, Some("http://engine"), NO_LIMIT, VERSION)
    }

    /// Sends a request of bollard's, and gives a good answer.
    async fn carry(
        &self,
        doing: &str,
        request: BollardRequest,
    ) -> Result<(Response<Incoming>, Connection)> {
        let (head, body) = request.into_parts();
        let body = body.map_err(io::Error::other).boxed_unsync();
        self.good(doing, Request::from_parts(head, body), MAX_ANSWER).await
    }
}

/// Waits for a call while its connection moves, in the same task.
async fn drive<T>(held: &Held, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    poll_fn(|cx| {
        if let Poll::Ready(done) = call.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        match &mut *held.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(connection) => connection.step(cx),
            None => return Poll::Pending,
        }
        // What was moved may be what is wanted.
        call.as_mut().poll(cx)
    })
    .await
}

/// A part of a path, as bollard must be given it: it takes what stands there for the path itself.
/// Nothing is called `.` or `..`, which would be read as a way to somewhere else.
pub(crate) fn part(text: &str) -> Result<String> {
    if matches!(text, "" | "." | "..") {
        return Err(Fault::new(FaultKind::NotFound, format!("nothing is called {text:?}")));
    }
    let mut escaped = String::new();
    escape(text, &mut escaped);
    Ok(escaped)
}

/// Our fault on its way through bollard.
fn through(fault: Fault) -> Error {
    Error::IOError { err: io::Error::other(fault) }
}

/// What came out of bollard: our fault, a connection that broke, or an answer that it cannot read.
fn sort(doing: &str, error: Error) -> Fault {
    match error {
        Error::IOError { err } => match err.downcast::<Fault>() {
            Ok(fault) => fault,
            Err(error) => fault::lost(doing, &error),
        },
        Error::HyperResponseError { err } => match inner(&err) {
            Some(fault) => Fault { message: format!("{doing}: {}", fault.message), ..fault },
            None => fault::lost(doing, &err),
        },
        other => fault::garbled(doing, &other),
    }
}

/// The fault with which a connection stopped reading.
fn inner(error: &hyper::Error) -> Option<Fault> {
    let io: &io::Error = error.source()?.downcast_ref()?;
    io.get_ref()?.downcast_ref().cloned()
}
