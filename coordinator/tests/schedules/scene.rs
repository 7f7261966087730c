//! A coordinator with one host, people who make schedules, and an agent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail, ensure};
use tamer_certs::{Credentials, client_config};
use tamer_proto::{problem_of, wire};
use tamer_schedule::Zone;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use wire::agent_message::Message as ToCoordinator;
use wire::agent_service_client::AgentServiceClient;
use wire::control_client::ControlClient;
use wire::coordinator_message::Message as FromCoordinator;
use wire::schedules_client::SchedulesClient;

use crate::support::{Coordinator, facts};

const LIMIT: Duration = Duration::from_secs(20);

/// A coordinator with one host.
pub struct Scene {
    folder: tempfile::TempDir,
    coordinator: Coordinator,
    host: Credentials,
    people: ControlClient<Channel>,
    schedules: SchedulesClient<Channel>,
}

type Answer<T> = Result<T, tonic::Status>;

impl Scene {
    pub async fn new() -> Result<Self> {
        tamer_certs::install_crypto();
        let folder = tempfile::tempdir()?;
        let coordinator = Coordinator::start(folder.path(), &[])?;
        let (mut people, schedules) = clients(&coordinator).await?;
        let token =
            people.create_token(wire::CreateTokenRequest::default()).await?.into_inner().token;
        let host = coordinator.join(&token, "one").await?;
        Ok(Self { folder, coordinator, host, people, schedules })
    }

    /// Kills the coordinator, and starts another one on what it left.
    pub async fn restarted(self) -> Result<Self> {
        let Self { folder, coordinator, host, .. } = self;
        drop(coordinator);
        let coordinator = Coordinator::start(folder.path(), &[])?;
        let (people, schedules) = clients(&coordinator).await?;
        Ok(Self { folder, coordinator, host, people, schedules })
    }

    pub async fn create(&mut self, name: &str, timing: wire::Timing) -> Answer<wire::Schedule> {
        self.create_for(name, "", timing).await
    }

    pub async fn create_for(
        &mut self,
        name: &str,
        selector: &str,
        timing: wire::Timing,
    ) -> Answer<wire::Schedule> {
        let request = asked(name, selector, timing);
        Ok(self.schedules.create_schedule(request).await?.into_inner())
    }

    /// Makes many at once.
    pub async fn create_all(&self, names: &[String], timing: &wire::Timing) -> Answer<()> {
        let made = names.iter().map(|name| {
            let mut schedules = self.schedules.clone();
            async move { schedules.create_schedule(asked(name, "", timing.clone())).await }
        });
        futures_util::future::try_join_all(made).await.map(drop)
    }

    pub async fn get(&mut self, name: &str) -> Answer<wire::Schedule> {
        let request = wire::GetScheduleRequest { name: name.to_owned() };
        Ok(self.schedules.get_schedule(request).await?.into_inner())
    }

    pub async fn enable(&mut self, name: &str, enabled: bool) -> Answer<wire::Schedule> {
        let request = wire::SetScheduleEnabledRequest { name: name.to_owned(), enabled };
        Ok(self.schedules.set_schedule_enabled(request).await?.into_inner())
    }

    pub async fn remove(&mut self, name: &str) -> Answer<()> {
        let request = wire::RemoveScheduleRequest { name: name.to_owned() };
        self.schedules.remove_schedule(request).await.map(drop)
    }

    pub async fn run(&mut self, name: &str, outside_window: bool) -> Answer<wire::Schedule> {
        let name = name.to_owned();
        let request_id = format!("{:032x}", fastrand::u128(..));
        let request = wire::RunScheduleNowRequest { name, outside_window, request_id };
        Ok(self.schedules.run_schedule_now(request).await?.into_inner())
    }

    pub async fn batch(&mut self, id: &str) -> Answer<wire::Batch> {
        let request = wire::GetBatchRequest { id: id.to_owned() };
        Ok(self.people.get_batch(request).await?.into_inner())
    }

    pub async fn cancel(&mut self, id: &str) -> Answer<()> {
        let request = wire::CancelBatchRequest { id: id.to_owned() };
        self.people.cancel_batch(request).await.map(drop)
    }

    pub async fn audit(&mut self) -> Answer<Vec<wire::AuditRecord>> {
        let request = wire::ListAuditRequest { limit: 1000, ..Default::default() };
        Ok(self.people.list_audit(request).await?.into_inner().records)
    }

    /// The batches of a schedule, by the time that was due.
    pub async fn batches_of(&mut self, schedule: &str) -> Answer<BTreeMap<u64, Vec<String>>> {
        let mut all: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (name, due, id) in self.batches().await? {
            if name == schedule {
                all.entry(due).or_default().push(id);
            }
        }
        Ok(all)
    }

    /// What schedules have made: which, for when, and the batch.
    pub async fn batches(&mut self) -> Answer<Vec<(String, u64, String)>> {
        let request = wire::ListBatchesRequest { limit: 1000, ..Default::default() };
        let listed = self.people.list_batches(request).await?.into_inner();
        assert_eq!(listed.next_page_token, "", "a test makes fewer than a page holds");
        let of = |batch: wire::Batch| match batch.origin.and_then(|origin| origin.origin) {
            Some(wire::origin::Origin::Schedule(of)) => Some((of.name, of.due, batch.id)),
            _ => None,
        };
        Ok(listed.batches.into_iter().filter_map(of).collect())
    }

    /// Waits until there are so many batches.
    pub async fn until_made(&mut self, batches: usize) -> Result<()> {
        let begun = Instant::now();
        loop {
            let limit = u32::try_from(batches)?;
            let request = wire::ListBatchesRequest { limit, ..Default::default() };
            let made = self.people.list_batches(request).await?.into_inner().batches.len();
            if made >= batches {
                return Ok(());
            }
            ensure!(begun.elapsed() < LIMIT, "there are {made} batches, not {batches}");
        }
    }

    /// Waits until a schedule is as wanted.
    pub async fn until(
        &mut self,
        name: &str,
        wanted: impl Fn(&wire::Schedule) -> bool,
    ) -> Result<wire::Schedule> {
        let begun = Instant::now();
        loop {
            let schedule = self.get(name).await?;
            if wanted(&schedule) {
                return Ok(schedule);
            }
            ensure!(begun.elapsed() < LIMIT, "{name} has become {schedule:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An agent that starts what it is told to, on a task of its own.
pub struct Agent(JoinHandle<Result<()>>);

impl Agent {
    /// One whose commands end at once.
    pub async fn that_ends(scene: &Scene) -> Result<Self> {
        Self::new(scene, true).await
    }

    /// One whose commands end when they are cancelled.
    pub async fn that_hangs(scene: &Scene) -> Result<Self> {
        Self::new(scene, false).await
    }

    async fn new(scene: &Scene, ends: bool) -> Result<Self> {
        let authority = scene.coordinator.authority()?;
        let config = client_config(authority.trust(), Some(&scene.host))?;
        let mut client = AgentServiceClient::new(scene.coordinator.connect(config).await?);
        let (out, stream) = mpsc::channel(64);
        let hello = wire::Hello {
            facts: Some(facts()),
            journal: "j-0000000000000000".into(),
            wire_minor: 3,
            ..Default::default()
        };
        out.send(say(ToCoordinator::Hello(hello))).await?;
        let mut inbound = client.session(ReceiverStream::new(stream)).await?.into_inner();
        // The welcome: the host is ready now, or soon.
        ensure!(inbound.message().await?.is_some(), "no welcome");
        Ok(Self(tokio::spawn(serve(out, inbound, ends))))
    }

    /// Ends it.
    pub async fn end(self) {
        self.0.abort();
        // It was told to end; how it did is of no interest.
        let _ = self.0.await;
    }
}

async fn serve(
    out: mpsc::Sender<wire::AgentMessage>,
    mut inbound: Streaming<wire::CoordinatorMessage>,
    ends: bool,
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
            Some(FromCoordinator::StartTask(start)) => {
                let task = start.task;
                let started = wire::TaskStarted { task: task.clone(), started_at: millis_now() };
                out.send(say(ToCoordinator::TaskStarted(started))).await?;
                if ends {
                    out.send(ended(task, wire::Outcome::Succeeded)).await?;
                }
            }
            Some(FromCoordinator::CancelTask(cancel)) => {
                out.send(ended(cancel.task, wire::Outcome::Cancelled)).await?;
            }
            Some(_) => {}
            None => bail!("the session ended"),
        }
    }
}

fn ended(task: Option<wire::TaskId>, outcome: wire::Outcome) -> wire::AgentMessage {
    let exit_code = (outcome == wire::Outcome::Succeeded).then_some(0);
    let end = wire::TaskEnd { outcome: outcome.into(), exit_code, ..Default::default() };
    let output = Some(wire::KeptOutput::default());
    say(ToCoordinator::TaskEnded(wire::TaskEnded { task, end: Some(end), output }))
}

fn say(message: ToCoordinator) -> wire::AgentMessage {
    wire::AgentMessage { message: Some(message) }
}

fn asked(name: &str, selector: &str, timing: wire::Timing) -> wire::CreateScheduleRequest {
    let command = wire::CommandSpec { argv: vec!["true".into()], ..Default::default() };
    let action = wire::action::Action::Command(command);
    let spec = wire::BatchSpec {
        action: Some(wire::Action { action: Some(action) }),
        targets: Some(wire::TargetSpec { selector: selector.into(), ..Default::default() }),
        ..Default::default()
    };
    let (spec, timing) = (Some(spec), Some(timing));
    wire::CreateScheduleRequest { name: name.to_owned(), spec, timing }
}

async fn clients(
    coordinator: &Coordinator,
) -> Result<(ControlClient<Channel>, SchedulesClient<Channel>)> {
    let authority = coordinator.authority()?;
    let now = tamer_model::Timestamp::from_millis(millis_now());
    let user = authority.issue_user_credentials("tester".parse()?, now)?;
    let config = client_config(authority.trust(), Some(&user))?;
    let channel = coordinator.connect(config).await?;
    Ok((ControlClient::new(channel.clone()), SchedulesClient::new(channel)))
}

pub fn millis_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

pub fn at(due: u64) -> wire::Timing {
    wire::Timing { when: Some(wire::timing::When::At(due)), ..Default::default() }
}

pub fn cron(expression: &str) -> wire::Timing {
    let when = Some(wire::timing::When::Cron(expression.to_owned()));
    wire::Timing { when, ..Default::default() }
}

/// A window from the minute of one moment to that of another, by UTC.
pub fn window(from: u64, to: u64) -> String {
    let minute = |at: u64| {
        let shown = Zone::UTC.show(tamer_model::Timestamp::from_millis(at));
        shown[11..16].to_owned()
    };
    format!("{}-{}", minute(from), minute(to))
}

pub fn code(status: &tonic::Status) -> &'static str {
    problem_of(status).code.as_str()
}
