//! The floor on this machine, measured in the same run: what no placing can be faster than.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use tamer_proto::wire;
use tamer_proto::wire::enrolment_client::EnrolmentClient;
use tamer_proto::wire::enrolment_server::{Enrolment, EnrolmentServer};
use tamer_store::{Commit, EngineKind, Key, Options, Store};
use tamer_tests::bench::median;
use tokio::net::TcpListener;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};

/// Records of one commit: as many as the coordinator puts into one.
const RECORDS: usize = 120;
/// Bytes of a placement's record.
const RECORD: usize = 330;
/// Commits that wait for the disk at once.
const WRITERS: usize = 4;
const TIME: Duration = Duration::from_secs(2);
/// Calls that are under way at once where the rate is measured.
const CALLS: usize = 64;

/// What was measured.
pub struct Floor {
    /// Durable records a second, in commits of 120.
    pub records: f64,
    /// A bare gRPC round trip on the loopback, without TLS, in microseconds.
    pub echo_us: f64,
    /// So many a second, 64 at a time.
    pub echoes: f64,
}

/// Measures it; `folder` is on the disk that the coordinator's store is on.
pub async fn measure(folder: &Path) -> Result<Floor> {
    let store = Store::open(Options::new(folder.join("floor"), EngineKind::Sled)).await?;
    let began = Instant::now();
    let written = try_join_all((0..WRITERS).map(|writer| write(&store, writer))).await?;
    let records = written.iter().sum::<usize>() as f64 / began.elapsed().as_secs_f64();
    store.close().await;
    let (echo_us, echoes) = echo().await?;
    Ok(Floor { records, echo_us, echoes })
}

async fn write(store: &Store, writer: usize) -> Result<usize> {
    let (began, mut written) = (Instant::now(), 0);
    while began.elapsed() < TIME {
        let mut commit = Commit::default();
        for record in written..written + RECORDS {
            let key = Key::new(format!("work/placement/h-{record:026x}/p-{writer:026x}"))?;
            commit = commit.put(key, vec![b'x'; RECORD]);
        }
        store.commit(commit).await?;
        written += RECORDS;
    }
    Ok(written)
}

/// Answers at once with nothing.
struct Bare;

#[tonic::async_trait]
impl Enrolment for Bare {
    async fn enrol(
        &self,
        _: Request<wire::EnrolRequest>,
    ) -> Result<Response<wire::EnrolResponse>, Status> {
        Ok(Response::new(wire::EnrolResponse::default()))
    }
}

async fn echo() -> Result<(f64, f64)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = Server::builder().add_service(EnrolmentServer::new(Bare));
    let serving = tokio::spawn(server.serve_with_incoming(incoming));
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    let mut client = EnrolmentClient::new(channel);
    let mut one = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        client.enrol(wire::EnrolRequest::default()).await?;
        one.push(began.elapsed().as_secs_f64() * 1e6);
    }
    let began = Instant::now();
    let calls = (0..CALLS).map(|_| {
        let mut client = client.clone();
        async move {
            for _ in 0..200 {
                client.enrol(wire::EnrolRequest::default()).await?;
            }
            Ok::<_, Status>(())
        }
    });
    try_join_all(calls).await.context("a bare call")?;
    let rate = (CALLS * 200) as f64 / began.elapsed().as_secs_f64();
    serving.abort();
    Ok((median(one), rate))
}
