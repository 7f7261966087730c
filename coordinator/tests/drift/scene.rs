//! A coordinator, hosts whose agents are a few lines each, and a person who asks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use tamer_certs::{Authority, client_config};
use tamer_drift::tree::{Memory, Nodes as _, Picture};
use tamer_drift::{Digest, Kind, Resource, ResourceKey, Source};
use tamer_model::Problem;
use tamer_proto::{WIRE_MINOR, problem_of, wire};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use wire::agent_message::Message as ToCoordinator;
use wire::agent_service_client::AgentServiceClient;
use wire::control_client::ControlClient;
use wire::coordinator_message::Message as FromCoordinator;
use wire::drift_client::DriftClient;

use crate::support::{Coordinator, facts};

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A coordinator with hosts, their agents, and a person.
pub struct Scene {
    _folder: tempfile::TempDir,
    pub coordinator: Coordinator,
    authority: Authority,
    pub control: ControlClient<Channel>,
    pub drift: DriftClient<Channel>,
}

/// An agent in a session, and what its host holds.
pub struct Agent {
    out: mpsc::Sender<wire::AgentMessage>,
    inbound: Streaming<wire::CoordinatorMessage>,
    pub picture: Picture<Resource>,
    pub nodes: Memory,
    pub epoch: u8,
    pub counter: u64,
    pub sources: Vec<wire::SourceTold>,
    /// How far its clock went ahead since the session began, in milliseconds.
    pub stepped: i64,
    /// The root that its heartbeats say.
    root: watch::Sender<Vec<u8>>,
    heart: JoinHandle<()>,
}

/// What it answers when it is asked for nodes.
#[derive(Debug, Clone, Copy)]
pub enum Answers {
    Truly,
    /// That it has none of them.
    Unknown,
    /// Other bytes.
    Other,
}

/// What became of a picture that was told.
#[derive(Debug)]
pub enum Became {
    Stored,
    Refused(Problem),
    /// It was asked for nodes, and said that it has none.
    Left,
}

impl Scene {
    pub async fn new() -> Result<Self> {
        tamer_certs::install_crypto();
        let folder = tempfile::tempdir()?;
        let coordinator = Coordinator::start(folder.path(), &[])?;
        let authority = coordinator.authority()?;
        let now = tamer_model::Timestamp::from_millis(millis_now());
        let user = authority.issue_user_credentials("ann".parse()?, now)?;
        let config = client_config(authority.trust(), Some(&user))?;
        let channel = coordinator.connect(config).await?;
        let (control, drift) = (ControlClient::new(channel.clone()), DriftClient::new(channel));
        Ok(Self { _folder: folder, coordinator, authority, control, drift })
    }

    /// A host joins, and its agent opens a session.
    pub async fn agent(&mut self, name: &str) -> Result<Agent> {
        let token = self
            .control
            .create_token(wire::CreateTokenRequest::default())
            .await?
            .into_inner()
            .token;
        let credentials = self.coordinator.join(&token, name).await?;
        let config = client_config(self.authority.trust(), Some(&credentials))?;
        Agent::new(self.coordinator.connect(config).await?).await
    }

    /// A host with one agent that holds these packages, and is known.
    pub async fn holding(&mut self, name: &str, packages: &[(&str, &str)]) -> Result<Agent> {
        let mut agent = self.agent(name).await?;
        for (name, version) in packages {
            agent.put(name, version)?;
        }
        agent.tell().await?;
        Ok(agent)
    }

    /// Takes a snapshot of everything.
    pub async fn take(&mut self, name: &str) -> Result<wire::SnapshotView> {
        let request = wire::TakeSnapshotRequest { name: name.to_owned(), ..Default::default() };
        Ok(self.drift.take_snapshot(request).await?.into_inner())
    }

    /// Sets the default baseline to what is known now.
    pub async fn baseline(&mut self) -> Result<wire::BaselineView> {
        Ok(self.drift.set_baseline(wire::SetBaselineRequest::default()).await?.into_inner())
    }

    /// What differs from the default baseline, and its document.
    pub async fn report(&mut self) -> Result<(wire::DriftReport, serde_json::Value)> {
        let report = self.drift.get_drift(wire::GetDriftRequest::default()).await?.into_inner();
        let document = serde_json::from_str(&report.document)?;
        Ok((report, document))
    }

    /// Waits until a report is as it should be.
    pub async fn until(
        &mut self,
        what: &str,
        fits: impl Fn(&wire::DriftReport, &serde_json::Value) -> bool,
    ) -> Result<serde_json::Value> {
        let begun = Instant::now();
        loop {
            let (report, document) = self.report().await?;
            if fits(&report, &document) {
                return Ok(document);
            }
            ensure!(begun.elapsed() < LIMIT, "not {what}: {document:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until something of this sort is in the audit: refusals are written later.
    pub async fn audited(&mut self, what: &str, outcome: &str) -> Result<Vec<wire::AuditRecord>> {
        let begun = Instant::now();
        loop {
            let request = wire::ListAuditRequest { limit: 1000, ..Default::default() };
            let mut records = self.control.list_audit(request).await?.into_inner().records;
            records
                .retain(|one| one.what == what && (one.outcome == "done") == (outcome == "done"));
            if !records.is_empty() {
                return Ok(records);
            }
            ensure!(begun.elapsed() < LIMIT, "no {what} was {outcome}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Agent {
    async fn new(channel: Channel) -> Result<Self> {
        let (out, stream) = mpsc::channel(64);
        let hello = wire::Hello {
            facts: Some(facts()),
            journal: "j-0000000000000000".into(),
            wire_minor: WIRE_MINOR,
            sent_at: millis_now(),
            ..Default::default()
        };
        out.send(say(ToCoordinator::Hello(hello))).await?;
        let mut client = AgentServiceClient::new(channel);
        let mut inbound = client.session(ReceiverStream::new(stream)).await?.into_inner();
        ensure!(inbound.message().await?.is_some(), "no welcome");
        let (root, beats) = watch::channel(Vec::new());
        let heart = tokio::spawn(beat(out.clone(), beats));
        let (picture, nodes, sources) = (Picture::new(), Memory::new(), Vec::new());
        let (epoch, counter, stepped) = (1, 0, 0);
        Ok(Self { out, inbound, picture, nodes, epoch, counter, sources, stepped, root, heart })
    }

    pub fn put(&mut self, name: &str, version: &str) -> Result<()> {
        Ok(self.picture.put(&package(name, version)?)?)
    }

    pub fn remove(&mut self, name: &str) -> Result<()> {
        self.picture.remove(&package(name, "")?.key);
        Ok(())
    }

    /// Tells what its host holds, and answers until that is stored.
    pub async fn tell(&mut self) -> Result<()> {
        match self.offer(Answers::Truly).await? {
            Became::Stored => Ok(()),
            other => bail!("it was not stored: {other:?}"),
        }
    }

    /// Tells what its host holds, and answers so.
    pub async fn offer(&mut self, answers: Answers) -> Result<Became> {
        let commit = self.picture.commit();
        self.nodes.extend(commit.made);
        let resources = self.picture.len();
        self.offer_root(commit.root, resources, answers).await
    }

    /// Tells of a root, whatever is below it.
    pub async fn offer_root(
        &mut self,
        root: Digest,
        resources: u64,
        answers: Answers,
    ) -> Result<Became> {
        self.counter += 1;
        let told = wire::InventoryTold {
            epoch: vec![self.epoch; 16],
            counter: self.counter,
            root: root.as_bytes().to_vec(),
            at: millis_now().saturating_add_signed(self.stepped),
            resources,
            sources: self.sources.clone(),
            ..Default::default()
        };
        self.out.send(say(ToCoordinator::Inventory(told))).await?;
        self.root.send_replace(root.as_bytes().to_vec());
        let settled = tokio::time::timeout(LIMIT, self.settle(answers)).await;
        settled.context("nothing became of the picture in time")?
    }

    async fn settle(&mut self, answers: Answers) -> Result<Became> {
        loop {
            let message = self.inbound.message().await?.context("the session ended")?;
            match message.message {
                Some(FromCoordinator::InventoryWanted(wanted)) => {
                    self.answer(wanted, answers).await?;
                    if matches!(answers, Answers::Unknown) {
                        return Ok(Became::Left);
                    }
                }
                Some(FromCoordinator::InventoryStored(_)) => return Ok(Became::Stored),
                Some(FromCoordinator::InventoryRefused(refused)) => {
                    let problem = refused.problem.context("it says why")?;
                    return Ok(Became::Refused(problem.into()));
                }
                Some(_) | None => {}
            }
        }
    }

    async fn answer(&mut self, wanted: wire::InventoryWanted, answers: Answers) -> Result<()> {
        let mut told = wire::InventoryNodes::default();
        for digest in wanted.digests {
            match answers {
                Answers::Truly => {
                    let digest = Digest::from_bytes(digest.as_slice().try_into()?);
                    let node = self.nodes.node(&digest).context("what it told of is there")?;
                    told.nodes.push(bytes::Bytes::copy_from_slice(&node));
                }
                Answers::Unknown => told.unknown.push(digest),
                Answers::Other => told.nodes.push(bytes::Bytes::from_static(b"\x01\x00\x00")),
            }
        }
        Ok(self.out.send(say(ToCoordinator::InventoryNodes(told))).await?)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

/// A heartbeat each second with the root that was told last.
async fn beat(out: mpsc::Sender<wire::AgentMessage>, root: watch::Receiver<Vec<u8>>) {
    let mut pace = tokio::time::interval(Duration::from_secs(1));
    loop {
        pace.tick().await;
        let beat = wire::Heartbeat { inventory: root.borrow().clone(), ..Default::default() };
        if out.send(say(ToCoordinator::Heartbeat(beat))).await.is_err() {
            return;
        }
    }
}

/// The problem that a call was refused with.
pub fn refused<T: std::fmt::Debug>(answer: Result<tonic::Response<T>, Status>) -> Problem {
    problem_of(&answer.expect_err("it should be refused"))
}

pub fn package(name: &str, version: &str) -> Result<Resource> {
    let key = ResourceKey::new(Source::host(), Kind::Package, name)?;
    Ok(Resource::new(key, name).with("version", version))
}

fn say(message: ToCoordinator) -> wire::AgentMessage {
    wire::AgentMessage { message: Some(message) }
}

pub fn millis_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
