//! A table of trespassers: every call, with every certificate that somebody might come with.
//!
//! The calls are read from the descriptors that the programs were built from, so a new one without
//! an expectation here fails.

mod support;

use anyhow::{Context, Result, ensure};
use prost::Message;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use support::Coordinator;
use tamer_certs::{Authority, Credentials, HostKey, Trust, client_config};
use tamer_model::{Code, FleetId, HostId, Timestamp};
use tamer_proto::wire;
use tamer_proto::wire::control_client::ControlClient;
use tonic::transport::Channel;

/// What a call is met with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// The handler: it may refuse the empty request, but it saw it.
    Handler,
    /// The access table, with this code.
    Table(Code),
    /// Nothing: there is no connection.
    NoConnection,
}

/// Who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    ForeignHost,
    ForeignUser,
    Host,
    User,
    CoordinatorItself,
    UnknownHost,
    RevokedHost,
    ExpiredHost,
    ExpiredUser,
}

const ALL: [Who; 10] = [
    Who::Nobody,
    Who::ForeignHost,
    Who::ForeignUser,
    Who::Host,
    Who::User,
    Who::CoordinatorItself,
    Who::UnknownHost,
    Who::RevokedHost,
    Who::ExpiredHost,
    Who::ExpiredUser,
];

/// Who a call is for, by its name. A call that is not here has no row, and fails the test.
fn audience(path: &str) -> Option<Who> {
    match path {
        "/tamer.v1.Enrolment/Enrol" => Some(Who::Nobody),
        "/tamer.v1.AgentService/Session"
        | "/tamer.v1.AgentService/Bulk"
        | "/tamer.v1.AgentService/GetTaskContent"
        | "/tamer.v1.AgentService/StatTaskContent"
        | "/tamer.v1.AgentService/PutTaskContent" => Some(Who::Host),
        "/tamer.v1.Control/GetStatus"
        | "/tamer.v1.Control/ListHosts"
        | "/tamer.v1.Control/LabelHost"
        | "/tamer.v1.Control/ApproveHost"
        | "/tamer.v1.Control/RemoveHost"
        | "/tamer.v1.Control/CordonHost"
        | "/tamer.v1.Control/CreateToken"
        | "/tamer.v1.Control/ListTokens"
        | "/tamer.v1.Control/RevokeToken"
        | "/tamer.v1.Control/CreateBatch"
        | "/tamer.v1.Control/ListBatches"
        | "/tamer.v1.Control/GetBatch"
        | "/tamer.v1.Control/ListTasks"
        | "/tamer.v1.Control/WatchBatch"
        | "/tamer.v1.Control/CancelBatch"
        | "/tamer.v1.Control/PreviewBatch"
        | "/tamer.v1.Control/PauseBatch"
        | "/tamer.v1.Control/ResumeBatch"
        | "/tamer.v1.Control/RetryBatch"
        | "/tamer.v1.Control/ReadOutput"
        | "/tamer.v1.Control/StatContent"
        | "/tamer.v1.Control/PutContent"
        | "/tamer.v1.Control/GetFetched"
        | "/tamer.v1.Control/ListInstances"
        | "/tamer.v1.Control/WatchInstances"
        | "/tamer.v1.Control/DescribeInstance"
        | "/tamer.v1.Control/Exec"
        | "/tamer.v1.Control/Logs"
        | "/tamer.v1.Control/Stats"
        | "/tamer.v1.Schedules/CreateSchedule"
        | "/tamer.v1.Schedules/ListSchedules"
        | "/tamer.v1.Schedules/GetSchedule"
        | "/tamer.v1.Schedules/SetScheduleEnabled"
        | "/tamer.v1.Schedules/RemoveSchedule"
        | "/tamer.v1.Schedules/RunScheduleNow"
        | "/tamer.v1.Workloads/PlanWorkloads"
        | "/tamer.v1.Workloads/ApplyWorkloads"
        | "/tamer.v1.Workloads/ListWorkloads"
        | "/tamer.v1.Workloads/GetWorkload"
        | "/tamer.v1.Workloads/ListWorkloadVersions"
        | "/tamer.v1.Workloads/ChangeWorkload"
        | "/tamer.v1.Workloads/Why"
        | "/tamer.v1.Workloads/WatchWorkload"
        | "/tamer.v1.Workloads/ListPlacements"
        | "/tamer.v1.Workloads/PlanRebalance"
        | "/tamer.v1.Workloads/DrainHost"
        | "/tamer.v1.Workloads/WatchDrain"
        | "/tamer.v1.Drift/TakeSnapshot"
        | "/tamer.v1.Drift/ListSnapshots"
        | "/tamer.v1.Drift/ShowSnapshot"
        | "/tamer.v1.Drift/DiffSnapshots"
        | "/tamer.v1.Drift/ExportSnapshot"
        | "/tamer.v1.Drift/ImportSnapshot"
        | "/tamer.v1.Drift/RemoveSnapshot"
        | "/tamer.v1.Drift/VerifySnapshots"
        | "/tamer.v1.Drift/SetBaseline"
        | "/tamer.v1.Drift/ListBaselines"
        | "/tamer.v1.Drift/ShowBaseline"
        | "/tamer.v1.Drift/AcceptDrift"
        | "/tamer.v1.Drift/ClearBaseline"
        | "/tamer.v1.Drift/GetDrift"
        | "/tamer.v1.Drift/WatchDrift"
        | "/tamer.v1.Drift/GetHistory"
        | "/tamer.v1.Drift/PutRule"
        | "/tamer.v1.Drift/ListRules"
        | "/tamer.v1.Drift/RemoveRule"
        | "/tamer.v1.Drift/ReplayRule"
        | "/tamer.v1.Drift/ProposeNoise"
        | "/tamer.v1.Drift/AcknowledgeDrift"
        | "/tamer.v1.Control/ListAudit"
        | "/tamer.v1.Control/TailAudit" => Some(Who::User),
        _ => None,
    }
}

fn expected(who: Who, audience: Who) -> Met {
    match who {
        Who::ForeignHost
        | Who::ForeignUser
        | Who::RevokedHost
        | Who::ExpiredHost
        | Who::ExpiredUser => Met::NoConnection,
        Who::Nobody if audience == Who::Nobody => Met::Handler,
        Who::Nobody => Met::Table(Code::Unauthenticated),
        Who::UnknownHost if audience == Who::User => Met::Table(Code::RoleNotAllowed),
        // The fleet never had it: for the door it is as good as removed.
        Who::UnknownHost => Met::Table(Code::HostRevoked),
        Who::Host | Who::User | Who::CoordinatorItself
            if who == audience || audience == Who::Nobody =>
        {
            Met::Handler
        }
        Who::Host | Who::User | Who::CoordinatorItself => Met::Table(Code::RoleNotAllowed),
    }
}

struct Cast {
    coordinator: Coordinator,
    trust: Trust,
    host: Credentials,
    revoked: Credentials,
    unknown: Credentials,
    user: Credentials,
    itself: Credentials,
    foreign_host: Credentials,
    foreign_user: Credentials,
    expired_host: Credentials,
    expired_user: Credentials,
}

fn now() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as u64)
}

fn host_of(authority: &Authority, id: HostId, at: Timestamp) -> Result<Credentials> {
    let key = HostKey::generate()?;
    let issued = authority.issue_host(&key.csr_der()?, id, at)?;
    Ok(Credentials::new(issued.chain, key)?)
}

impl Cast {
    async fn assemble(dir: &std::path::Path) -> Result<Self> {
        tamer_certs::install_crypto();
        let coordinator = Coordinator::start(dir, &[])?;
        let authority = coordinator.authority()?;
        let trust = authority.trust().clone();
        let long_ago = Timestamp::from_millis(now().as_millis() - 3 * 365 * 24 * 3_600_000);
        // An authority whose time had begun then: validity is of the certificate, not of the key.
        let user = authority.issue_user_credentials("admin".parse()?, now())?;
        let mut control =
            ControlClient::new(coordinator.connect(client_config(&trust, Some(&user))?).await?);
        let token = control
            .create_token(wire::CreateTokenRequest { uses: 2, ..Default::default() })
            .await?;
        let token = token.into_inner().token;
        let host = coordinator.join(&token, "web").await?;
        let revoked = coordinator.join(&token, "web").await?;
        let on = revoked.identity().role.to_string().replace("host/", "");
        control.remove_host(wire::RemoveHostRequest { host: on }).await?;
        let foreign = Authority::create(FleetId::from_bytes([9; 10]), now())?;
        let id = HostId::from_bytes([7; 10]);
        Ok(Self {
            unknown: host_of(&authority, id, now())?,
            itself: authority
                .issue_coordinator(tamer_model::CoordinatorId::from_bytes([3; 10]), now())?,
            foreign_host: host_of(&foreign, id, now())?,
            foreign_user: foreign.issue_user_credentials("admin".parse()?, now())?,
            expired_host: host_of(&authority, id, long_ago)?,
            expired_user: authority.issue_user_credentials("admin".parse()?, long_ago)?,
            coordinator,
            trust,
            host,
            revoked,
            user,
        })
    }

    fn credentials(&self, who: Who) -> Option<&Credentials> {
        match who {
            Who::Nobody => None,
            Who::ForeignHost => Some(&self.foreign_host),
            Who::ForeignUser => Some(&self.foreign_user),
            Who::Host => Some(&self.host),
            Who::User => Some(&self.user),
            Who::CoordinatorItself => Some(&self.itself),
            Who::UnknownHost => Some(&self.unknown),
            Who::RevokedHost => Some(&self.revoked),
            Who::ExpiredHost => Some(&self.expired_host),
            Who::ExpiredUser => Some(&self.expired_user),
        }
    }

    async fn meet(&self, who: Who, path: &str) -> Result<Met> {
        let config = impostor(&self.trust, self.credentials(who))?;
        let Ok(channel) = self.coordinator.connect(config).await else {
            return Ok(Met::NoConnection);
        };
        Ok(call(channel, path).await)
    }
}

/// TLS settings of somebody who shows whatever certificate it has; ours would refuse to.
fn impostor(trust: &Trust, credentials: Option<&Credentials>) -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trust.der().clone())?;
    let builder = rustls::ClientConfig::builder().with_root_certificates(roots);
    let mut config = match credentials {
        None => builder.with_no_client_auth(),
        Some(credentials) => {
            let key = PrivateKeyDer::from_pem_slice(credentials.key().to_pem().as_bytes())?;
            builder.with_client_auth_cert(credentials.chain().to_vec(), key)?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Sends one empty message, as any call allows, and looks at what comes first.
async fn call(channel: Channel, path: &str) -> Met {
    let mut client = tonic::client::Grpc::new(channel);
    if client.ready().await.is_err() {
        return Met::NoConnection;
    }
    let codec = tonic_prost::ProstCodec::<wire::GetStatusRequest, wire::Snapshotted>::default();
    let path = http::uri::PathAndQuery::try_from(path).expect("a path");
    let request = tonic::Request::new(tokio_stream::once(wire::GetStatusRequest {}));
    let first = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        match client.streaming(request, path, codec).await {
            Ok(response) => response.into_inner().message().await.err(),
            Err(status) => Some(status),
        }
    });
    match first.await {
        // A stream that has nothing to tell yet was let in.
        Err(_) | Ok(None) => Met::Handler,
        Ok(Some(status)) => match tamer_proto::problem_of(&status).code {
            code @ (Code::Unauthenticated
            | Code::RoleNotAllowed
            | Code::HostRevoked
            | Code::CertificateExpired) => Met::Table(code),
            Code::Unreachable => Met::NoConnection,
            _ => Met::Handler,
        },
    }
}

/// What is needed of a `FileDescriptorSet` (descriptor.proto) to name all calls.
#[derive(Message)]
struct Set {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}
#[derive(Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
}
#[derive(Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    method: Vec<Method>,
}
#[derive(Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
}

fn calls() -> Result<Vec<String>> {
    let set = Set::decode(wire::DESCRIPTORS).context("descriptors")?;
    let mut calls = Vec::new();
    for file in set.file {
        for service in file.service {
            calls.extend(
                service
                    .method
                    .iter()
                    .map(|m| format!("/{}.{}/{}", file.package, service.name, m.name)),
            );
        }
    }
    Ok(calls)
}

#[tokio::test]
async fn every_call_answers_those_it_is_for() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let cast = Cast::assemble(dir.path()).await?;
    let calls = calls()?;
    ensure!(calls.len() > 10, "the descriptors name {} calls", calls.len());
    let mut wrong = Vec::new();
    for path in &calls {
        let audience =
            audience(path).with_context(|| format!("{path} has no row in this table"))?;
        for who in ALL {
            let (met, wanted) = (cast.meet(who, path).await?, expected(who, audience));
            if met != wanted {
                wrong.push(format!("{who:?} calls {path}: met {met:?}, not {wanted:?}"));
            }
        }
    }
    // What is not a call answers nobody, and tells a stranger nothing.
    let unknown = cast.meet(Who::Nobody, "/tamer.v1.Control/Nothing").await?;
    ensure!(unknown == Met::Table(Code::Unauthenticated), "an unknown call met {unknown:?}");
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
