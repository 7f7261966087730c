//! One call to an engine: a connection, a request, an answer that is read as it comes.
//!
//! A connection serves one call. Connecting to a local socket costs tens of microseconds, and so
//! there is no pool that could go stale, and dropping an answer closes its connection.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, Stream, TryStreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, SERVER, UPGRADE};
use hyper::http::response::Parts;
use hyper::http::uri::InvalidUri;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tamer_provider::{Fault, FaultKind, Result};

use crate::bounded::Bounded;
use crate::connect::Endpoint;
use crate::fault;
use crate::settings::TlsFiles;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an engine may take for what it only has to look up.
pub(crate) const QUICK: Duration = Duration::from_secs(30);
/// How long it may take for what changes an instance. A loaded host starts containers slowly.
pub(crate) const SLOW: Duration = Duration::from_secs(180);
/// The most bytes of an answer that is read as a whole. A list of all images, networks or volumes
/// of a large host is a few MiB; lists of containers are read piece by piece.
pub(crate) const MAX_ANSWER: usize = 32 << 20;
/// The most bytes of an error text that is read.
const MAX_COMPLAINT: usize = 64 << 10;
/// The most bytes hyper reads ahead of whoever reads a stream.
const READ_AHEAD: usize = 64 << 10;

/// A request's body; a source that breaks breaks the request.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// One request.
pub(crate) struct Ask {
    method: Method,
    path: String,
    query: String,
    header: Option<(&'static str, String)>,
    kind: &'static str,
    body: Body,
    upgrade: bool,
    /// From the request to the head of the answer, or to its end where it is read as a whole.
    limit: Option<Duration>,
}

impl Ask {
    pub(crate) fn get(parts: &[&str]) -> Self {
        Self::new(Method::GET, parts)
    }

    pub(crate) fn post(parts: &[&str]) -> Self {
        Self { limit: Some(SLOW), ..Self::new(Method::POST, parts) }
    }

    fn new(method: Method, parts: &[&str]) -> Self {
        let mut path = String::new();
        for part in parts {
            path.push('/');
            escape(part, &mut path);
        }
        Self {
            method,
            path,
            query: String::new(),
            header: None,
            kind: "application/json",
            body: Full::default().map_err(|never| match never {}).boxed_unsync(),
            upgrade: false,
            limit: Some(QUICK),
        }
    }

    /// Adds to the query.
    pub(crate) fn query(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(key);
        self.query.push('=');
        escape(&value.to_string(), &mut self.query);
        self
    }

    /// Sends this as JSON.
    pub(crate) fn json(mut self, value: &impl Serialize) -> Self {
        let text = serde_json::to_vec(value).expect("plain values with text keys become JSON");
        self.body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
        self
    }

    /// Sends this stream, a tar archive.
    pub(crate) fn tar(
        mut self,
        stream: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        self.kind = "application/x-tar";
        self.body = StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync();
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(crate) fn limit(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    fn request(self, doing: &str) -> Result<Request<Body>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{}{}", self.path, self.query))
            .header(CONTENT_TYPE, self.kind);
        if self.upgrade {
            request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        if let Some((name, value)) = self.header {
            request = request.header(name, value);
        }
        request.body(self.body).map_err(|error| fault::garbled(doing, &error))
    }
}

/// Where an engine is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) endpoint: Endpoint,
    pub(crate) tls: Option<TlsFiles>,
    /// "/v1.41", or nothing before it is known.
    pub(crate) version: String,
}

/// An answer whose body was not read yet. Dropping it closes the connection.
pub(crate) struct Answer {
    body: Incoming,
    doing: String,
    connection: Connection,
}

/// The connection of one call. It moves while its answer is waited for or read, in the same task:
/// what has come is had without another task in between, and nobody reads for a reader who stopped.
pub(crate) struct Connection(Option<BoxFuture<'static, ()>>);

impl Connection {
    /// Moves it as far as it goes now.
    pub(crate) fn step(&mut self, cx: &mut Context<'_>) {
        if self.0.as_mut().is_some_and(|connection| connection.poll_unpin(cx).is_ready()) {
            self.0 = None;
        }
    }

    /// Waits while the connection moves. Cancel-safe if `wanted` is.
    async fn drive<T>(&mut self, wanted: impl Future<Output = T>) -> T {
        let mut wanted = pin!(wanted);
        poll_fn(|cx| {
            if let Poll::Ready(done) = wanted.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            self.step(cx);
            // What was moved may be what is wanted.
            wanted.as_mut().poll(cx)
        })
        .await
    }
}

impl Client {
    /// Asks, and gives the head of a good answer. `doing` begins the message of a fault: "start
    /// 3f2a…".
    pub(crate) async fn ask(&self, doing: impl Into<String>, ask: Ask) -> Result<Answer> {
        let doing = doing.into();
        let limit = ask.limit;
        within(limit, &doing, self.ask_unbounded(&doing, ask)).await
    }

    /// Asks and reads the whole answer as JSON, all of it within the limit.
    pub(crate) async fn json<T: DeserializeOwned>(&self, doing: &str, ask: Ask) -> Result<T> {
        let text = self.text(doing, ask).await?;
        serde_json::from_slice(&text).map_err(|error| fault::garbled(doing, &error))
    }

    /// Asks and reads the whole answer.
    pub(crate) async fn text(&self, doing: &str, ask: Ask) -> Result<Bytes> {
        let limit = ask.limit;
        let all = async { self.ask_unbounded(doing, ask).await?.read(MAX_ANSWER).await };
        within(limit, doing, all).await
    }

    /// Asks for a sign of life. Tells who gave it, where an engine says that: bollard's own tells
    /// the text alone.
    pub(crate) async fn ping(&self) -> Result<Option<String>> {
        let doing = "answer";
        let ask = async {
            let anybody = Self { version: String::new(), ..self.clone() };
            let request = Ask::get(&["_ping"]).request(doing)?;
            let (response, _) = anybody.good(doing, request, MAX_COMPLAINT).await?;
            let server = response.headers().get(SERVER);
            Ok(server.and_then(|server| server.to_str().ok()).map(str::to_owned))
        };
        within(Some(QUICK), doing, ask).await
    }

    /// Asks for a connection of bytes in both directions.
    pub(crate) async fn upgrade(&self, doing: &str, mut ask: Ask) -> Result<TokioIo<Upgraded>> {
        ask.upgrade = true;
        let limit = ask.limit;
        let upgraded = async {
            let request = ask.request(doing)?;
            let (response, mut connection) = self.send(doing, request, usize::MAX).await?;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Err(complaint(doing, response.into_parts(), connection).await);
            }
            let upgraded = connection.drive(hyper::upgrade::on(response)).await;
            upgraded.map(TokioIo::new).map_err(|error| fault::lost(doing, &error))
        };
        within(limit, doing, upgraded).await
    }

    async fn ask_unbounded(&self, doing: &str, ask: Ask) -> Result<Answer> {
        // Whoever reads it has a bound.
        let (response, connection) = self.good(doing, ask.request(doing)?, usize::MAX).await?;
        let body = response.into_body();
        Ok(Answer { body, doing: doing.to_owned(), connection })
    }

    /// Sends a request, and gives a good answer of at most so many bytes, head and body.
    pub(crate) async fn good(
        &self,
        doing: &str,
        request: Request<Body>,
        most: usize,
    ) -> Result<(Response<Incoming>, Connection)> {
        let (response, connection) = self.send(doing, request, most).await?;
        if !response.status().is_success() && response.status() != StatusCode::NOT_MODIFIED {
            return Err(complaint(doing, response.into_parts(), connection).await);
        }
        Ok((response, connection))
    }

    /// Sends a request whose path has no version yet.
    async fn send(
        &self,
        doing: &str,
        mut request: Request<Body>,
        most: usize,
    ) -> Result<(Response<Incoming>, Connection)> {
        let connect = self.endpoint.connect(self.tls.as_ref());
        let wire = match tokio::time::timeout(CONNECT, connect).await {
            Ok(Ok(wire)) => wire,
            Ok(Err(error)) => return Err(fault::connect(&self.endpoint, &error)),
            Err(_) => return Err(fault::connect_timeout(&self.endpoint, CONNECT)),
        };
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(READ_AHEAD)
            .handshake(TokioIo::new(Bounded::new(wire, most)))
            .await
            .map_err(|error| fault::lost(doing, &error))?;
        // How it ended is told to the reader of the answer.
        let moving = connection.with_upgrades().map(drop).boxed();
        let mut connection = Connection(Some(moving));
        let host = match &self.endpoint {
            Endpoint::Local(_) => "engine".to_owned(),
            Endpoint::Tcp(host, port) => format!("{host}:{port}"),
        };
        let host = HeaderValue::try_from(host).map_err(|error| fault::garbled(doing, &error))?;
        request.headers_mut().insert(HOST, host);
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("{}{path}", self.version)
            .parse()
            .map_err(|error: InvalidUri| fault::garbled(doing, &error))?;
        let response = connection.drive(sender.send_request(request)).await;
        let response = response.map_err(|error| fault::lost(doing, &error))?;
        Ok((response, connection))
    }
}

impl Answer {
    /// The next piece of the body, as it came over the wire. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.connection.drive(self.body.frame()).await {
            let frame = frame.map_err(|error| fault::lost(&self.doing, &error))?;
            match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                // Nothing in it, or trailers, of which these engines send none that matter.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }

    /// What is being done, for faults of what is read.
    pub(crate) fn doing(&self) -> &str {
        &self.doing
    }

    async fn read(mut self, most: usize) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if all.len() + piece.len() > most {
                let message = format!("{}: the answer is longer than {most} bytes", self.doing);
                return Err(Fault::new(FaultKind::Failed, message));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

/// What the engine says about a request that it refused.
async fn complaint(doing: &str, (head, body): (Parts, Incoming), connection: Connection) -> Fault {
    let answer = Answer { body, doing: doing.to_owned(), connection };
    let text = answer.read(MAX_COMPLAINT).await.unwrap_or_default();
    fault::refused(doing, head.status.as_u16(), &fault::message_of(&text))
}

/// Waits for this long, or for ever.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    doing: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match limit {
        None => work.await,
        Some(limit) => match tokio::time::timeout(limit, work).await {
            Ok(done) => done,
            Err(_) => Err(fault::timeout(doing, limit)),
        },
    }
}

/// Writes what may stand in a part of a path or a query as it is, and the rest as `%XX`: no id and
/// no reference can leave its place.
pub(crate) fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_part_leaves_its_place() {
        let ask =
            Ask::get(&["containers", "../a?b#c d%", "json"]).query("f", "{\"a\":[\"b&c=d\"]}");
        assert_eq!(ask.path, "/containers/..%2Fa%3Fb%23c%20d%25/json");
        assert_eq!(ask.query, "?f=%7B%22a%22:%5B%22b%26c%3Dd%22%5D%7D");
    }
}
