//! What a spec asks for is there in the container, and stays when it is made anew.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::support::{Peer, Rig, provider};
use futures_util::StreamExt as _;
use tamer_model::{
    ExecSpec, InstanceSpec, InstanceState, Limits, Mount, MountKind, NativeId, OptionValue, Port,
    Protocol, ResourceKind,
};
use tamer_provider::{ExecOutput, ProgressSink, Provider as _};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_carries_everything() {
    if let Some(rig) = Rig::docker().await {
        carries(&rig).await;
        ends_as_told(&rig).await;
        somebody_elses(&rig).await;
        recognised(&rig).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn podman_carries_everything() {
    if let Some(rig) = Rig::podman().await {
        carries(&rig).await;
        ends_as_told(&rig).await;
        somebody_elses(&rig).await;
        recognised(&rig).await;
    }
}

async fn output(rig: &Rig, id: &NativeId, argv: &[&str]) -> String {
    let spec = ExecSpec::new(argv.iter().copied());
    let mut session = rig.provider.exec(id, &spec).await.expect("exec");
    let mut all = Vec::new();
    while let Some(item) = session.output.next().await {
        match item.expect("output") {
            ExecOutput::Data(_, data) => all.extend_from_slice(&data),
            ExecOutput::Ended(code) => assert_eq!(code, Some(0), "{argv:?}: {all:?}"),
        }
    }
    String::from_utf8(all).expect("text").trim().to_owned()
}

fn full(rig: &Rig, source: &Path) -> InstanceSpec {
    std::fs::write(source.join("file"), "from the host").expect("a file");
    let mount = |kind, source: String, target: &str, read_only| Mount {
        kind,
        source,
        target: target.to_owned(),
        read_only,
    };
    let word = |text: &str| text.to_owned();
    InstanceSpec {
        env: BTreeMap::from([(word("GREETING"), word("hello = world"))]),
        workdir: Some(word("/tmp")),
        user: Some(word("65534:65534")),
        labels: BTreeMap::from([(word("team"), word("blue"))]),
        limits: Limits { memory_bytes: Some(64 << 20), pids: Some(50), ..Limits::default() },
        mounts: vec![
            mount(MountKind::Bind, source.display().to_string(), "/shared", true),
            mount(MountKind::Volume, word("kept"), "/kept", false),
            mount(MountKind::Tmpfs, String::new(), "/fast", false),
        ],
        ports: vec![Port {
            instance: 8080,
            host: Some(18081),
            address: Some("127.0.0.1".parse().expect("an address")),
            protocol: Protocol::Tcp,
        }],
        options: BTreeMap::from([
            (word("hostname"), OptionValue::Text(word("box"))),
            (word("cap_drop"), OptionValue::List(vec![word("ALL")])),
            (word("stop_signal"), OptionValue::Text(word("SIGKILL"))),
        ]),
        ..rig.spec("full", &["sh", "-c", "httpd -p 8080 -h /shared; sleep 1000"])
    }
}

async fn carries(rig: &Rig) {
    let shared = tempfile::tempdir().expect("a folder");
    let opened = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(shared.path(), opened).expect("permissions");
    let spec = full(rig, shared.path()).validate().expect("a good spec");
    let id = rig.provider.create(&spec, &ProgressSink::none()).await.expect("create");
    rig.provider.start(&id).await.expect("start");
    holds(rig, &id, &spec).await;
    // Mounts and settings stay when it is made anew; a file of its own comes from the checkpoint.
    output(rig, &id, &["sh", "-c", "echo saved > /tmp/own"]).await;
    let name = "one".parse().expect("a name");
    rig.provider.checkpoint_create(&id, &name).await.expect("save");
    output(rig, &id, &["sh", "-c", "echo lost > /tmp/own"]).await;
    let new = rig.provider.checkpoint_restore(&id, &name).await.expect("restore");
    assert_ne!(new, id);
    holds(rig, &new, &spec).await;
    assert_eq!(output(rig, &new, &["cat", "/tmp/own"]).await, "saved");
    let all = rig.provider.list().await.expect("list");
    assert_eq!(all.len(), 1, "{all:?}");
    scanned(rig, &new).await;
    rig.provider.remove(&new, true).await.expect("remove");
    let scan = rig.provider.scan().await.expect("scan");
    let volumes: Vec<_> =
        scan.iter().filter(|one| one.reference.kind == ResourceKind::Volume).collect();
    assert_eq!(volumes.len(), 1, "the volume with a name stays: {volumes:?}");
}

async fn holds(rig: &Rig, id: &NativeId, spec: &InstanceSpec) {
    let told = rig.provider.get(id).await.expect("get");
    assert_eq!(told.state, InstanceState::Running, "{told:?}");
    assert_eq!(told.name.as_str(), "full");
    assert_eq!(told.labels.get("team").map(String::as_str), Some("blue"));
    assert!(told.managed);
    assert_eq!(told.ports, spec.ports);
    assert_eq!(output(rig, id, &["sh", "-c", "echo $GREETING"]).await, "hello = world");
    assert_eq!(output(rig, id, &["pwd"]).await, "/tmp");
    assert_eq!(output(rig, id, &["id", "-u"]).await, "65534");
    assert_eq!(output(rig, id, &["hostname"]).await, "box");
    assert_eq!(output(rig, id, &["cat", "/shared/file"]).await, "from the host");
    let script = "touch /shared/x 2>/dev/null && echo wrote || echo refused";
    assert_eq!(output(rig, id, &["sh", "-c", script]).await, "refused");
    assert_eq!(output(rig, id, &["sh", "-c", "grep -c /fast /proc/mounts"]).await, "1");
    let none = output(rig, id, &["sh", "-c", "grep CapEff /proc/self/status"]).await;
    assert!(none.ends_with("0000000000000000"), "{none}");
    let stats = rig.provider.stats(id).await.expect("stats");
    assert_eq!(stats.memory_limit_bytes, Some(64 << 20));
    // The port, from the engine's side.
    let fetch = ["wget", "-q", "-O", "-", "http://127.0.0.1:18081/file"];
    let peer = rig.peer.lock().expect("the peer");
    let fetched = match &*peer {
        Peer::Docker(docker) => docker.beside("busybox", &fetch),
        Peer::Podman(podman) => podman.beside("busybox", &fetch),
    };
    assert_eq!(fetched.expect("the published port"), "from the host");
}

async fn scanned(rig: &Rig, id: &NativeId) {
    let scan = rig.provider.scan().await.expect("scan");
    let kinds = [ResourceKind::Technology, ResourceKind::Image, ResourceKind::Network];
    for kind in kinds {
        assert!(scan.iter().any(|one| one.reference.kind == kind), "{kind}: {scan:?}");
    }
    let one = scan.iter().find(|one| one.reference.id == id.as_str()).expect("the container");
    assert_eq!(one.attributes["limits.memory_bytes"], (64 << 20).to_string());
    assert_eq!(one.attributes["labels.team"], "blue");
    assert_eq!(one.attributes["mounts./kept"], "volume kept rw");
    for needed in &one.depends_on {
        assert!(scan.iter().any(|other| other.reference == *needed), "{needed:?} is not there");
    }
}

/// A container that Tamer did not make, with a volume that has no name: it has checkpoints all the
/// same, keeps its volume through a restore, and leaves nothing.
async fn somebody_elses(rig: &Rig) {
    let socket = rig.peer.lock().expect("the peer").endpoint().replace("unix://", "");
    let body = r#"{"Image":"tamer/busybox:1","Volumes":{"/data":{}},
        "Cmd":["sh","-c","trap 'exit 0' TERM; sleep 1000 & wait"]}"#;
    let made = std::process::Command::new("curl")
        .args(["-sS", "--fail-with-body", "--max-time", "60", "--unix-socket", &socket])
        .args(["-H", "Content-Type: application/json", "-d", body])
        .arg("http://d/v1.41/containers/create?name=other")
        .output()
        .expect("curl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    let before = (volumes(rig).await, rig.provider.images().await.expect("images"));
    let all = rig.provider.list().await.expect("list");
    let [other] = &all[..] else { panic!("{all:?}") };
    assert!(!other.managed, "{other:?}");
    let id = other.native.clone();
    rig.provider.start(&id).await.expect("start");
    output(rig, &id, &["sh", "-c", "echo precious > /data/file"]).await;
    let (one, two) = ("one".parse().expect("a name"), "two".parse().expect("a name"));
    rig.provider.checkpoint_create(&id, &one).await.expect("save");
    let new = rig.provider.checkpoint_restore(&id, &one).await.expect("restore");
    assert_eq!(output(rig, &new, &["cat", "/data/file"]).await, "precious");
    rig.provider.checkpoint_create(&new, &two).await.expect("save again");
    let newer = rig.provider.checkpoint_restore(&new, &two).await.expect("restore again");
    assert_eq!(output(rig, &newer, &["cat", "/data/file"]).await, "precious");
    let saved = rig.provider.checkpoints(&newer).await.expect("checkpoints");
    assert_eq!(saved.iter().map(|saved| &saved.name).collect::<Vec<_>>(), [&one, &two]);
    // Also the one that it was made of, which it goes on using.
    rig.provider.checkpoint_remove(&newer, &two).await.expect("remove");
    let saved = rig.provider.checkpoints(&newer).await.expect("checkpoints");
    assert_eq!(saved.iter().map(|saved| &saved.name).collect::<Vec<_>>(), [&one]);
    assert_eq!(output(rig, &newer, &["cat", "/data/file"]).await, "precious");
    let told = rig.provider.get(&newer).await.expect("get");
    assert_eq!((told.name.as_str(), told.managed, told.labels.len()), ("other", false, 1));
    rig.provider.remove(&newer, true).await.expect("remove");
    assert_eq!(volumes(rig).await.len() + 1, before.0.len(), "the volume without a name stays");
    assert_eq!(rig.provider.images().await.expect("images"), before.1);
}

async fn volumes(rig: &Rig) -> Vec<String> {
    let scan = rig.provider.scan().await.expect("scan").into_iter();
    let volumes = scan.filter(|one| one.reference.kind == ResourceKind::Volume);
    volumes.map(|one| one.name).collect()
}

/// Exit codes, and memory that ran out.
async fn ends_as_told(rig: &Rig) {
    let cases = [
        ("fine", "exit 0", InstanceState::Stopped, Some(0), None),
        ("three", "exit 3", InstanceState::Stopped, Some(3), Some("exited with 3")),
    ];
    for (name, script, state, code, reason) in cases {
        let told = ended(rig, &rig.spec(name, &["sh", "-c", script])).await;
        assert_eq!((told.0, told.1, told.2.as_deref()), (state, code, reason), "{script}");
    }
    let limits = Limits { memory_bytes: Some(16 << 20), ..Limits::default() };
    let hungry = ["sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=256M count=1"];
    let told = ended(rig, &InstanceSpec { limits, ..rig.spec("hungry", &hungry) }).await;
    // Podman 4.3 with runc does not tell why its kernel killed a process.
    let wanted = match &*rig.peer.lock().expect("the peer") {
        Peer::Docker(_) => (InstanceState::Failed, "out of memory"),
        Peer::Podman(_) => (InstanceState::Stopped, "exited with 137"),
    };
    assert_eq!(told, (wanted.0, Some(137), Some(wanted.1.to_owned())));
}

async fn ended(rig: &Rig, spec: &InstanceSpec) -> (InstanceState, Option<i32>, Option<String>) {
    let id = rig.provider.create(spec, &ProgressSink::none()).await.expect("create");
    rig.provider.start(&id).await.expect("start");
    let mut last = None;
    for _ in 0..600 {
        let told = rig.provider.get(&id).await.expect("get");
        if ![InstanceState::Running, InstanceState::Creating].contains(&told.state) {
            rig.provider.remove(&id, true).await.expect("remove");
            return (told.state, told.exit_code, told.reason);
        }
        last = Some(told);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not end: {last:?}");
}

/// An engine is known by what it says, not by what the provider is called.
async fn recognised(rig: &Rig) {
    let title = match &*rig.peer.lock().expect("the peer") {
        Peer::Docker(_) => "Docker Engine ",
        Peer::Podman(_) => "Podman ",
    };
    let endpoint = rig.peer.lock().expect("the peer").endpoint();
    for name in ["docker", "podman"] {
        let probe = provider(name, endpoint.clone()).probe().await.expect("probe");
        assert!(probe.version.starts_with(title), "{}", probe.version);
        assert!(probe.version.contains("(API 1."), "{}", probe.version);
        assert_eq!(probe.endpoint, endpoint);
    }
}
