//! What only machines have: volumes, networks, a seed, a start with the host, a daemon that dies
//! while a command runs. One machine shows it all.

use std::fs;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tamer_model::{
    CheckpointKind, ExecSpec, InstanceSpec, InstanceState, Limits, NativeId, OptionValue,
    RestartPolicy,
};
use tamer_provider::conformance::Subject;
use tamer_provider::{ExecOutput, FaultKind, ProgressSink, Provider};

use super::real::Machines;

/// How long a call may take to see that nobody is there.
const QUICKLY: Duration = Duration::from_secs(5);

/// One machine's life.
pub async fn the_suite(machines: &Machines) {
    prepare(machines);
    a_network_that_is_not_there_is_named(machines).await;
    let id = machines.made(&spec(machines)).await;
    let provider = machines.provider();
    provider.start(&id).await.expect("started");
    machines.ready(&id).await.expect("booted");
    let says = async |script: &str| said(&*provider, &id, script).await;

    assert_eq!(says("cat /sys/block/vda/size").await, "65536\n", "32 MiB in sectors");
    let seed = "mount -t vfat -o ro /dev/vdb /seed && cat /seed/user-data /seed/meta-data";
    let wanted = "#cloud-config\n# größe\ninstance-id: ";
    assert!(says(seed).await.starts_with(wanted), "{}", says("ls -l /seed").await);
    assert_eq!(says("ls /sys/class/net | grep -v lo | wc -l").await.trim(), "1");

    let info = machines.virsh(&["dominfo", id.as_str()]);
    assert!(info.contains("Autostart:      enable"), "{info}");
    let found = provider.scan().await.expect("scanned");
    let own = found.iter().find(|r| r.reference.id == id.as_str()).expect("the machine");
    let needed: Vec<_> = own.depends_on.iter().map(|r| r.kind.as_str()).collect();
    assert_eq!(needed, ["image", "network", "volume"], "{own:?}");
    assert_eq!(own.depends_on[2].id, "shelf/base.img");

    an_outage(machines, &id).await;
    assert_eq!(said(&*provider, &id, "echo still here").await, "still here\n");

    provider.stop(&id, None).await.expect("stopped");
    let info = machines.virsh(&["dominfo", id.as_str()]);
    assert!(info.contains("Autostart:      disable"), "stopped on purpose: {info}");
    let name = "cold".parse().expect("a name");
    provider.checkpoint_create(&id, &name).await.expect("saved");
    let saved = provider.checkpoints(&id).await.expect("listed");
    assert_eq!(saved[0].kind, CheckpointKind::Disk);

    machines.virsh(&["start", id.as_str()]);
    machines.virsh(&["managedsave", id.as_str()]);
    let told = provider.get(&id).await.expect("a look");
    assert_eq!(told.state, InstanceState::Suspended);
    provider.start(&id).await.expect("woken");
    assert_eq!(provider.get(&id).await.expect("a look").state, InstanceState::Running);
    provider.remove(&id, true).await.expect("removed");
    let left: Vec<_> =
        fs::read_dir(machines.folder().join("machines")).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A pool with a volume, and a network.
fn prepare(machines: &Machines) {
    let folder = machines.folder();
    let shelf = folder.join("shelf");
    fs::create_dir(&shelf).expect("a folder");
    fs::write(shelf.join("base.img"), vec![0; 16 << 20]).expect("a volume");
    let shelf = shelf.to_str().expect("text");
    machines.virsh(&["pool-create-as", "shelf", "dir", "--target", shelf]);
    let network = folder.join("network.xml");
    fs::write(&network, "<network><name>lan</name><bridge name='tlan'/></network>")
        .expect("written");
    machines.virsh(&["net-create", network.to_str().expect("text")]);
}

fn spec(machines: &Machines) -> InstanceSpec {
    let mut spec = machines.idle("größe & co".parse().expect("a name"));
    spec.networks = vec!["lan".to_owned()];
    spec.restart = RestartPolicy::UnlessStopped;
    spec.limits = Limits { disk_bytes: Some(32 << 20), ..Limits::default() };
    let user_data = OptionValue::Text("#cloud-config\n# größe\n".to_owned());
    spec.options.insert("cloud_init_user_data".to_owned(), user_data);
    // A template of its own, whose disk is a volume.
    let templates = machines.folder().join("templates");
    let tiny = fs::read_to_string(templates.join("tiny.toml")).expect("the template");
    let shelved = tiny.replace("base.qcow2", "shelf/base.img");
    fs::write(templates.join("shelved.toml"), shelved).expect("a template");
    spec.template = Some("shelved".to_owned());
    spec
}

async fn a_network_that_is_not_there_is_named(machines: &Machines) {
    let mut spec = machines.idle("lost".parse().expect("a name"));
    spec.networks = vec!["lan".to_owned(), "nowhere".to_owned()];
    let made = machines.provider().create(&spec, &ProgressSink::none()).await;
    let fault = made.expect_err("no such network");
    assert_eq!((fault.kind, fault.field.as_deref()), (FaultKind::NotFound, Some("networks[1]")));
}

/// A killed libvirtd fails what is under way at once; its machine goes on, and so does the provider.
async fn an_outage(machines: &Machines, id: &NativeId) {
    let provider = machines.provider();
    let sleep = ExecSpec::new(["sleep", "3600"]);
    let mut session = provider.exec(id, &sleep).await.expect("begun");
    let mut events = provider.events().await.expect("listening");
    let end = tokio::spawn(async move { session.output.next().await });
    assert!(machines.kill_technology().await);
    let began = Instant::now();
    let last = tokio::time::timeout(QUICKLY, end).await.expect("in time").expect("joined");
    let fault = last.expect("an item").expect_err("libvirtd is gone");
    assert_eq!(fault.kind, FaultKind::Unavailable, "{fault:?}");
    let told = tokio::time::timeout(QUICKLY, events.next()).await.expect("in time");
    let fault = told.expect("a last item").expect_err("libvirtd is gone");
    assert_eq!(fault.kind, FaultKind::Unavailable, "{fault:?}");
    assert!(events.next().await.is_none(), "something comes after the end");
    for outcome in [provider.list().await.map(drop), provider.get(id).await.map(drop)] {
        let fault = outcome.expect_err("libvirtd is gone");
        assert_eq!(fault.kind, FaultKind::Unavailable, "{fault:?}");
    }
    assert!(began.elapsed() < QUICKLY, "it took {:?} to see it", began.elapsed());
    machines.bring_back().await;
    let told = provider.get(id).await.expect("the same provider works again");
    assert_eq!(told.state, InstanceState::Running);
    machines.ready(id).await.expect("its agent is reached again");
}

/// What a script in the machine writes.
async fn said(provider: &dyn Provider, id: &NativeId, script: &str) -> String {
    let session = provider.exec(id, &ExecSpec::new(["sh", "-c", script])).await.expect("begun");
    let mut text = Vec::new();
    for output in session.output.collect::<Vec<_>>().await {
        match output.expect("output") {
            ExecOutput::Data(_, data) => text.extend_from_slice(&data),
            ExecOutput::Ended(_) => {}
        }
    }
    String::from_utf8(text).expect("text")
}
