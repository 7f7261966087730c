//! Ours: the release programs, with as many real agents as hosts, every result synced.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tamer_proto::wire;
use tamer_proto::wire::batch_event::Event;
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::{Coordinator, RealAgent};
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use crate::contest::{Contestant, OURS};

/// A fleet of real programs.
struct Fleet {
    programs: PathBuf,
    hosts: usize,
    runtime: Runtime,
    control: ControlClient<Channel>,
    // In this order: agents go before their coordinator does.
    _agents: Vec<RealAgent>,
    coordinator: Coordinator,
}

/// Starts a fleet, and enters it as a whole command and as a call alone.
pub fn start(programs: &Path, scratch: &Path, hosts: usize) -> Result<Vec<Box<dyn Contestant>>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let coordinator = Coordinator::start(programs, &scratch.join("coordinator"))?;
    let mut agents = Vec::new();
    let control = runtime.block_on(async {
        let mut control = ControlClient::new(coordinator.as_admin().await?);
        for host in 0..hosts {
            let (name, data) = (format!("h{host}"), scratch.join(format!("h{host}")));
            std::fs::create_dir(&data)?;
            let who = (name.as_str(), data.as_path());
            let address = coordinator.address;
            agents.push(RealAgent::start(programs, address, &mut control, who, &[]).await?);
        }
        anyhow::Ok(control)
    })?;
    let programs = programs.to_owned();
    let fleet = Fleet { programs, hosts, runtime, control, _agents: agents, coordinator };
    let fleet = Rc::new(fleet);
    Ok(vec![Box::new(Whole(fleet.clone())), Box::new(Call(fleet))])
}

/// The command as a person runs it.
struct Whole(Rc<Fleet>);

impl Contestant for Whole {
    fn name(&self) -> String {
        OURS.to_owned()
    }

    fn aim(&self) -> &'static str {
        if self.0.hosts == 25 { "< 25 ms" } else { "" }
    }

    fn once(&mut self) -> Result<Duration> {
        let fleet = &self.0;
        let mut command = Command::new(fleet.programs.join("tamerctl"));
        command.env("TAMER_CONFIG", &fleet.coordinator.context);
        command.args(["run", "-o", "json", "--", "true"]);
        let began = Instant::now();
        let done = command.output()?;
        let took = began.elapsed();
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let told: serde_json::Value = serde_json::from_slice(&done.stdout)?;
        let tasks = told["tasks"].as_array().context("no tasks were told")?;
        ensure!(tasks.len() == fleet.hosts, "{} of {} answered", tasks.len(), fleet.hosts);
        Ok(took)
    }
}

/// The same over a connection that is there: what a program that stays pays.
struct Call(Rc<Fleet>);

impl Contestant for Call {
    fn name(&self) -> String {
        "ours, the call alone".to_owned()
    }

    fn once(&mut self) -> Result<Duration> {
        let fleet = &self.0;
        let began = Instant::now();
        let answered = fleet.runtime.block_on(run(fleet.control.clone()))?;
        let took = began.elapsed();
        ensure!(answered == fleet.hosts, "{answered} of {} answered", fleet.hosts);
        Ok(took)
    }
}

/// Runs `true` on every host and says how many succeeded.
async fn run(mut control: ControlClient<Channel>) -> Result<usize> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).ok().context("random bytes")?;
    let command = wire::CommandSpec { argv: vec!["true".to_owned()], ..Default::default() };
    let request = wire::CreateBatchRequest {
        command: Some(command),
        request_id: u128::from_be_bytes(id).to_string(),
        ..Default::default()
    };
    let batch = control.create_batch(request).await?.into_inner();
    let request = wire::WatchBatchRequest { id: batch.id, output: false };
    let mut events = control.watch_batch(request).await?.into_inner();
    let mut succeeded = std::collections::HashSet::new();
    while let Some(event) = events.message().await? {
        if let Some(Event::Task(task)) = event.event
            && task.end.is_some_and(|end| end.outcome() == wire::Outcome::Succeeded)
        {
            succeeded.insert(task.host);
        }
    }
    Ok(succeeded.len())
}
