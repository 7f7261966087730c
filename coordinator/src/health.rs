//! The health endpoint: plain HTTP on an address of its own, loopback unless configured, because
//! the one port answers nobody without a certificate.
//!
//! `GET /healthz` is 200 while the process serves; `GET /readyz` is 200 while the store answers.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tamer_store::Store;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Checks at once; a probe needs one.
const CONNECTIONS: usize = 32;
/// How long the store may take to be called ready.
const STORE_ANSWERS: Duration = Duration::from_secs(2);

/// Answers until `stop`.
pub async fn run(listener: TcpListener, store: Store, stop: CancellationToken) {
    let places = std::sync::Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) =
            accepted.inspect_err(|error| warn!(%error, "the health endpoint cannot accept"))
        else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let store = store.clone();
        // Ends with its connection, which may last ten seconds.
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, store.clone()));
            let http = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // What goes wrong on a probe's connection is the probe's to tell.
            let _ = tokio::time::timeout(Duration::from_secs(10), http).await;
            drop(place);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    store: Store,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match request.uri().path() {
        "/healthz" => (StatusCode::OK, "ok\n"),
        "/readyz" => match tokio::time::timeout(STORE_ANSWERS, store.revision()).await {
            Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
            Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
        },
        _ => (StatusCode::NOT_FOUND, "ask for /healthz or /readyz\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    Ok(response)
}
