//! A coordinator with some hosts, two people, and agents that keep what they are told to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use tamer_certs::{Credentials, client_config};
use tamer_proto::{problem_of, wire};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use wire::agent_message::Message as ToCoordinator;
use wire::agent_service_client::AgentServiceClient;
use wire::change_workload_request::Change;
use wire::control_client::ControlClient;
use wire::coordinator_message::Message as FromCoordinator;
use wire::workloads_client::WorkloadsClient;

use crate::support::{Coordinator, facts};

pub const LIMIT: Duration = Duration::from_secs(20);

pub type Answer<T> = Result<T, tonic::Status>;

/// A coordinator, and who asks it.
pub struct Scene {
    _folder: tempfile::TempDir,
    coordinator: Coordinator,
    pub control: ControlClient<Channel>,
    pub ann: Person,
    pub bob: Person,
    hosts: BTreeMap<String, Credentials>,
}

/// Somebody who asks for workloads.
#[derive(Clone)]
pub struct Person(pub WorkloadsClient<Channel>);

impl Scene {
    /// With hosts of these names.
    pub async fn new(hosts: &[&str]) -> Result<Self> {
        tamer_certs::install_crypto();
        let folder = tempfile::tempdir()?;
        let coordinator = Coordinator::start(folder.path(), &[])?;
        let (mut control, ann) = person(&coordinator, "ann").await?;
        let (_, bob) = person(&coordinator, "bob").await?;
        let mut joined = BTreeMap::new();
        for name in hosts {
            let token =
                control.create_token(wire::CreateTokenRequest::default()).await?.into_inner().token;
            joined.insert((*name).to_owned(), coordinator.join(&token, name).await?);
        }
        Ok(Self { _folder: folder, coordinator, control, ann, bob, hosts: joined })
    }

    /// An agent of a host that keeps what it is told to, and says that it runs at once; what is made of the image
    /// `bad` fails. A copy can be placed on the host when this returns.
    pub async fn agent(&self, host: &str) -> Result<Agent> {
        let credentials = self.hosts.get(host).context("no such host")?;
        let authority = self.coordinator.authority()?;
        let config = client_config(authority.trust(), Some(credentials))?;
        let mut client = AgentServiceClient::new(self.coordinator.connect(config).await?);
        let (out, stream) = mpsc::channel(64);
        let hello = wire::Hello {
            facts: Some(facts()),
            journal: "j-0000000000000000".into(),
            wire_minor: 4,
            sent_at: millis_now(),
            ..Default::default()
        };
        out.send(say(ToCoordinator::Hello(hello))).await?;
        let mut inbound = client.session(ReceiverStream::new(stream)).await?.into_inner();
        ensure!(inbound.message().await?.is_some(), "no welcome");
        let docker = wire::ProviderStatus {
            name: "docker".into(),
            version: "Docker Engine 1".into(),
            ..Default::default()
        };
        let providers = wire::Providers { providers: vec![docker] };
        out.send(say(ToCoordinator::Providers(providers))).await?;
        out.send(told(true, Vec::new())).await?;
        let agent = Agent(tokio::spawn(keep(out, inbound)));
        self.until_placeable(host).await?;
        Ok(agent)
    }

    /// Waits until a copy could go to a host, which is a moment after its agent is welcome.
    async fn until_placeable(&self, host: &str) -> Result<()> {
        let probe = document("probe", "nginx", &format!(r#""constraints":["name={host}"]"#));
        let mut ann = self.ann.clone();
        let begun = Instant::now();
        loop {
            let plan = ann.plan(std::slice::from_ref(&probe)).await?;
            if plan.unplaced.is_empty() {
                return Ok(());
            }
            ensure!(begun.elapsed() < LIMIT, "{host} takes no copy: {plan:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn audit(&mut self, what: &str) -> Answer<Vec<wire::AuditRecord>> {
        let request = wire::ListAuditRequest { limit: 1000, ..Default::default() };
        let mut records = self.control.list_audit(request).await?.into_inner().records;
        records.retain(|record| record.what == what);
        Ok(records)
    }
}

impl Person {
    pub async fn plan(&mut self, documents: &[String]) -> Answer<wire::WorkloadPlan> {
        let request = wire::PlanWorkloadsRequest { documents: documents.to_vec() };
        Ok(self.0.plan_workloads(request).await?.into_inner())
    }

    /// Applies documents; returns for each `NAME WHAT VERSION`.
    pub async fn apply(&mut self, documents: &[String]) -> Answer<Vec<String>> {
        self.apply_as(request(documents)).await
    }

    pub async fn apply_as(&mut self, request: wire::ApplyWorkloadsRequest) -> Answer<Vec<String>> {
        let applied = self.0.apply_workloads(request).await?.into_inner().workloads;
        Ok(applied
            .into_iter()
            .map(|one| format!("{} {} {}", one.name, one.what, one.version))
            .collect())
    }

    pub async fn change(&mut self, name: &str, change: Change) -> Answer<wire::WorkloadView> {
        self.change_as(name, change, false).await
    }

    pub async fn change_as(
        &mut self,
        name: &str,
        change: Change,
        take_over: bool,
    ) -> Answer<wire::WorkloadView> {
        let change = Some(change);
        let request = wire::ChangeWorkloadRequest { name: name.to_owned(), change, take_over };
        Ok(self.0.change_workload(request).await?.into_inner())
    }

    pub async fn get(&mut self, name: &str) -> Answer<wire::WorkloadView> {
        let request = wire::GetWorkloadRequest { name: name.to_owned() };
        Ok(self.0.get_workload(request).await?.into_inner())
    }

    pub async fn list(&mut self, selector: &str) -> Answer<Vec<String>> {
        let request = wire::ListWorkloadsRequest { selector: selector.to_owned() };
        let listed = self.0.list_workloads(request).await?.into_inner().workloads;
        Ok(listed.into_iter().map(|row| row.name).collect())
    }

    pub async fn versions(&mut self, name: &str) -> Answer<Vec<wire::WorkloadVersionView>> {
        let request = wire::ListWorkloadVersionsRequest { name: name.to_owned() };
        Ok(self.0.list_workload_versions(request).await?.into_inner().versions)
    }

    pub async fn why(&mut self, subject: &str) -> Answer<wire::WhyResponse> {
        let request = wire::WhyRequest { subject: subject.to_owned() };
        Ok(self.0.why(request).await?.into_inner())
    }

    pub async fn drain(&mut self, host: &str, cancel: bool) -> Answer<wire::DrainView> {
        let host = host.to_owned();
        let request = wire::DrainHostRequest { host, cancel, ..Default::default() };
        Ok(self.0.drain_host(request).await?.into_inner())
    }

    /// Waits until a workload is in a state.
    pub async fn until(&mut self, name: &str, state: &str) -> Result<wire::WorkloadView> {
        self.until_it(name, state, |view| state_of(view) == state).await
    }

    /// Waits until a workload is as wanted; `what` is for the error.
    pub async fn until_it(
        &mut self,
        name: &str,
        what: &str,
        wanted: impl Fn(&wire::WorkloadView) -> bool,
    ) -> Result<wire::WorkloadView> {
        let begun = Instant::now();
        loop {
            let view = self.get(name).await?;
            if wanted(&view) {
                return Ok(view);
            }
            ensure!(begun.elapsed() < LIMIT, "{name} has not become {what}: {view:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a workload is gone.
    pub async fn until_gone(&mut self, name: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.get(name).await {
                Err(status) if code(&status) == "not-found" => return Ok(()),
                Err(status) => return Err(status.into()),
                Ok(view) => ensure!(begun.elapsed() < LIMIT, "{name} is still there: {view:#?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An agent on a task of its own; it ends with its owner.
pub struct Agent(JoinHandle<Result<()>>);

impl Drop for Agent {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep(
    out: mpsc::Sender<wire::AgentMessage>,
    mut inbound: Streaming<wire::CoordinatorMessage>,
) -> Result<()> {
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    loop {
        let message = tokio::select! {
            _ = beat.tick() => {
                out.send(say(ToCoordinator::Heartbeat(wire::Heartbeat::default()))).await?;
                continue;
            }
            message = inbound.message() => message?,
        };
        match message.and_then(|message| message.message) {
            Some(FromCoordinator::Placements(wanted)) => {
                let running = wanted.put.into_iter().map(|order| {
                    let fails = order.instance.is_some_and(|instance| instance.image == "bad");
                    report(order.id, if fails { "failed" } else { "running" })
                });
                let gone = wanted.gone.into_iter().map(|gone| report(gone.id, "gone"));
                out.send(told(false, running.chain(gone).collect())).await?;
            }
            Some(_) => {}
            None => bail!("the session ended"),
        }
    }
}

fn report(id: String, phase: &str) -> wire::PlacementReport {
    let (phase, since) = (phase.to_owned(), millis_now());
    let status = wire::PlacementStatus { phase, since, ..Default::default() };
    wire::PlacementReport { id, status: Some(status) }
}

fn told(complete: bool, reports: Vec<wire::PlacementReport>) -> wire::AgentMessage {
    say(ToCoordinator::Placements(wire::PlacementsTold { complete, reports }))
}

fn say(message: ToCoordinator) -> wire::AgentMessage {
    wire::AgentMessage { message: Some(message) }
}

async fn person(coordinator: &Coordinator, name: &str) -> Result<(ControlClient<Channel>, Person)> {
    let authority = coordinator.authority()?;
    let now = tamer_model::Timestamp::from_millis(millis_now());
    let user = authority.issue_user_credentials(name.parse()?, now)?;
    let config = client_config(authority.trust(), Some(&user))?;
    let channel = coordinator.connect(config).await?;
    Ok((ControlClient::new(channel.clone()), Person(WorkloadsClient::new(channel))))
}

/// A request of its own to apply these.
pub fn request(documents: &[String]) -> wire::ApplyWorkloadsRequest {
    wire::ApplyWorkloadsRequest {
        documents: documents.to_vec(),
        request_id: format!("{:032x}", fastrand::u128(..)),
        ..Default::default()
    }
}

/// A document of a workload whose copies count as well at once; `rest` is more of its fields.
pub fn document(name: &str, image: &str, rest: &str) -> String {
    let comma = if rest.is_empty() { "" } else { "," };
    format!(
        r#"{{"name":"{name}","provider":"docker","instance":{{"image":"{image}"}},
            "update":{{"healthy_for":"0s","deadline":"1m"}}{comma}{rest}}}"#
    )
}

pub fn millis_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

pub fn state_of(view: &wire::WorkloadView) -> &str {
    view.row.as_ref().map(|row| row.state.as_str()).unwrap_or_default()
}

pub fn counts_of(view: &wire::WorkloadView) -> wire::CopyCounts {
    view.row.as_ref().and_then(|row| row.copies).unwrap_or_default()
}

pub fn code(status: &tonic::Status) -> &'static str {
    problem_of(status).code.as_str()
}

/// The code, the field and the message of a refusal.
pub fn refusal<T: std::fmt::Debug>(answer: Answer<T>) -> (String, String, String) {
    let problem = problem_of(&answer.expect_err("it is to be refused"));
    let field = problem.field.clone().unwrap_or_default();
    (problem.code.as_str().to_owned(), field, problem.message)
}
