//! A played agent and a played person: clients that do what the test tells them to.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tamer_certs::{Credentials, client_config};
use tamer_proto::wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use wire::agent_message::Message as ToCoordinator;
use wire::agent_service_client::AgentServiceClient;
use wire::control_client::ControlClient;
use wire::coordinator_message::Message as FromCoordinator;
use wire::stream_out::Frame;

use crate::support::{Coordinator, facts};

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(20);

/// An agent that does what the test tells it to.
pub struct Agent {
    out: mpsc::Sender<wire::AgentMessage>,
    inbound: Streaming<wire::CoordinatorMessage>,
    /// For the calls beside the session.
    pub calls: AgentServiceClient<Channel>,
}

impl Agent {
    /// Opens a session and says hello.
    pub async fn connect(coordinator: &Coordinator, host: &Credentials) -> Result<Self> {
        Self::connect_with(coordinator, host, None).await
    }

    /// The same, with a journal that holds a task.
    pub async fn connect_with(
        coordinator: &Coordinator,
        host: &Credentials,
        task: Option<&wire::TaskId>,
    ) -> Result<Self> {
        let authority = coordinator.authority()?;
        let channel = coordinator.connect(client_config(authority.trust(), Some(host))?).await?;
        let (out, stream) = mpsc::channel(64);
        let hello = wire::Hello {
            facts: Some(facts()),
            journal: "j-0000000000000000".into(),
            wire_minor: 3,
            held: task.map(held).into_iter().collect(),
            ..Default::default()
        };
        out.send(message(ToCoordinator::Hello(hello))).await?;
        let mut calls = AgentServiceClient::new(channel);
        let inbound = calls.session(ReceiverStream::new(stream)).await?.into_inner();
        let mut agent = Self { out, inbound, calls };
        let FromCoordinator::Welcome(_) = agent.next().await? else { bail!("no welcome") };
        Ok(agent)
    }

    pub async fn say(&self, told: ToCoordinator) -> Result<()> {
        Ok(self.out.send(message(told)).await?)
    }

    /// The next message that is no answer to a heartbeat.
    pub async fn next(&mut self) -> Result<FromCoordinator> {
        loop {
            let message = tokio::time::timeout(LIMIT, self.inbound.message()).await??;
            match message.and_then(|message| message.message).context("the session ended")? {
                FromCoordinator::HeartbeatAck(_) => {}
                message => return Ok(message),
            }
        }
    }

    /// The task that is started next.
    pub async fn started(&mut self) -> Result<wire::TaskId> {
        match self.next().await? {
            FromCoordinator::StartTask(start) => start.task.context("which task"),
            other => bail!("no start: {other:?}"),
        }
    }

    /// Ends a task, and waits until that is stored.
    pub async fn end(
        &mut self,
        task: &wire::TaskId,
        end: wire::TaskEnd,
        stdout: &[u8],
    ) -> Result<()> {
        let kept =
            wire::KeptStream { head: stdout.to_vec(), tail: vec![], total: stdout.len() as u64 };
        let output = wire::KeptOutput { stdout: Some(kept), ..Default::default() };
        let ended =
            wire::TaskEnded { task: Some(task.clone()), end: Some(end), output: Some(output) };
        self.say(ToCoordinator::TaskEnded(ended)).await?;
        loop {
            if let FromCoordinator::EndStored(stored) = self.next().await? {
                anyhow::ensure!(stored.task.as_ref() == Some(task), "{stored:?}");
                return Ok(());
            }
        }
    }

    /// Opens a bulk stream with this ticket.
    pub async fn open(
        &self,
        ticket: &str,
    ) -> Result<(mpsc::Sender<wire::StreamOut>, Streaming<wire::StreamIn>), tonic::Status> {
        let (frames, stream) = mpsc::channel(4);
        frames.try_send(out(Frame::Ticket(ticket.to_owned()))).expect("room");
        let answer = self.calls.clone().bulk(ReceiverStream::new(stream)).await?;
        Ok((frames, answer.into_inner()))
    }
}

pub fn out(frame: Frame) -> wire::StreamOut {
    wire::StreamOut { source: 0, frame: Some(frame) }
}

pub fn end(outcome: wire::Outcome) -> wire::TaskEnd {
    wire::TaskEnd { outcome: outcome.into(), ..Default::default() }
}

fn held(task: &wire::TaskId) -> wire::HeldTask {
    wire::HeldTask { task: Some(task.clone()), ended: false, started_at: Some(1) }
}

fn message(message: ToCoordinator) -> wire::AgentMessage {
    wire::AgentMessage { message: Some(message) }
}

/// A person of the fleet.
pub async fn person(coordinator: &Coordinator) -> Result<ControlClient<Channel>> {
    let authority = coordinator.authority()?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = tamer_model::Timestamp::from_millis(since.as_millis() as u64);
    let user = authority.issue_user_credentials("tester".parse()?, now)?;
    let config = client_config(authority.trust(), Some(&user))?;
    Ok(ControlClient::new(coordinator.connect(config).await?))
}

/// Joins a host.
pub async fn join(
    coordinator: &Coordinator,
    people: &mut ControlClient<Channel>,
    name: &str,
) -> Result<Credentials> {
    let token = people.create_token(wire::CreateTokenRequest::default()).await?.into_inner().token;
    coordinator.join(&token, name).await
}

/// Makes a batch on these hosts; none: on all.
pub async fn batch(
    people: &mut ControlClient<Channel>,
    action: wire::action::Action,
    hosts: &[&str],
    request_id: &str,
) -> Result<wire::Batch, tonic::Status> {
    let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
    let spec = wire::BatchSpec {
        action: Some(wire::Action { action: Some(action) }),
        targets: Some(wire::TargetSpec { hosts, ..Default::default() }),
        ..Default::default()
    };
    let request_id = request_id.to_owned();
    let request = wire::CreateBatchRequest { spec: Some(spec), request_id, ..Default::default() };
    Ok(people.create_batch(request).await?.into_inner())
}
