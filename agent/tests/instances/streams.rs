//! Bulk streams, from the coordinator's side of the connection.

use std::collections::BTreeMap;

use tamer_model::{ExecSpec, InstanceRef, LogOptions, NativeId, StreamRequest, TerminalSize};
use tamer_proto::wire;
use tamer_provider::Provider as _;
use tamer_provider::fake::IMAGE;
use wire::stream_in::Frame as In;
use wire::stream_out::Frame;

use crate::coordinator::{Bulk, Host};

fn instance(id: &NativeId) -> InstanceRef {
    InstanceRef { provider: "fake".parse().expect("a name"), native: id.clone() }
}

fn exec(id: &NativeId, argv: &[&str]) -> StreamRequest {
    let spec = ExecSpec { stdin: true, ..ExecSpec::new(argv.iter().copied()) };
    StreamRequest::Exec { instance: instance(id), spec }
}

/// A host, and one instance that runs.
async fn host() -> (Host, NativeId) {
    let host = Host::start(1, 2).await;
    let id = host.fake.list().await.expect("a list")[0].native.clone();
    (host, id)
}

/// Makes an instance with this command, and starts it.
async fn running(host: &Host, command: &[&str]) -> NativeId {
    let spec = tamer_model::InstanceSpec {
        image: Some(IMAGE.to_owned()),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        ..Default::default()
    };
    let id = host.fake.create(&spec, &Default::default()).await.expect("made");
    host.fake.start(&id).await.expect("started");
    id
}

/// What came of each source until the end of the stream.
#[derive(Debug, Default)]
struct Heard {
    out: Vec<u8>,
    err: Vec<u8>,
    rest: Vec<&'static str>,
    problem: String,
}

async fn all(bulk: &mut Bulk) -> BTreeMap<u32, Heard> {
    let mut heard: BTreeMap<u32, Heard> = BTreeMap::new();
    while let Some((source, frame)) = bulk.next().await {
        let heard = heard.entry(source).or_default();
        match frame {
            Frame::Stdout(data) => heard.out.extend_from_slice(&data),
            Frame::Stderr(data) => heard.err.extend_from_slice(&data),
            Frame::Started(_) => heard.rest.push("started"),
            Frame::Ended(_) => heard.rest.push("ended"),
            Frame::Stats(_) => heard.rest.push("stats"),
            Frame::Detail(_) => heard.rest.push("detail"),
            Frame::ExecEnded(ended) => {
                heard.rest.push(if ended.exit_code == Some(0) { "exit 0" } else { "exit other" });
            }
            Frame::Problem(problem) => {
                heard.rest.push("problem");
                heard.problem = problem.code;
            }
            Frame::Ticket(_) | Frame::Sources(_) | Frame::Written(_) => {
                heard.rest.push("unexpected")
            }
        }
    }
    heard
}

#[tokio::test]
async fn a_command_runs_and_its_input_comes_back() {
    let (host, id) = host().await;
    let mut cat = host.coordinator.open("cat", exec(&id, &["cat"])).await;
    let big = bytes::Bytes::from(b"0123456789abcdef".repeat(8192));
    for at in 0..8 {
        let piece = big.slice(at * big.len() / 8..(at + 1) * big.len() / 8);
        cat.send(In::Stdin(piece)).await;
    }
    cat.send(In::StdinEnd(wire::StdinEnd {})).await;
    let heard = all(&mut cat).await.remove(&0).expect("a source");
    assert_eq!(heard.rest, ["started", "exit 0"]);
    assert!(heard.out == big, "{} bytes of {}", heard.out.len(), big.len());

    let mut apart = host.coordinator.open("apart", exec(&id, &["print", "out", "err"])).await;
    let heard = all(&mut apart).await.remove(&0).expect("a source");
    assert_eq!((&heard.out[..], &heard.err[..]), (&b"out"[..], &b"err"[..]));
    let mut seven = host.coordinator.open("seven", exec(&id, &["exit", "7"])).await;
    assert_eq!(all(&mut seven).await[&0].rest, ["started", "exit other"]);
}

#[tokio::test]
async fn a_terminal_changes_its_size() {
    let (host, id) = host().await;
    let spec = ExecSpec {
        stdin: true,
        terminal: Some(TerminalSize { columns: 80, rows: 24 }),
        ..ExecSpec::new(["size"])
    };
    let request = StreamRequest::Exec { instance: instance(&id), spec };
    let mut size = host.coordinator.open("size", request).await;
    size.send(In::Stdin("\n".into())).await;
    size.send(In::Resize(wire::TerminalSize { columns: 132, rows: 50 })).await;
    size.send(In::Stdin("\n".into())).await;
    size.send(In::StdinEnd(wire::StdinEnd {})).await;
    let heard = all(&mut size).await.remove(&0).expect("a source");
    assert_eq!(String::from_utf8_lossy(&heard.out), "24 80\n50 132\n");
}

#[tokio::test]
async fn what_cannot_be_served_says_why() {
    let (host, id) = host().await;
    let coordinator = &host.coordinator;
    let mut unknown = coordinator.open("program", exec(&id, &["nonsense"])).await;
    assert_eq!(all(&mut unknown).await[&0].problem, "not-found");
    host.fake.stop(&id, None).await.expect("stopped");
    let mut stopped = coordinator.open("stopped", exec(&id, &["cat"])).await;
    assert_eq!(all(&mut stopped).await[&0].problem, "wrong-state");
    let other = InstanceRef { provider: "other".parse().expect("a name"), native: id.clone() };
    let request = StreamRequest::Describe { instance: other };
    let mut other = coordinator.open("other", request).await;
    assert_eq!(all(&mut other).await[&0].problem, "not-found");

    // A request that is not understood, and a ticket that is not good.
    let open = wire::OpenStream { ticket: "empty".to_owned(), request: None };
    coordinator.say(wire::coordinator_message::Message::OpenStream(open)).await;
    assert_eq!(coordinator.refused("empty").await, "invalid-field");
    let request = StreamRequest::Describe { instance: instance(&id) };
    let open = wire::OpenStream { ticket: "unknown".to_owned(), request: Some(request.into()) };
    coordinator.say(wire::coordinator_message::Message::OpenStream(open)).await;
    assert_eq!(coordinator.refused("unknown").await, "not-found");
}

#[tokio::test]
async fn whoever_does_not_read_stops_its_writer_and_nobody_else() {
    let (host, id) = host().await;
    let coordinator = &host.coordinator;
    // Half of them write what nobody reads, half get what they do not read.
    let mut stalled = Vec::new();
    for number in 0..31 {
        let ticket = format!("floods {number}");
        stalled.push(coordinator.open(&ticket, exec(&id, &["endless"])).await);
        let deaf = coordinator.open(&format!("deaf {number}"), exec(&id, &["sleep", "1000"])).await;
        let input = deaf.input.clone();
        tokio::spawn(async move {
            let data = bytes::Bytes::from(vec![b'x'; 32 * 1024]);
            let frame = || wire::StreamIn { frame: Some(In::Stdin(data.clone())) };
            while input.send(Ok(frame())).await.is_ok() {}
        });
        stalled.push(deaf);
    }
    coordinator.beats(5).await;
    let mut cat = coordinator.open("cat", exec(&id, &["cat"])).await;
    cat.send(In::Stdin("through".into())).await;
    cat.send(In::StdinEnd(wire::StdinEnd {})).await;
    assert_eq!(all(&mut cat).await[&0].out, b"through");
    coordinator.beats(5).await;
    // The writer goes on where it was stopped.
    let mut bytes = 0;
    while bytes < 4 << 20 {
        match stalled[0].next().await.expect("it does not end") {
            (0, Frame::Stdout(data)) => {
                assert!(data.len() <= 64 * 1024, "{}", data.len());
                bytes += data.len();
            }
            (0, Frame::Started(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn one_stream_too_many_is_refused_until_another_ends() {
    let (host, id) = host().await;
    let coordinator = &host.coordinator;
    let mut open = Vec::new();
    for number in 0..64 {
        open.push(coordinator.open(&number.to_string(), exec(&id, &["sleep", "1000"])).await);
    }
    let _bulk = coordinator.ask("one more", exec(&id, &["cat"])).await;
    assert_eq!(coordinator.refused("one more").await, "busy");
    drop(open.pop());
    // The end of one is seen a moment after it ended.
    for attempt in 0.. {
        let ticket = format!("again {attempt}");
        let bulk = coordinator.ask(&ticket, exec(&id, &["exit", "0"])).await;
        tokio::select! {
            bulk = bulk => {
                let mut bulk = bulk.expect("a stream");
                assert_eq!(all(&mut bulk).await[&0].rest, ["started", "exit 0"]);
                break;
            }
            code = coordinator.refused(&ticket) => assert!(code == "busy" && attempt < 1000),
        }
    }
}

#[tokio::test]
async fn streams_end_with_the_session() {
    let (host, id) = host().await;
    let mut endless = host.coordinator.open("endless", exec(&id, &["endless"])).await;
    assert!(endless.next().await.is_some());
    host.coordinator.cut().await;
    let ended = async { while let Ok(Some(_)) = endless.out.message().await {} };
    tokio::time::timeout(crate::coordinator::LIMIT, ended).await.expect("it ends");
    host.coordinator.beats(2).await;
    let mut again = host.coordinator.open("again", exec(&id, &["exit", "0"])).await;
    assert_eq!(all(&mut again).await[&0].rest, ["started", "exit 0"]);
}

#[tokio::test]
async fn logs_of_many_instances_come_side_by_side() {
    let (host, _) = host().await;
    let mut instances = Vec::new();
    for lines in ["3000", "2", "50"] {
        instances.push(instance(&running(&host, &["write", lines]).await));
    }
    instances.push(instance(&"nobody".parse().expect("an id")));
    let request = StreamRequest::Logs { instances, options: LogOptions::default() };
    let mut logs = host.coordinator.open("logs", request).await;
    let heard = all(&mut logs).await;
    for (source, lines) in [(0, 3000), (1, 2), (2, 50)] {
        let text = String::from_utf8(heard[&source].out.clone()).expect("text");
        let expected: String = (1..=lines).map(|line| format!("line {line}\n")).collect();
        assert!(text == expected, "{source}: {} of {} bytes", text.len(), expected.len());
        assert_eq!(heard[&source].rest, ["started", "ended"]);
    }
    assert_eq!(heard[&3].rest, ["problem"]);
    assert_eq!(heard[&3].problem, "not-found");
}

#[tokio::test]
async fn a_long_log_does_not_keep_a_short_one_waiting() {
    let (host, _) = host().await;
    let long = running(&host, &["write", "300000"]).await;
    let short = running(&host, &["write", "1"]).await;
    let instances = vec![instance(&long), instance(&short)];
    let request = StreamRequest::Logs { instances, options: LogOptions::default() };
    let mut logs = host.coordinator.open("logs", request).await;
    let mut order = Vec::new();
    while let Some((source, frame)) = logs.next().await {
        if matches!(frame, Frame::Ended(_)) {
            order.push(source);
        }
    }
    assert_eq!(order, [1, 0]);
}

#[tokio::test]
async fn a_followed_log_ends_with_its_instance() {
    let (host, _) = host().await;
    let id = running(&host, &["tick"]).await;
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let request = StreamRequest::Logs { instances: vec![instance(&id)], options };
    let mut logs = host.coordinator.open("logs", request).await;
    let mut text = Vec::new();
    while !text.ends_with(b"tick 3\n") {
        if let (0, Frame::Stdout(data)) = logs.next().await.expect("it goes on") {
            text.extend_from_slice(&data);
        }
    }
    host.fake.stop(&id, None).await.expect("stopped");
    let rest = all(&mut logs).await.remove(&0).expect("the end");
    assert_eq!(rest.rest, ["ended"]);
}

#[tokio::test]
async fn stats_come_once_or_until_nothing_runs() {
    let (host, first) = host().await;
    let second = running(&host, &["idle"]).await;
    let instances = vec![instance(&first), instance(&second)];
    let request = StreamRequest::Stats { instances: instances.clone(), every_ms: None };
    let mut once = host.coordinator.open("once", request).await;
    let heard = all(&mut once).await;
    assert_eq!(heard[&0].rest, ["stats", "ended"]);
    assert_eq!(heard[&1].rest, ["stats", "ended"]);

    let request = StreamRequest::Stats { instances, every_ms: Some(100) };
    let mut again = host.coordinator.open("again", request).await;
    let mut samples = BTreeMap::new();
    while samples.len() < 2 || samples.values().any(|count| *count < 3) {
        match again.next().await.expect("it goes on") {
            (source, Frame::Stats(stats)) if stats.at > 0 => {
                *samples.entry(source).or_insert(0) += 1
            }
            other => panic!("{other:?}"),
        }
    }
    for id in [&first, &second] {
        host.fake.stop(id, None).await.expect("stopped");
    }
    let heard = all(&mut again).await;
    for source in [0, 1] {
        assert_eq!(heard[&source].problem, "wrong-state");
    }
}

#[tokio::test]
async fn an_instance_is_described_with_its_checkpoints() {
    let (host, id) = host().await;
    let name = "before".parse().expect("a name");
    host.fake.checkpoint_create(&id, &name).await.expect("saved");
    let request = StreamRequest::Describe { instance: instance(&id) };
    let mut detail = host.coordinator.open("detail", request).await;
    let Some((0, Frame::Detail(detail_frame))) = detail.next().await else { panic!("no detail") };
    assert!(detail_frame.json.contains(id.as_str()), "{}", detail_frame.json);
    assert_eq!(detail_frame.instance.expect("an instance").native, id.as_str());
    assert_eq!(detail_frame.checkpoints[0].name, "before");
    assert!(detail.next().await.is_none());
}
