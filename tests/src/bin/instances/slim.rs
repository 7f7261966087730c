//! Slim hosts: real sessions in this process that tell their instances and then keep still. They
//! load neither the coordinator nor the machine while something else is measured.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tamer_certs::client_config;
use tamer_proto::wire;
use tamer_proto::wire::agent_message::Message as ToCoordinator;
use tamer_proto::wire::agent_service_client::AgentServiceClient;
use tamer_proto::wire::coordinator_message::Message as FromCoordinator;
use tamer_tests::bench::{connect, enrol, hello, join_token, patiently};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::engine::name;
use crate::fleet::Fleet;

/// Joins `hosts` that have `each` instances, and waits until the fleet has them all. They live
/// until dropped.
pub async fn join(fleet: &mut Fleet, hosts: usize, each: usize) -> Result<JoinSet<Result<()>>> {
    let token = join_token(&mut fleet.control, hosts).await?;
    let mut agents = JoinSet::new();
    for host in 0..hosts {
        let (address, trust) = (fleet.coordinator.address, fleet.coordinator.trust.clone());
        let name = format!("host-{host}");
        let credentials = patiently(|| enrol(address, &token, name.clone())).await?;
        let channel = connect(address, client_config(&trust, Some(&credentials))?).await?;
        agents.spawn(session(channel, host, each));
    }
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let has = fleet.count().await?;
        if has == hosts * each {
            return Ok(agents);
        }
        if let Some(ended) = agents.try_join_next() {
            bail!("a host ended: {:?}", ended?);
        }
        ensure!(Instant::now() < limit, "the fleet has {has} instances");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn session(channel: Channel, host: usize, each: usize) -> Result<()> {
    // What is said at once: the hello, its providers and its list.
    let (out, stream) = tokio::sync::mpsc::channel(8);
    let say = |message| wire::AgentMessage { message: Some(message) };
    out.send(say(ToCoordinator::Hello(hello()?))).await?;
    let mut inbound =
        AgentServiceClient::new(channel).session(ReceiverStream::new(stream)).await?.into_inner();
    let first = inbound.message().await?.and_then(|message| message.message);
    ensure!(matches!(first, Some(FromCoordinator::Welcome(_))), "no welcome: {first:?}");
    let docker = wire::ProviderStatus {
        name: "docker".into(),
        version: "Docker Engine 20.10.24".into(),
        endpoint: "unix:///var/run/docker.sock".into(),
        ..Default::default()
    };
    out.send(say(ToCoordinator::Providers(wire::Providers { providers: vec![docker] }))).await?;
    let list = wire::InstancesChanged {
        provider: "docker".into(),
        begins: true,
        complete: true,
        put: (0..each).map(|number| container(host * each + number)).collect(),
        gone: Vec::new(),
    };
    out.send(say(ToCoordinator::Instances(list))).await?;
    let mut beat = tokio::time::interval(Duration::from_secs(3));
    loop {
        tokio::select! {
            _ = beat.tick() => {
                out.send(say(ToCoordinator::Heartbeat(wire::Heartbeat::default()))).await?;
            }
            message = inbound.message() => match message?.and_then(|message| message.message) {
                Some(FromCoordinator::Close(close)) => bail!("closed: {}", close.code),
                Some(_) => {}
                None => bail!("the session ended"),
            },
        }
    }
}

/// A container as an agent would tell it.
fn container(number: usize) -> wire::Instance {
    let label = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    wire::Instance {
        native: format!("{number:064x}"),
        name: name(number),
        kind: "container".into(),
        state: "creating".into(),
        image: tamer_peers::image::BUSYBOX.into(),
        created_at: Some(1_790_000_000_000 + number as u64),
        labels: [("app", "bench"), ("tier", "back")].map(label).into(),
        ..Default::default()
    }
}
