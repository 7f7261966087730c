//! Drift: a real coordinator, a played agent, and a person who asks.

mod support;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use support::Coordinator;
use tamer_certs::{Credentials, HostKey, client_config};
use tamer_drift::tree::{Memory, Nodes as _, Picture};
use tamer_drift::{Digest, Kind, Resource, ResourceKey, Source};
use tamer_proto::{WIRE_MINOR, problem_of, wire};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use wire::agent_message::Message as ToCoordinator;
use wire::agent_service_client::AgentServiceClient;
use wire::control_client::ControlClient;
use wire::coordinator_message::Message as FromCoordinator;
use wire::drift_client::DriftClient;

const LIMIT: Duration = Duration::from_secs(30);

/// A coordinator with one host, its agent, and a person.
struct Scene {
    _folder: tempfile::TempDir,
    _coordinator: Coordinator,
    control: ControlClient<Channel>,
    drift: DriftClient<Channel>,
    agent: Agent,
}

struct Agent {
    out: mpsc::Sender<wire::AgentMessage>,
    inbound: Streaming<wire::CoordinatorMessage>,
    picture: Picture<Resource>,
    nodes: Memory,
    counter: u64,
}

#[tokio::test]
async fn a_person_keeps_compares_accepts_and_is_audited() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.agent.put("openssl", "3.0.11")?;
    scene.agent.put("curl", "8")?;
    scene.agent.tell().await?;
    let taken = wire::TakeSnapshotRequest {
        name: "monday".to_owned(),
        tags: [("env".to_owned(), "prod".to_owned())].into(),
        request_id: "r-1".to_owned(),
        ..Default::default()
    };
    let snapshot = scene.drift.take_snapshot(taken.clone()).await?.into_inner();
    ensure!((snapshot.hosts, snapshot.resources) == (1, 2), "{snapshot:#?}");
    let again = scene.drift.take_snapshot(taken).await?.into_inner();
    ensure!(again.id == snapshot.id, "the same request takes one");

    let set = wire::SetBaselineRequest { snapshot: "monday".to_owned(), ..Default::default() };
    let baseline = scene.drift.set_baseline(set).await?.into_inner();
    ensure!((baseline.name.as_str(), baseline.version) == ("default", 1), "{baseline:#?}");
    let report = scene.drift.get_drift(wire::GetDriftRequest::default()).await?.into_inner();
    ensure!(!report.drift && report.observed, "{}", report.document);

    let watch = scene.drift.watch_drift(wire::GetDriftRequest::default()).await?;
    let mut watch = watch.into_inner();
    let first = watch.message().await?.context("the set as it stands")?;
    ensure!(first.new.is_empty() && first.observed, "{first:#?}");
    scene.agent.put("openssl", "3.0.14")?;
    scene.agent.tell().await?;
    let alarm = tokio::time::timeout(LIMIT, watch.message()).await??.context("an alarm")?;
    ensure!(alarm.new.len() == 1 && alarm.gone.is_empty(), "{alarm:#?}");

    let finding = alarm.new[0].clone();
    let asked = wire::GetDriftRequest { finding: finding.clone(), ..Default::default() };
    let report = scene.drift.get_drift(asked).await?.into_inner();
    ensure!(report.drift && report.findings == 1, "{}", report.document);
    let document: serde_json::Value = serde_json::from_str(&report.document)?;
    ensure!(document["findings"][0]["name"] == "openssl", "{document:#}");
    let history = wire::GetHistoryRequest {
        host: "one".to_owned(),
        resource: "package/openssl".to_owned(),
        ..Default::default()
    };
    let history = scene.drift.get_history(history).await?.into_inner();
    ensure!(history.entries.len() == 1 && history.entries[0].changed == 1, "{history:#?}");

    let accept = wire::AcceptDriftRequest {
        findings: vec![finding],
        note: "the update of tuesday".to_owned(),
        expected: 1,
        ..Default::default()
    };
    let unsaid = wire::AcceptDriftRequest { note: " ".to_owned(), ..accept.clone() };
    let refused = problem_of(&scene.drift.accept_drift(unsaid).await.expect_err("no note"));
    ensure!(refused.field.as_deref() == Some("note"), "{refused:?}");
    let accepted = scene.drift.accept_drift(accept).await?.into_inner();
    ensure!((accepted.version, accepted.before) == (2, 1), "{accepted:#?}");
    let gone = tokio::time::timeout(LIMIT, watch.message()).await??.context("an alarm")?;
    ensure!(gone.gone.len() == 1 && gone.new.is_empty(), "{gone:#?}");

    let refused = wire::RemoveSnapshotRequest { snapshot: "monday".to_owned() };
    let refused = scene.drift.remove_snapshot(refused).await.expect_err("a baseline needs it");
    ensure!(problem_of(&refused).code.as_str() == "wrong-state", "{refused}");
    let verified = scene.drift.verify_snapshots(wire::VerifySnapshotsRequest::default()).await?;
    let verified = verified.into_inner();
    ensure!(verified.damage.is_empty() && verified.snapshots == 2, "{verified:#?}");
    for what in ["snapshot.take", "baseline.set", "baseline.accept"] {
        let found = scene.audited(what, "done").await?;
        ensure!(found.iter().all(|record| record.who == "user/ann"), "{found:#?}");
    }
    scene.audited("baseline.accept", "refused").await?;
    scene.audited("snapshot.rm", "refused").await?;
    Ok(())
}

#[tokio::test]
async fn a_snapshot_goes_out_and_comes_in_over_the_wire() -> Result<()> {
    let mut scene = Scene::new().await?;
    for number in 0..2_000 {
        scene.agent.put(&format!("package-{number}"), "1")?;
    }
    scene.agent.tell().await?;
    let taken = wire::TakeSnapshotRequest { name: "s".to_owned(), ..Default::default() };
    let taken = scene.drift.take_snapshot(taken).await?.into_inner();
    let export = wire::ExportSnapshotRequest { snapshot: "s".to_owned() };
    let mut pieces = scene.drift.export_snapshot(export).await?.into_inner();
    let open = wire::ImportSnapshotOpen { name: "back".to_owned() };
    let frame = |frame| wire::ImportSnapshotRequest { frame: Some(frame) };
    let mut messages = vec![frame(wire::import_snapshot_request::Frame::Open(open))];
    while let Some(piece) = pieces.message().await? {
        messages.push(frame(wire::import_snapshot_request::Frame::Piece(piece)));
    }
    ensure!(messages.len() > 2, "it comes in pieces");
    let whole = tokio_stream::iter(messages.clone());
    let back = scene.drift.import_snapshot(whole).await?.into_inner();
    ensure!(back.imported && back.root == taken.root, "{back:#?}");
    messages.pop();
    let cut = scene.drift.import_snapshot(tokio_stream::iter(messages)).await;
    ensure!(cut.is_err(), "a file without its end was cut");
    let shown = wire::ShowSnapshotRequest {
        snapshot: "back".to_owned(),
        host: "one".to_owned(),
        page_size: 1_500,
        ..Default::default()
    };
    let first = scene.drift.show_snapshot(shown.clone()).await?.into_inner();
    let rest = wire::ShowSnapshotRequest { page_token: first.next_page_token, ..shown };
    let rest = scene.drift.show_snapshot(rest).await?.into_inner();
    ensure!((first.resources.len(), rest.resources.len()) == (1_500, 500));
    ensure!(rest.next_page_token.is_empty());
    Ok(())
}

impl Scene {
    async fn new() -> Result<Self> {
        tamer_certs::install_crypto();
        let folder = tempfile::tempdir()?;
        let coordinator = Coordinator::start(folder.path(), &[])?;
        let authority = coordinator.authority()?;
        let now = tamer_model::Timestamp::from_millis(millis_now());
        let user = authority.issue_user_credentials("ann".parse()?, now)?;
        let config = client_config(authority.trust(), Some(&user))?;
        let channel = coordinator.connect(config).await?;
        let mut control = ControlClient::new(channel.clone());
        let credentials = join(&coordinator, &mut control, "one").await?;
        let config = client_config(authority.trust(), Some(&credentials))?;
        let agent = Agent::new(coordinator.connect(config).await?).await?;
        let drift = DriftClient::new(channel);
        Ok(Self { _folder: folder, _coordinator: coordinator, control, drift, agent })
    }

    /// Waits until something of this sort is in the audit: refusals are written later.
    async fn audited(&mut self, what: &str, outcome: &str) -> Result<Vec<wire::AuditRecord>> {
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
        let (picture, nodes) = (Picture::new(), Memory::new());
        Ok(Self { out, inbound, picture, nodes, counter: 0 })
    }

    fn put(&mut self, name: &str, version: &str) -> Result<()> {
        let key = ResourceKey::new(Source::host(), Kind::Package, name)?;
        Ok(self.picture.put(&Resource::new(key, name).with("version", version))?)
    }

    /// Tells what its host holds, and answers until that is stored.
    async fn tell(&mut self) -> Result<()> {
        let commit = self.picture.commit();
        self.nodes.extend(commit.made);
        self.counter += 1;
        let told = wire::InventoryTold {
            epoch: vec![1; 16],
            counter: self.counter,
            root: commit.root.as_bytes().to_vec(),
            at: millis_now(),
            resources: self.picture.len(),
            ..Default::default()
        };
        self.out.send(say(ToCoordinator::Inventory(told))).await?;
        let mut beat = tokio::time::interval(Duration::from_secs(1));
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            let message = tokio::select! {
                _ = beat.tick() => {
                    let beat = wire::Heartbeat { inventory: commit.root.as_bytes().to_vec(), ..Default::default() };
                    self.out.send(say(ToCoordinator::Heartbeat(beat))).await?;
                    continue;
                }
                message = self.inbound.message() => message?,
            };
            match message.and_then(|message| message.message) {
                Some(FromCoordinator::InventoryWanted(wanted)) => self.answer(wanted).await?,
                Some(FromCoordinator::InventoryStored(_)) => return Ok(()),
                Some(FromCoordinator::InventoryRefused(refused)) => bail!("refused: {refused:?}"),
                Some(_) => {}
                None => bail!("the session ended"),
            }
        }
        bail!("the picture was not stored in time")
    }

    async fn answer(&mut self, wanted: wire::InventoryWanted) -> Result<()> {
        let mut nodes = Vec::new();
        for digest in wanted.digests {
            let digest = Digest::from_bytes(digest.as_slice().try_into()?);
            let node = self.nodes.node(&digest).context("what it told of is there")?;
            nodes.push(bytes::Bytes::copy_from_slice(&node));
        }
        let told = wire::InventoryNodes { nodes, unknown: Vec::new() };
        Ok(self.out.send(say(ToCoordinator::InventoryNodes(told))).await?)
    }
}

async fn join(
    coordinator: &Coordinator,
    people: &mut ControlClient<Channel>,
    name: &str,
) -> Result<Credentials> {
    let token = people.create_token(wire::CreateTokenRequest::default()).await?.into_inner().token;
    let token: tamer_certs::JoinToken = token.parse()?;
    let key = HostKey::generate()?;
    let request = wire::EnrolRequest {
        csr: key.csr_der()?,
        token_id: token.id.to_string(),
        token_secret: token.secret.expose().to_vec(),
        name: name.into(),
        facts: Some(facts()),
        ..Default::default()
    };
    let (config, _) = tamer_certs::pinned_client_config(token.ca);
    let channel = coordinator.connect(config).await?;
    let mut client = wire::enrolment_client::EnrolmentClient::new(channel);
    let Some(wire::enrol_response::Result::Issued(issued)) =
        client.enrol(request).await?.into_inner().result
    else {
        bail!("not issued")
    };
    Ok(Credentials::from_der(&issued.chain[..1], key)?)
}

fn say(message: ToCoordinator) -> wire::AgentMessage {
    wire::AgentMessage { message: Some(message) }
}

fn facts() -> wire::Facts {
    wire::Facts { os: "linux".into(), cpus: 4, memory_bytes: 8 << 30, ..Default::default() }
}

fn millis_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
