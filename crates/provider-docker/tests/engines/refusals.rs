//! What real engines refuse, and how that is told: the kind, and the field of the spec.

use std::time::Duration;

use crate::support::{Rig, source};
use futures_util::StreamExt as _;
use tamer_model::{
    ExecSpec, InstanceSpec, InstanceState, Limits, Mount, MountKind, NativeId, Port, Protocol,
    PullPolicy,
};
use tamer_peers::image;
use tamer_provider::{ExecOutput, Fault, FaultKind, ProgressSink, Provider as _};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_refuses_with_the_field() {
    if let Some(rig) = Rig::docker().await {
        refuses(&rig).await;
        loses_its_engine(rig).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn podman_refuses_with_the_field() {
    if let Some(rig) = Rig::podman().await {
        refuses(&rig).await;
        loses_its_engine(rig).await;
    }
}

async fn refuses(rig: &Rig) {
    images(rig).await;
    specs(rig).await;
    starts(rig).await;
    paused(rig).await;
    nothing_is_left(rig).await;
    cut_archive(rig).await;
}

async fn create(rig: &Rig, spec: InstanceSpec) -> Result<NativeId, Fault> {
    let spec = spec.validate().expect("what the model allows");
    rig.provider.create(&spec, &ProgressSink::none()).await
}

#[track_caller]
fn check<T: std::fmt::Debug>(seen: Result<T, Fault>, kind: FaultKind, field: &str) {
    let fault = seen.expect_err(field);
    assert_eq!((fault.kind, fault.field.as_deref()), (kind, Some(field)), "{fault:?}");
}

fn idle(rig: &Rig, name: &str) -> InstanceSpec {
    rig.spec(name, &["sleep", "1000"])
}

async fn images(rig: &Rig) {
    let of = |image: &str, pull| InstanceSpec {
        image: Some(image.to_owned()),
        pull,
        ..idle(rig, "image")
    };
    check(create(rig, of("tamer/none:1", PullPolicy::Never)).await, FaultKind::NotFound, "image");
    check(create(rig, of("Bad::Name", PullPolicy::Never)).await, FaultKind::InvalidSpec, "image");
    // Nobody listens there.
    let far = create(rig, of("127.0.0.1:9/tamer/none:1", PullPolicy::Missing)).await;
    check(far, FaultKind::Failed, "image");
    let always = create(rig, of("127.0.0.1:9/tamer/none:1", PullPolicy::Always)).await;
    check(always, FaultKind::Failed, "image");
}

async fn specs(rig: &Rig) {
    let first = create(rig, idle(rig, "taken")).await.expect("the first");
    check(create(rig, idle(rig, "taken")).await, FaultKind::AlreadyExists, "name");
    rig.provider.remove(&first, false).await.expect("remove");

    let networks = vec!["bridge".to_owned(), "absent".to_owned()];
    let spec = InstanceSpec { networks, ..idle(rig, "networks") };
    check(create(rig, spec).await, FaultKind::NotFound, "networks[1]");

    let limits = Limits { cpu_millis: Some(4_000_000), ..Limits::default() };
    let spec = InstanceSpec { limits, ..idle(rig, "processors") };
    check(create(rig, spec).await, FaultKind::InvalidSpec, "limits.cpu_millis");

    let limits = Limits { disk_bytes: Some(1 << 30), ..Limits::default() };
    let spec = InstanceSpec { limits, ..idle(rig, "disk") };
    check(create(rig, spec).await, FaultKind::Unsupported, "limits.disk_bytes");

    let mount = |kind, source: &str| Mount {
        kind,
        source: source.to_owned(),
        target: "/there".to_owned(),
        read_only: false,
    };
    let folder = tempfile::tempdir().expect("a folder");
    let absent = folder.path().join("absent").display().to_string();
    let mounts = vec![mount(MountKind::Tmpfs, ""), mount(MountKind::Bind, &absent)];
    let spec = InstanceSpec { mounts, ..idle(rig, "mounts") };
    check(create(rig, spec).await, FaultKind::InvalidSpec, "mounts[1].source");
    assert!(!std::path::Path::new(&absent).exists(), "the engine made the missing source");

    let spec = rig.spec("b d", &["true"]);
    check(create(rig, spec).await, FaultKind::InvalidSpec, "name");
}

/// What engines notice only when a container starts.
async fn starts(rig: &Rig) {
    let port = Port { instance: 80, host: Some(18080), address: None, protocol: Protocol::Tcp };
    let bound = |name: &str| InstanceSpec { ports: vec![port], ..idle(rig, name) };
    let first = create(rig, bound("port-one")).await.expect("the first");
    let second = create(rig, bound("port-two")).await.expect("the second");
    rig.provider.start(&first).await.expect("start");
    let told = rig.provider.get(&first).await.expect("get");
    assert_eq!(told.ports, [port]);
    check(rig.provider.start(&second).await, FaultKind::ResourceExhausted, "ports");
    rig.provider.remove(&first, true).await.expect("remove");
    // The port is free again.
    rig.provider.start(&second).await.expect("start");
    rig.provider.remove(&second, true).await.expect("remove");

    let id = create(rig, rig.spec("program", &["no-such-program"])).await.expect("create");
    check(rig.provider.start(&id).await, FaultKind::InvalidSpec, "command");
    rig.provider.remove(&id, true).await.expect("remove");

    // One engine refuses so little memory when it makes the container, the other at the start.
    let limits = Limits { memory_bytes: Some(1 << 20), ..Limits::default() };
    let spec = InstanceSpec { limits, ..idle(rig, "memory") };
    match create(rig, spec).await {
        Ok(id) => {
            let started = rig.provider.start(&id).await;
            check(started, FaultKind::InvalidSpec, "limits.memory_bytes");
            rig.provider.remove(&id, true).await.expect("remove");
        }
        refused => check(refused, FaultKind::InvalidSpec, "limits.memory_bytes"),
    }
}

/// What can be done to a container that is paused.
async fn paused(rig: &Rig) {
    let spec = rig.spec("paused", &["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]);
    let id = create(rig, spec).await.expect("create");
    let conflict = |seen: Result<(), Fault>| {
        assert_eq!(seen.map_err(|fault| fault.kind), Err(FaultKind::Conflict));
    };
    conflict(rig.provider.pause(&id).await);
    rig.provider.start(&id).await.expect("start");
    rig.provider.pause(&id).await.expect("pause");
    conflict(rig.provider.start(&id).await);
    conflict(rig.provider.remove(&id, false).await);
    let grace = Some(Duration::from_secs(5));
    rig.provider.restart(&id, grace).await.expect("restart");
    assert_eq!(rig.provider.get(&id).await.expect("get").state, InstanceState::Running);
    rig.provider.pause(&id).await.expect("pause again");
    rig.provider.stop(&id, grace).await.expect("stop");
    assert_eq!(rig.provider.get(&id).await.expect("get").state, InstanceState::Stopped);
    conflict(rig.provider.resume(&id).await);
    conflict(rig.provider.stats(&id).await.map(drop));
    rig.provider.remove(&id, false).await.expect("remove");
}

/// A container whose second network cannot be had is taken back.
async fn nothing_is_left(rig: &Rig) {
    let networks = vec!["bridge".to_owned(), "none".to_owned()];
    let spec = InstanceSpec { networks, ..idle(rig, "half") };
    let refused = create(rig, spec).await.expect_err("two modes");
    assert!(refused.field.is_some_and(|field| field.starts_with("networks")));
    let left = rig.provider.list().await.expect("list");
    assert!(left.is_empty(), "{left:?}");
}

async fn cut_archive(rig: &Rig) {
    let before = rig.provider.images().await.expect("images");
    let mut archive = image::image_tar("tamer/cut:1", &[]).expect("an image");
    archive.truncate(archive.len() / 2);
    let loaded = rig.provider.image_load(source(archive), &ProgressSink::none()).await;
    assert!(loaded.is_err(), "{loaded:?}");
    assert_eq!(rig.provider.images().await.expect("images"), before);
}

/// The engine is killed while a command runs: the reader is told, soon.
async fn loses_its_engine(rig: Rig) {
    let id = create(&rig, idle(&rig, "lost")).await.expect("create");
    rig.provider.start(&id).await.expect("start");
    let spec = ExecSpec::new(["sh", "-c", "echo begun; sleep 1000"]);
    let mut session = rig.provider.exec(&id, &spec).await.expect("exec");
    let first = session.output.next().await.expect("an item").expect("output");
    assert!(matches!(first, ExecOutput::Data(_, data) if &data[..] == b"begun\n"));
    rig.peer.lock().expect("the peer").kill();
    let end = tokio::time::timeout(Duration::from_secs(20), session.output.next()).await;
    let end = end.expect("the reader waits for a dead engine").expect("an item");
    assert_eq!(end.expect_err("the engine is gone").kind, FaultKind::Unavailable);
    assert!(session.output.next().await.is_none());
    let probed = rig.provider.probe().await.expect_err("nobody is there");
    assert_eq!(probed.kind, FaultKind::Unavailable, "{probed:?}");
    rig.peer.lock().expect("the peer").start_again();
    rig.provider.remove(&id, true).await.expect("remove");
}
