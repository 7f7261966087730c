//! The fleet of a run: a real coordinator, and what its administrator asks.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tamer_proto::wire;
use tamer_proto::wire::batch_event::Event;
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::Coordinator;
use tonic::transport::Channel;

/// How long something may take that a healthy fleet does at once.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Fleet {
    pub programs: PathBuf,
    pub coordinator: Coordinator,
    pub control: ControlClient<Channel>,
}

impl Fleet {
    pub async fn start(programs: &Path, data: &Path) -> Result<Self> {
        let coordinator = Coordinator::start(programs, data)?;
        Self::of(programs, coordinator).await
    }

    pub async fn of(programs: &Path, coordinator: Coordinator) -> Result<Self> {
        let control = ControlClient::new(coordinator.as_admin().await?);
        Ok(Self { programs: programs.to_owned(), coordinator, control })
    }

    /// `tamerctl` with these arguments.
    pub fn tamerctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join("tamerctl"));
        command.args(arguments).env("TAMER_CONFIG", &self.coordinator.context);
        command
    }

    /// How many instances all hosts have together.
    pub async fn count(&mut self) -> Result<usize> {
        let hosts = self.control.list_hosts(wire::ListHostsRequest::default()).await?.into_inner();
        Ok(hosts.hosts.iter().map(|host| host.instances as usize).sum())
    }

    /// Waits until the hosts have so many instances together.
    pub async fn until_count(&mut self, count: usize) -> Result<()> {
        let limit = Instant::now() + LIMIT;
        loop {
            let has = self.count().await?;
            if has == count {
                return Ok(());
            }
            ensure!(Instant::now() < limit, "the fleet has {has} instances, not {count}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The instance that is called so, if there is one.
    pub async fn find(&mut self, name: &str) -> Result<Option<wire::FleetInstance>> {
        let request =
            wire::ListInstancesRequest { selection: Some(named(name)), ..Default::default() };
        match self.control.list_instances(request).await {
            Ok(list) => Ok(list.into_inner().instances.pop()),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// Waits until the fleet shows this instance in this state, as current.
    pub async fn until_state(&mut self, name: &str, state: &str) -> Result<()> {
        let limit = Instant::now() + LIMIT;
        loop {
            let found = self.find(name).await?;
            let seen = found.map(|found| (found.instance.unwrap_or_default().state, found.stale));
            if seen.as_ref().is_some_and(|(seen, stale)| seen == state && !stale) {
                return Ok(());
            }
            ensure!(Instant::now() < limit, "{name} is {seen:?}, not {state}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Starts an instance and waits until it is told that this was done, as tamerctl does.
    pub async fn start_instance(&mut self, name: &str) -> Result<()> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok().context("random bytes")?;
        let start = wire::instance_action::Action::Start(wire::StartAction {});
        let request = wire::CreateBatchRequest {
            instance_action: Some(wire::InstanceAction { action: Some(start) }),
            instances: Some(named(name)),
            request_id: u128::from_be_bytes(id).to_string(),
            ..Default::default()
        };
        let batch = self.control.create_batch(request).await?.into_inner();
        let watch = wire::WatchBatchRequest { id: batch.id, output: false };
        let mut events = self.control.watch_batch(watch).await?.into_inner();
        while let Some(event) = events.message().await? {
            if let Some(Event::Task(task)) = event.event
                && let Some(end) = &task.end
            {
                ensure!(end.outcome() == wire::Outcome::Succeeded, "{name}: {end:?}");
                return Ok(());
            }
        }
        anyhow::bail!("{name}: the watch ended before the task")
    }

    /// Runs a command in an instance and gives its exit code.
    pub async fn exec(&mut self, name: &str, command: &[&str]) -> Result<Option<i32>> {
        let spec = wire::ExecSpec {
            argv: command.iter().map(|&word| word.to_owned()).collect(),
            ..Default::default()
        };
        let open = wire::OpenExec { instance: name.to_owned(), spec: Some(spec) };
        let open = wire::ExecRequest { frame: Some(wire::exec_request::Frame::Open(open)) };
        let mut frames = self.control.exec(tokio_stream::iter([open])).await?.into_inner();
        while let Some(out) = frames.message().await? {
            match out.frame {
                Some(wire::stream_out::Frame::ExecEnded(ended)) => return Ok(ended.exit_code),
                Some(wire::stream_out::Frame::Problem(problem)) => {
                    anyhow::bail!("{name}: {problem:?}")
                }
                _ => {}
            }
        }
        anyhow::bail!("{name}: the stream ended before the command")
    }
}

/// What of an agent's configuration makes it serve this engine and nothing else.
pub fn settings(endpoint: &str) -> Vec<String> {
    vec![
        format!("providers.docker.endpoint={endpoint}"),
        "providers.podman.enabled=false".to_owned(),
        "providers.libvirt.enabled=false".to_owned(),
    ]
}

fn named(name: &str) -> wire::InstanceSelection {
    wire::InstanceSelection { named: vec![name.to_owned()], ..Default::default() }
}
