//! Instances as the fleet sees them, with the test in the place of an agent.

mod support;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use support::{Coordinator, facts};
use tamer_certs::{Credentials, client_config};
use tamer_proto::{problem_of, wire};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use wire::agent_message::Message as ToCoordinator;
use wire::agent_service_client::AgentServiceClient;
use wire::control_client::ControlClient;
use wire::coordinator_message::Message as FromCoordinator;
use wire::stream_out::Frame;

const LIMIT: Duration = Duration::from_secs(20);

fn now() -> tamer_model::Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    tamer_model::Timestamp::from_millis(since.as_millis() as u64)
}

/// An agent that does what the test tells it to.
struct Agent {
    out: mpsc::Sender<wire::AgentMessage>,
    inbound: Streaming<wire::CoordinatorMessage>,
    channel: Channel,
}

impl Agent {
    async fn connect(coordinator: &Coordinator, host: &Credentials) -> Result<Self> {
        let authority = coordinator.authority()?;
        let channel = coordinator.connect(client_config(authority.trust(), Some(host))?).await?;
        let (out, stream) = mpsc::channel(64);
        let hello = wire::Hello {
            facts: Some(facts()),
            journal: "j-0000000000000000".into(),
            wire_minor: 2,
            ..Default::default()
        };
        out.send(say(ToCoordinator::Hello(hello))).await?;
        let mut client = AgentServiceClient::new(channel.clone());
        let inbound = client.session(ReceiverStream::new(stream)).await?.into_inner();
        let mut agent = Self { out, inbound, channel };
        let FromCoordinator::Welcome(_) = agent.next().await? else { bail!("no welcome") };
        Ok(agent)
    }

    async fn say(&self, message: ToCoordinator) -> Result<()> {
        Ok(self.out.send(say(message)).await?)
    }

    /// The next message that is no answer to a heartbeat.
    async fn next(&mut self) -> Result<FromCoordinator> {
        loop {
            let message = tokio::time::timeout(LIMIT, self.inbound.message()).await??;
            match message.and_then(|message| message.message).context("the session ended")? {
                FromCoordinator::HeartbeatAck(_) => {}
                message => return Ok(message),
            }
        }
    }

    async fn docker_is(&self, unavailable: Option<wire::Problem>) -> Result<()> {
        let docker = wire::ProviderStatus {
            name: "docker".into(),
            version: "Docker Engine 1".into(),
            unavailable,
            ..Default::default()
        };
        self.say(ToCoordinator::Providers(wire::Providers { providers: vec![docker] })).await
    }

    async fn tell(
        &self,
        phase: (bool, bool),
        put: Vec<wire::Instance>,
        gone: &[&str],
    ) -> Result<()> {
        let changed = wire::InstancesChanged {
            provider: "docker".into(),
            begins: phase.0,
            complete: phase.1,
            put,
            gone: gone.iter().map(|&native| native.to_owned()).collect(),
        };
        self.say(ToCoordinator::Instances(changed)).await
    }

    /// Opens a bulk stream with this ticket.
    async fn open(
        &self,
        ticket: &str,
    ) -> Result<(mpsc::Sender<wire::StreamOut>, Streaming<wire::StreamIn>), tonic::Status> {
        let (frames, stream) = mpsc::channel(4);
        frames.try_send(out(0, Frame::Ticket(ticket.to_owned()))).expect("room");
        let mut client = AgentServiceClient::new(self.channel.clone());
        Ok((frames, client.bulk(ReceiverStream::new(stream)).await?.into_inner()))
    }
}

fn say(message: ToCoordinator) -> wire::AgentMessage {
    wire::AgentMessage { message: Some(message) }
}

fn out(source: u32, frame: Frame) -> wire::StreamOut {
    wire::StreamOut { source, frame: Some(frame) }
}

fn instance(native: &str, name: &str, state: &str, managed: bool) -> wire::Instance {
    wire::Instance {
        native: native.into(),
        name: name.into(),
        kind: "container".into(),
        state: state.into(),
        managed,
        ..Default::default()
    }
}

struct Scene {
    folder: tempfile::TempDir,
    coordinator: Coordinator,
    host: Credentials,
    people: ControlClient<Channel>,
}

async fn people(coordinator: &Coordinator) -> Result<ControlClient<Channel>> {
    let authority = coordinator.authority()?;
    let user = authority.issue_user_credentials("tester".parse()?, now())?;
    let config = client_config(authority.trust(), Some(&user))?;
    Ok(ControlClient::new(coordinator.connect(config).await?))
}

async fn scene() -> Result<Scene> {
    let folder = tempfile::tempdir()?;
    let coordinator = Coordinator::start(folder.path(), &[])?;
    let mut people = people(&coordinator).await?;
    let token = people.create_token(wire::CreateTokenRequest::default()).await?.into_inner().token;
    let host = coordinator.join(&token, "one").await?;
    Ok(Scene { folder, coordinator, host, people })
}

impl Scene {
    async fn list(&mut self) -> Result<Vec<(String, String, bool)>> {
        let answer = self.people.list_instances(wire::ListInstancesRequest::default()).await?;
        let show = |one: wire::FleetInstance| {
            let instance = one.instance.unwrap_or_default();
            (instance.name, instance.state, one.stale)
        };
        Ok(answer.into_inner().instances.into_iter().map(show).collect())
    }

    /// Waits until the fleet has these instances: name, state, stale.
    async fn until(&mut self, wanted: &[(&str, &str, bool)]) -> Result<()> {
        let begun = std::time::Instant::now();
        loop {
            let list = self.list().await?;
            let same = list.len() == wanted.len()
                && list.iter().zip(wanted).all(|(a, b)| (a.0.as_str(), a.1.as_str(), a.2) == *b);
            if same {
                return Ok(());
            }
            ensure!(begun.elapsed() < LIMIT, "the fleet has {list:?}, not {wanted:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn named(name: &str) -> Option<wire::InstanceSelection> {
        Some(wire::InstanceSelection { named: vec![name.to_owned()], ..Default::default() })
    }
}

#[tokio::test]
async fn the_fleet_has_what_hosts_tell() -> Result<()> {
    let mut scene = scene().await?;
    let agent = Agent::connect(&scene.coordinator, &scene.host).await?;
    agent.docker_is(None).await?;
    agent.tell((true, false), vec![instance("n1", "a", "running", true)], &[]).await?;
    agent.tell((false, true), vec![instance("n2", "b", "running", false)], &[]).await?;
    scene.until(&[("a", "running", false), ("b", "running", false)]).await?;
    // A change, and one that went.
    agent.tell((false, false), vec![instance("n1", "a", "stopped", true)], &["n2"]).await?;
    scene.until(&[("a", "stopped", false)]).await?;
    // Its technology goes away: what it ran is not known to have gone.
    agent.docker_is(Some(wire::Problem::default())).await?;
    scene.until(&[("a", "stopped", true)]).await?;
    agent.docker_is(None).await?;
    agent.tell((true, true), vec![instance("n3", "c", "running", true)], &[]).await?;
    scene.until(&[("c", "running", false)]).await?;
    drop(agent);
    // A coordinator that was killed knows them again, and that it has not heard of them since.
    let folder = scene.folder.path().to_owned();
    drop(scene.coordinator);
    scene.coordinator = Coordinator::start(&folder, &[])?;
    scene.people = people(&scene.coordinator).await?;
    let list = scene.list().await?;
    ensure!(list.len() == 1 && list[0].0 == "c", "{list:?}");
    let agent = Agent::connect(&scene.coordinator, &scene.host).await?;
    agent.docker_is(None).await?;
    agent.tell((true, true), Vec::new(), &[]).await?;
    scene.until(&[]).await
}

#[tokio::test]
async fn what_tamer_did_not_make_is_not_removed_by_accident() -> Result<()> {
    let mut scene = scene().await?;
    let mut agent = Agent::connect(&scene.coordinator, &scene.host).await?;
    agent.docker_is(None).await?;
    agent.tell((true, true), vec![instance("n1", "theirs", "stopped", false)], &[]).await?;
    scene.until(&[("theirs", "stopped", false)]).await?;
    let remove = wire::InstanceAction {
        action: Some(wire::instance_action::Action::Remove(wire::RemoveAction { force: false })),
    };
    let mut request = wire::CreateBatchRequest {
        instance_action: Some(remove),
        instances: Scene::named("theirs"),
        request_id: "r1".into(),
        ..Default::default()
    };
    let refused = scene.people.create_batch(request.clone()).await.expect_err("refused");
    let problem = problem_of(&refused);
    assert_eq!(
        (problem.code, problem.field.as_deref()),
        (tamer_model::Code::WrongState, Some("foreign"))
    );
    request.foreign = true;
    let batch = scene.people.create_batch(request).await?.into_inner();
    assert_eq!((batch.targets, batch.summary.as_str()), (1, "instance rm"));
    let FromCoordinator::StartTask(start) = agent.next().await? else { bail!("no task") };
    let order = start.order.context("an order")?.order.context("one")?;
    let wire::instance_order::Order::Act(act) = order else { bail!("{order:?}") };
    assert_eq!(act.instance.context("which")?.native, "n1");
    Ok(())
}

#[tokio::test]
async fn a_thousand_instances_of_one_host_are_done_a_few_at_a_time() -> Result<()> {
    let mut scene = scene().await?;
    let mut agent = Agent::connect(&scene.coordinator, &scene.host).await?;
    agent.docker_is(None).await?;
    for part in 0..5 {
        let some = (0..200).map(|n| {
            let name = format!("w{:04}", part * 200 + n);
            instance(&name, &name, "stopped", true)
        });
        agent.tell((part == 0, part == 4), some.collect(), &[]).await?;
    }
    let wanted: Vec<_> = (0..1000).map(|n| format!("w{n:04}")).collect();
    let wanted: Vec<_> = wanted.iter().map(|name| (name.as_str(), "stopped", false)).collect();
    scene.until(&wanted).await?;
    let start = wire::InstanceAction {
        action: Some(wire::instance_action::Action::Start(wire::StartAction {})),
    };
    let request = wire::CreateBatchRequest {
        instance_action: Some(start),
        instances: Some(wire::InstanceSelection {
            instances: "name=w*".into(),
            ..Default::default()
        }),
        request_id: "r2".into(),
        ..Default::default()
    };
    let batch = scene.people.create_batch(request).await?.into_inner();
    assert_eq!(batch.targets, 1000);
    let mut natives = std::collections::BTreeSet::new();
    let mut most = 0_usize;
    let mut under_way = Vec::new();
    while natives.len() < 1000 {
        match agent.next().await? {
            FromCoordinator::StartTask(start) => {
                let Some(wire::instance_order::Order::Act(act)) = start.order.and_then(|o| o.order)
                else {
                    bail!("not an act")
                };
                ensure!(natives.insert(act.instance.context("which")?.native), "one came twice");
                under_way.push(start.task.context("a task")?);
                most = most.max(under_way.len());
            }
            FromCoordinator::EndStored(_) => {}
            other => bail!("{other:?}"),
        }
        // Ends come when some are under way, so that a window that is too narrow would stall.
        if under_way.len() >= 20 || natives.len() == 1000 {
            for task in under_way.drain(..) {
                let end = wire::TaskEnd {
                    outcome: wire::Outcome::Succeeded.into(),
                    ..Default::default()
                };
                let ended = wire::TaskEnded { task: Some(task), end: Some(end), output: None };
                agent.say(ToCoordinator::TaskEnded(ended)).await?;
            }
        }
    }
    ensure!(most <= 32, "{most} were under way at once");
    let mut events = scene
        .people
        .watch_batch(wire::WatchBatchRequest { id: batch.id, output: false })
        .await?
        .into_inner();
    let mut last = None;
    while let Some(event) = tokio::time::timeout(LIMIT, events.message()).await?? {
        if let Some(wire::batch_event::Event::Batch(batch)) = event.event {
            last = Some(batch);
        }
    }
    let last = last.context("the batch was told")?;
    assert_eq!(
        (last.state.as_str(), last.counts.unwrap_or_default().succeeded),
        ("succeeded", 1000)
    );
    Ok(())
}

#[tokio::test]
async fn a_stream_is_for_whom_it_was_opened() -> Result<()> {
    let mut scene = scene().await?;
    let mut agent = Agent::connect(&scene.coordinator, &scene.host).await?;
    agent.docker_is(None).await?;
    agent.tell((true, true), vec![instance("n1", "a", "running", true)], &[]).await?;
    scene.until(&[("a", "running", false)]).await?;
    // A ticket that nobody gave out opens nothing.
    assert!(agent.open("0123").await.is_err());
    let open = wire::OpenExec {
        instance: "a".into(),
        spec: Some(wire::ExecSpec { argv: vec!["cat".into()], stdin: true, ..Default::default() }),
    };
    let (to_instance, input) = mpsc::channel(4);
    let frame = |frame| wire::ExecRequest { frame: Some(frame) };
    to_instance.send(frame(wire::exec_request::Frame::Open(open))).await?;
    let mut people = scene.people.clone();
    let call = tokio::spawn(async move { people.exec(ReceiverStream::new(input)).await });
    let FromCoordinator::OpenStream(asked) = agent.next().await? else { bail!("no stream") };
    let (frames, mut stdin) = agent.open(&asked.ticket).await?;
    assert!(agent.open(&asked.ticket).await.is_err(), "a ticket is good once");
    let mut output = call.await??.into_inner();
    let first = output.message().await?.and_then(|out| out.frame);
    assert!(matches!(first, Some(Frame::Sources(sources)) if sources.sources[0].name == "a"));
    let stdin_frame = wire::StreamIn { frame: Some(wire::stream_in::Frame::Stdin("hi".into())) };
    to_instance.send(frame(wire::exec_request::Frame::Input(stdin_frame))).await?;
    let got = stdin.message().await?.and_then(|input| input.frame);
    assert_eq!(got, Some(wire::stream_in::Frame::Stdin("hi".into())));
    frames.send(out(0, Frame::Stdout("hi".into()))).await?;
    // A source that was not asked for is not passed on.
    frames.send(out(7, Frame::Stdout("not mine".into()))).await?;
    frames.send(out(0, Frame::ExecEnded(wire::ExecEnded { exit_code: Some(3) }))).await?;
    drop(frames);
    let mut told = Vec::new();
    while let Some(out) = tokio::time::timeout(LIMIT, output.message()).await?? {
        told.push(out.frame.context("a frame")?);
    }
    assert_eq!(
        told,
        [Frame::Stdout("hi".into()), Frame::ExecEnded(wire::ExecEnded { exit_code: Some(3) })]
    );
    // The person went: the agent's side ends.
    drop((output, to_instance));
    let ended = tokio::time::timeout(LIMIT, stdin.message()).await?;
    assert!(!matches!(ended, Ok(Some(_))), "{ended:?}");
    // It is on record, without its arguments.
    let audit = scene.people.list_audit(wire::ListAuditRequest::default()).await?.into_inner();
    assert!(
        audit
            .records
            .iter()
            .any(|record| record.what == "instance.exec" && record.outcome == "done")
    );
    Ok(())
}

#[tokio::test]
async fn a_reader_that_stopped_stops_its_own_stream_only() -> Result<()> {
    let mut scene = scene().await?;
    let mut agent = Agent::connect(&scene.coordinator, &scene.host).await?;
    agent.docker_is(None).await?;
    agent.tell((true, true), vec![instance("n1", "a", "running", true)], &[]).await?;
    scene.until(&[("a", "running", false)]).await?;
    let mut stalled = Vec::new();
    for _ in 0..8 {
        let mut people = people(&scene.coordinator).await?;
        let request = wire::LogsRequest { selection: Scene::named("a"), options: None };
        let call = tokio::spawn(async move { people.logs(request).await });
        let FromCoordinator::OpenStream(asked) = agent.next().await? else { bail!("no stream") };
        let (frames, input) = agent.open(&asked.ticket).await?;
        stalled.push((frames, input, call.await??.into_inner()));
    }
    // Nobody reads: each takes what the windows hold on the way, and then no more.
    let chunk = bytes::Bytes::from(vec![b'x'; 32 * 1024]);
    for (frames, ..) in &stalled {
        let mut sent = 0;
        loop {
            let send = frames.send(out(0, Frame::Stdout(chunk.clone())));
            if tokio::time::timeout(Duration::from_millis(300), send).await.is_err() {
                break;
            }
            sent += chunk.len();
            ensure!(sent < 8 << 20, "a stream that nobody reads took {sent} bytes");
        }
    }
    // The session goes on.
    agent.tell((false, false), vec![instance("n1", "a", "stopped", true)], &[]).await?;
    scene.until(&[("a", "stopped", false)]).await?;
    // So does a stream that is read, also one of these.
    let (frames, _input, mut output) = stalled.pop().context("eight")?;
    let reader = tokio::spawn(async move {
        let mut bytes = 0;
        while let Some(out) = output.message().await? {
            if let Some(Frame::Stdout(chunk)) = out.frame {
                bytes += chunk.len();
            }
        }
        Ok::<_, tonic::Status>(bytes)
    });
    frames.send(out(0, Frame::Ended(wire::SourceEnded {}))).await?;
    drop(frames);
    ensure!(tokio::time::timeout(LIMIT, reader).await??? >= chunk.len());
    Ok(())
}
