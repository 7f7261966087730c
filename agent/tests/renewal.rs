//! The whole agent against a coordinator that does only what a certificate's life needs: real TLS,
//! real certificates that live for seconds, no mocks of either side's code.

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tamer_certs::{Authority, Lifetimes, PeerIdentity};
use tamer_model::{Fingerprint, Timestamp};
use tamer_proto::wire::agent_message::Message as Said;
use tamer_proto::wire::coordinator_message::Message;
use tamer_proto::wire::{self, agent_service_server, enrolment_server};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use support::{Fleet, Shown, configuration, now};

const LIMIT: Duration = Duration::from_secs(30);

/// How the coordinator treats renewals.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// It issues, and takes what it issued.
    Good,
    /// It issues, and refuses sessions with any key but the first.
    RefusesNext,
    /// It answers no renewal, and closes sessions after the certificate's end.
    LetsExpire,
}

/// What it saw.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Enrolled { key: Fingerprint, with_token: bool },
    Session { key: Fingerprint },
    RefusedSession,
}

#[derive(Clone)]
struct Coordinator {
    authority: Arc<Authority>,
    manner: Manner,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Coordinator {
    fn note(&self, seen: Seen) {
        self.seen.lock().expect("no panic").push(seen);
    }

    fn all(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    fn issue(&self, csr: &[u8]) -> Vec<Vec<u8>> {
        support::issue(&self.authority, csr)
    }
}

#[tonic::async_trait]
impl enrolment_server::Enrolment for Coordinator {
    async fn enrol(
        &self,
        request: Request<wire::EnrolRequest>,
    ) -> Result<Response<wire::EnrolResponse>, Status> {
        let request = request.into_inner();
        let key = tamer_certs::csr_key_fingerprint(&request.csr).expect("a request");
        self.note(Seen::Enrolled { key, with_token: !request.token_id.is_empty() });
        let issued = wire::Issued { chain: self.issue(&request.csr), ..Default::default() };
        let result = Some(wire::enrol_response::Result::Issued(issued));
        Ok(Response::new(wire::EnrolResponse { result }))
    }
}

#[tonic::async_trait]
impl agent_service_server::AgentService for Coordinator {
    type SessionStream = ReceiverStream<Result<wire::CoordinatorMessage, Status>>;
    type BulkStream = ReceiverStream<Result<wire::StreamIn, Status>>;
    type GetTaskContentStream = ReceiverStream<Result<wire::ContentChunk, Status>>;

    async fn get_task_content(
        &self,
        _: Request<wire::GetTaskContentRequest>,
    ) -> Result<Response<Self::GetTaskContentStream>, Status> {
        Err(Status::unimplemented("no task of this test needs a content"))
    }

    async fn stat_task_content(
        &self,
        _: Request<wire::StatTaskContentRequest>,
    ) -> Result<Response<wire::StatContentResponse>, Status> {
        Err(Status::unimplemented("no task of this test brings a file"))
    }

    async fn put_task_content(
        &self,
        _: Request<Streaming<wire::PutTaskContentRequest>>,
    ) -> Result<Response<wire::StatContentResponse>, Status> {
        Err(Status::unimplemented("no task of this test brings a file"))
    }

    async fn bulk(
        &self,
        _: Request<Streaming<wire::StreamOut>>,
    ) -> Result<Response<Self::BulkStream>, Status> {
        Err(Status::unimplemented("nobody asked for a stream"))
    }

    async fn session(
        &self,
        request: Request<Streaming<wire::AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let shown = request.extensions().get::<Shown>().and_then(|shown| shown.0.clone());
        let certificate = shown.ok_or_else(|| Status::unauthenticated("none"))?;
        let peer = PeerIdentity::from_der(&certificate).expect("ours");
        let first = self.all().into_iter().find_map(|seen| match seen {
            Seen::Enrolled { key, .. } => Some(key),
            _ => None,
        });
        if self.manner == Manner::RefusesNext && first != Some(peer.key) {
            self.note(Seen::RefusedSession);
            return Err(Status::unauthenticated("the certificate is refused"));
        }
        self.note(Seen::Session { key: peer.key });
        let (answers, out) = mpsc::channel(8);
        tokio::spawn(self.clone().converse(request.into_inner(), answers, peer.not_after));
        Ok(Response::new(ReceiverStream::new(out)))
    }
}

impl Coordinator {
    async fn converse(
        self,
        mut said: Streaming<wire::AgentMessage>,
        answers: mpsc::Sender<Result<wire::CoordinatorMessage, Status>>,
        certificate_ends: Timestamp,
    ) {
        while let Ok(Some(message)) = said.message().await {
            let answer = match message.message {
                Some(Said::Hello(_)) => Message::Welcome(wire::Welcome {
                    heartbeat_ms: 100,
                    silence_ms: 2000,
                    sent_at: now().as_millis(),
                    ..Default::default()
                }),
                Some(Said::Heartbeat(beat)) => {
                    if self.manner == Manner::LetsExpire && now() > certificate_ends {
                        return;
                    }
                    Message::HeartbeatAck(wire::HeartbeatAck { sequence: beat.sequence })
                }
                Some(Said::Renew(renew)) if self.manner != Manner::LetsExpire => {
                    let chain = self.issue(&renew.csr);
                    Message::Certificate(wire::CertificateIssued { chain })
                }
                _ => continue,
            };
            if answers.send(Ok(wire::CoordinatorMessage { message: Some(answer) })).await.is_err() {
                return;
            }
        }
    }
}

/// Serves on a port of its own and runs an agent that joins with a token.
async fn begin(manner: Manner, data: &Path) -> Coordinator {
    let lifetimes = Lifetimes { host: Duration::from_secs(4), ..Lifetimes::default() };
    let fleet = Fleet::new(lifetimes);
    let authority = fleet.authority.clone();
    let coordinator = Coordinator { authority, manner, seen: Arc::default() };
    let (address, incoming) = fleet.listen().await;
    let routes = tonic::transport::Server::builder()
        .add_service(enrolment_server::EnrolmentServer::new(coordinator.clone()))
        .add_service(agent_service_server::AgentServiceServer::new(coordinator.clone()));
    tokio::spawn(routes.serve_with_incoming(incoming));
    let config = configuration(fleet.variables(data, &address));
    tokio::spawn(async move {
        let ended = tamer_agent::run::run(config, Vec::new(), std::future::pending()).await;
        panic!("the agent ended: {ended:?}");
    });
    coordinator
}

/// Waits until what was seen satisfies `test`, and returns it.
async fn until(coordinator: &Coordinator, test: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
    let begin = std::time::Instant::now();
    loop {
        let seen = coordinator.all();
        if test(&seen) {
            return seen;
        }
        assert!(begin.elapsed() < LIMIT, "{seen:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn sessions(seen: &[Seen]) -> Vec<Fingerprint> {
    let key = |seen: &Seen| match seen {
        Seen::Session { key } => Some(*key),
        _ => None,
    };
    seen.iter().filter_map(key).collect()
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_kept() {
    let temp = tempfile::tempdir().expect("a folder");
    let coordinator = begin(Manner::Good, temp.path()).await;
    let seen = until(&coordinator, |seen| sessions(seen).len() >= 3).await;
    let keys = sessions(&seen);
    assert!(keys[0] != keys[1] && keys[1] != keys[2], "each renewal has a key of its own");
    let enrolled = seen.iter().filter(|seen| matches!(seen, Seen::Enrolled { .. })).count();
    assert_eq!(enrolled, 1);
    let current = tamer_certs::Credentials::load(&temp.path().join("identity.pem"));
    let kept = current.expect("an identity").peer().key;
    assert!(keys[1..].contains(&kept), "what worked is kept");
}

#[tokio::test]
async fn a_renewed_certificate_that_is_refused_gives_way_to_the_old_one() {
    let temp = tempfile::tempdir().expect("a folder");
    let coordinator = begin(Manner::RefusesNext, temp.path()).await;
    let back = |seen: &[Seen]| sessions(seen).len() >= 2 && seen.contains(&Seen::RefusedSession);
    let keys = sessions(&until(&coordinator, back).await);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_certificate_that_ran_out_is_issued_anew_for_its_key() {
    let temp = tempfile::tempdir().expect("a folder");
    let coordinator = begin(Manner::LetsExpire, temp.path()).await;
    let again = |seen: &[Seen]| sessions(seen).len() >= 2;
    let seen = until(&coordinator, again).await;
    let enrolled: Vec<_> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Enrolled { key, with_token } => Some((*key, *with_token)),
            _ => None,
        })
        .collect();
    assert_eq!(enrolled, [(enrolled[0].0, true), (enrolled[0].0, false)]);
}
