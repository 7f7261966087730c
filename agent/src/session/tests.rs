use rustls::AlertDescription;
use tamer_model::{BatchId, Code, HostId, Problem, TaskId};
use tamer_proto::wire;
use tokio_stream::StreamExt;
use wire::coordinator_message::Message;

use super::outbox::{Outbox, ended, say};
use super::*;

fn message(message: Message) -> wire::CoordinatorMessage {
    wire::CoordinatorMessage { message: Some(message) }
}

#[test]
fn the_first_message_is_a_welcome_or_a_refusal() {
    let welcome = wire::Welcome { heartbeat_ms: 0, silence_ms: 1, ..Default::default() };
    let welcome = first(message(Message::Welcome(welcome))).expect("a welcome");
    assert_eq!(welcome.heartbeat.as_millis(), 3000);
    assert_eq!(welcome.silence.as_millis(), 500);
    let close = wire::Close { code: "host-revoked".into(), message: String::new() };
    assert_eq!(first(message(Message::Close(close))).expect_err("closed").code, Code::HostRevoked);
    let ack = wire::HeartbeatAck { sequence: 1 };
    let early = first(message(Message::HeartbeatAck(ack))).expect_err("too early");
    assert_eq!(early.field.as_deref(), Some("welcome"));
    assert!(first(wire::CoordinatorMessage { message: None }).is_err());
}

#[test]
fn a_bad_command_ends_its_task_and_not_the_session() {
    let task = TaskId::of_host(BatchId::from_bytes([1; 10]), HostId::from_bytes([2; 10]));
    let start = |task, command| {
        message(Message::StartTask(wire::StartTask { task, command, ..Default::default() }))
    };
    let empty = wire::CommandSpec::default();
    let read = Incoming::try_from(start(Some(task.into()), Some(empty))).expect("a task");
    assert!(matches!(read, Incoming::Start(read, Err(_)) if read == task));
    let read = Incoming::try_from(start(Some(task.into()), None)).expect("a task");
    assert!(matches!(read, Incoming::Start(_, Err(_))));
    assert!(Incoming::try_from(start(None, None)).is_err());
    let unknown = Incoming::try_from(wire::CoordinatorMessage { message: None });
    assert_eq!(unknown.expect("ignored"), Incoming::Unknown);
}

#[test]
fn a_refusal_is_told_as_what_it_is() {
    let lost = || Problem::new(Code::Unreachable, "lost");
    let of = |alert| End::of(lost(), Some(alert));
    assert!(matches!(of(AlertDescription::CertificateRevoked), End::Revoked(_)));
    assert!(matches!(of(AlertDescription::CertificateExpired), End::Refused(_)));
    assert!(matches!(of(AlertDescription::UnknownCA), End::Refused(_)));
    assert!(matches!(of(AlertDescription::InternalError), End::Lost(_)));
    assert!(matches!(End::of(lost(), None), End::Lost(_)));
    let revoked = Problem::new(Code::HostRevoked, "gone");
    assert!(matches!(End::of(revoked, None), End::Revoked(_)));
}

#[tokio::test]
async fn control_goes_before_ends_and_those_before_all_that_is_only_shown() {
    let (control, control_out) = tokio::sync::mpsc::channel(4);
    let (ends, ends_out) = tokio::sync::mpsc::channel(4);
    let (placements, placements_out) = tokio::sync::mpsc::channel(4);
    let (pictures, pictures_out) = tokio::sync::mpsc::channel(4);
    let (instances, instances_out) = tokio::sync::mpsc::channel(4);
    let (output, output_out) = tokio::sync::mpsc::channel(4);
    let (progress, progress_out) = tokio::sync::mpsc::channel(4);
    let task = TaskId::of_host(BatchId::from_bytes([1; 10]), HostId::from_bytes([2; 10]));
    let chunk = crate::exec::Chunk {
        task,
        stream: tamer_model::StreamKind::Stdout,
        offset: 0,
        data: vec![1],
    };
    output.try_send(chunk).expect("room");
    let told = wire::InventoryTold::default();
    pictures.try_send(say(wire::agent_message::Message::Inventory(told))).expect("room");
    progress.try_send(crate::work::Progress { task, done: 1, total: 2 }).expect("room");
    let providers = wire::Providers { providers: Vec::new() };
    instances.try_send(say(wire::agent_message::Message::Providers(providers))).expect("room");
    let told = wire::PlacementsTold::default();
    placements.try_send(say(wire::agent_message::Message::Placements(told))).expect("room");
    let end = tamer_model::TaskEnd::refused("x");
    ends.try_send(ended(task, end, Default::default())).expect("room");
    let beat = wire::agent_message::Message::Heartbeat(wire::Heartbeat {
        sequence: 1,
        ..Default::default()
    });
    control.try_send(say(beat)).expect("room");
    let mut outbox = Outbox {
        control: control_out,
        ends: ends_out,
        placements: placements_out,
        instances: instances_out,
        inventory: pictures_out,
        progress: progress_out,
        output: output_out,
    };
    let mut kinds = Vec::new();
    for _ in 0..7 {
        kinds.push(match outbox.next().await.and_then(|message| message.message) {
            Some(wire::agent_message::Message::Heartbeat(_)) => "control",
            Some(wire::agent_message::Message::TaskEnded(_)) => "end",
            Some(wire::agent_message::Message::Placements(_)) => "placements",
            Some(wire::agent_message::Message::Providers(_)) => "instances",
            Some(wire::agent_message::Message::TaskProgress(_)) => "progress",
            Some(wire::agent_message::Message::Inventory(_)) => "inventory",
            Some(wire::agent_message::Message::TaskOutput(_)) => "output",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        kinds,
        ["control", "end", "placements", "instances", "progress", "inventory", "output"]
    );
    drop(control);
    assert!(outbox.next().await.is_none(), "the stream ends with the conversation");
}
