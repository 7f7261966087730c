//! The way to the coordinator: a context's addresses tried side by side, then the local network,
//! and TLS that accepts this fleet's coordinators alone. Nobody else opens a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tamer_certs::{Credentials, SERVER_NAME, Trust, client_config};
use tamer_discovery::{Interfaces, Wanted};
use tamer_model::{Code, Problem};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::api::Api;
use crate::context::Context;
use crate::errors::{of_tls, tls_error};

/// How long all addresses together may take.
const DIAL_LIMIT: Duration = Duration::from_secs(3);
/// How long one address has for itself before the next one is tried beside it (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);
/// How long to look around on the local network.
const DISCOVERY_LIMIT: Duration = Duration::from_secs(2);
/// A call that has no answer after this long has failed; a stream's answer is its beginning.
const CALL_LIMIT: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_LIMIT: Duration = Duration::from_secs(5);

type Stream = TlsStream<TcpStream>;

/// Connects to the coordinator of `context`.
pub async fn connect(context: &Context) -> Result<Api, Problem> {
    connect_within(context, CALL_LIMIT).await
}

/// The same for calls that may take longer, for all that is sent comes before their answer.
pub async fn connect_within(context: &Context, limit: Duration) -> Result<Api, Problem> {
    let trust = trust(context)?;
    let tls = Arc::new(tls(context, &trust)?);
    let (stream, address) = match race(&context.addresses, &tls).await {
        Ok(won) => won,
        Err(refusal) if refusal.code != Code::Unreachable => return Err(refusal),
        Err(refusal) => {
            let found = discover(&trust).await;
            match race(&found, &tls).await {
                Ok(won) => won,
                Err(_) => return Err(unreachable(context, &refusal, &found)),
            }
        }
    };
    let channel = channel(stream, limit).await?;
    Ok(Api::new(channel, address))
}

/// Whether the certificates and the key of `context` can be used; the fleet they are of.
pub fn check(context: &Context) -> Result<String, Problem> {
    let trust = trust(context)?;
    tls(context, &trust)?;
    Ok(trust.fleet().to_string())
}

/// Dials `addresses` in order, each with a head start over the next; the first that shakes hands
/// wins. A refused identity is worth more as an answer than a closed port.
async fn race(addresses: &[String], tls: &Arc<ClientConfig>) -> Result<(Stream, String), Problem> {
    let mut dialling = FuturesUnordered::new();
    let mut waiting = addresses.iter();
    let mut refusals: Vec<Problem> = Vec::new();
    let limit = sleep(DIAL_LIMIT);
    tokio::pin!(limit);
    loop {
        if dialling.is_empty() {
            let Some(address) = waiting.next() else { break };
            dialling.push(dial(address, tls));
        }
        tokio::select! {
            Some((address, outcome)) = dialling.next() => match outcome {
                Ok(stream) => return Ok((stream, address)),
                Err(problem) => refusals.push(problem),
            },
            () = sleep(HEAD_START), if waiting.len() > 0 => {
                dialling.extend(waiting.next().map(|address| dial(address, tls)));
            }
            () = &mut limit => {
                let seconds = DIAL_LIMIT.as_secs();
                refusals.push(Problem::new(Code::Unreachable, format!("no answer within {seconds} s")));
                break;
            }
        }
    }
    let (closed, told): (Vec<_>, Vec<_>) =
        refusals.into_iter().partition(|problem| problem.code == Code::Unreachable);
    if let Some(problem) = told.into_iter().next() {
        return Err(problem);
    }
    let reasons: Vec<_> = closed.into_iter().map(|problem| problem.message).collect();
    Err(Problem::new(Code::Unreachable, reasons.join("; ")))
}

async fn dial(address: &str, tls: &Arc<ClientConfig>) -> (String, Result<Stream, Problem>) {
    let outcome = handshake(address, tls).await.map_err(|error| match tls_error(&error) {
        Some(tls) => of_tls(tls),
        None => Problem::new(Code::Unreachable, format!("{address}: {error}")),
    });
    (address.to_owned(), outcome)
}

async fn handshake(address: &str, tls: &Arc<ClientConfig>) -> io::Result<Stream> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from(SERVER_NAME).map_err(io::Error::other)?;
    TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await
}

/// Where the local network says that this fleet's coordinators are. Candidates, never an answer:
/// the handshake decides.
async fn discover(trust: &Trust) -> Vec<String> {
    let wanted = Wanted { fleet: Some(trust.fleet()), ca: Some(trust.fingerprint()) };
    let search = tamer_discovery::find(Interfaces::default(), wanted, DISCOVERY_LIMIT);
    let found = timeout(DISCOVERY_LIMIT * 2, search).await;
    // A machine without multicast has no coordinators to be found on it.
    let Ok(Ok(found)) = found else { return Vec::new() };
    let fits = found.into_iter().filter(|found| wanted.fits(found));
    fits.flat_map(|found| found.addresses).map(|address: SocketAddr| address.to_string()).collect()
}

/// Speaks HTTP/2 over `stream`. The channel never dials again: who lost it asks for a new one,
/// and tells the user.
async fn channel(stream: Stream, limit: Duration) -> Result<Channel, Problem> {
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = stream.take();
        async move { stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    Endpoint::from_static("http://coordinator.tamer")
        .timeout(limit)
        .http2_keep_alive_interval(KEEPALIVE_EVERY)
        .keep_alive_timeout(KEEPALIVE_LIMIT)
        .connect_with_connector(connector)
        .await
        .map_err(|error| match tls_error(&error) {
            Some(tls) => of_tls(tls),
            None => Problem::new(Code::Unreachable, "the coordinator closed the connection"),
        })
}

fn trust(context: &Context) -> Result<Trust, Problem> {
    Trust::from_pem(&context.ca).map_err(|error| unusable("ca", &error))
}

fn tls(context: &Context, trust: &Trust) -> Result<ClientConfig, Problem> {
    let pem = format!("{}\n{}", context.key.reveal(), context.certificate);
    let credentials =
        Credentials::from_pem(&pem).map_err(|error| unusable("certificate", &error))?;
    let mut tls = client_config(trust, Some(&credentials))
        .map_err(|error| unusable("certificate", &error))?;
    if tls.alpn_protocols.is_empty() {
        tls.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(tls)
}

fn unusable(field: &str, error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::ConfigInvalid, format!("the context cannot be used: {error}"))
        .on(field)
        .remedy("ask an administrator of the fleet for a new context file, and import it")
}

fn unreachable(context: &Context, refusal: &Problem, found: &[String]) -> Problem {
    let message = format!("cannot reach the coordinator of {}: {}", context.name, refusal.message);
    let around = match found.is_empty() {
        true => "nothing was found on the local network either",
        false => "what the local network offered did not answer either",
    };
    Problem::new(Code::Unreachable, message).remedy(format!(
        "check that tamer-coordinator runs and that its port is open ({around}); `tamerctl context ls` shows the other fleets you can use"
    ))
}
