//! Images fetched from a real registry that wants a password.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Peer, Rig, is_there, source};
use tamer_model::PullPolicy;
use tamer_peers::image;
use tamer_provider::{FaultKind, Progress, ProgressSink, Provider as _};
use tamer_provider_docker::{ContainerProvider, Registry, Secret, Settings};
use tokio::sync::mpsc;

const IMAGE: &str = "127.0.0.1:5000/team/app:1";
/// "tamer" with the password "secret".
const USERS: &str = "tamer:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

/// Ends with the engine's namespaces; killed here so that it is waited for.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_pulls_with_the_password_of_the_registry() {
    let registry = std::path::Path::new("/usr/bin/docker-registry").exists();
    if !is_there("docker-registry", registry) {
        return;
    }
    let Some(rig) = Rig::docker().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let _served = serve(&rig, folder.path());
    let archive = image::image_tar(IMAGE, &[("etc/only-here", b"yes")]).expect("an image");
    rig.provider.image_load(source(archive), &ProgressSink::none()).await.expect("load");
    push(&rig);

    let nobody = ProgressSink::none();
    let with = |password: Option<&str>| {
        ContainerProvider::new(Settings {
            name: "docker".parse().expect("a name"),
            endpoint: Some(rig.peer.lock().expect("the peer").endpoint()),
            tls: None,
            registries: password
                .map(|password| Registry {
                    host: "127.0.0.1:5000".to_owned(),
                    user: "tamer".to_owned(),
                    password: Secret::new(password.to_owned()),
                })
                .into_iter()
                .collect(),
        })
    };
    for password in [None, Some("wrong")] {
        let fault = with(password).image_pull(IMAGE, &nobody).await.expect_err("no password");
        assert_eq!(fault.kind, FaultKind::Permission, "{fault:?}");
    }
    let good = with(Some("secret"));
    let unknown = good.image_pull("127.0.0.1:5000/team/none:1", &nobody).await;
    assert_eq!(unknown.expect_err("unknown").kind, FaultKind::NotFound);

    let (sender, mut told) = mpsc::channel::<Progress>(1000);
    good.image_pull(IMAGE, &ProgressSink::to(sender)).await.expect("pull");
    let mut steps = Vec::new();
    while let Some(step) = told.recv().await {
        steps.push(step);
    }
    assert!(steps.iter().any(|step| step.what.contains("Pull complete")), "{steps:?}");
    let has = good.images().await.expect("images");
    assert!(has.iter().any(|image| image.references.iter().any(|name| name == IMAGE)), "{has:?}");

    // And on the way to an instance.
    good.image_remove(IMAGE).await.expect("remove");
    let mut spec = rig.spec("pulled", &["true"]);
    spec.image = Some(IMAGE.to_owned());
    let never = good.create(&spec, &nobody).await.expect_err("it is not there");
    assert_eq!((never.kind, never.field.as_deref()), (FaultKind::NotFound, Some("image")));
    spec.pull = PullPolicy::Missing;
    let id = good.create(&spec, &nobody).await.expect("create");
    assert_eq!(good.get(&id).await.expect("get").image.as_deref(), Some(IMAGE));
    let printed = format!("{good:?}");
    assert!(!printed.contains("secret"), "{printed}");
}

fn serve(rig: &Rig, folder: &std::path::Path) -> Served {
    let users = folder.join("users");
    std::fs::write(&users, USERS).expect("users");
    let config = folder.join("registry.yml");
    let text = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
         http: {{addr: 127.0.0.1:5000}}\nauth: {{htpasswd: {{realm: tamer, path: {}}}}}\n",
        folder.join("data").display(),
        users.display()
    );
    std::fs::write(&config, text).expect("configuration");
    let log = std::fs::File::create(folder.join("registry.log")).expect("a log");
    let Peer::Docker(docker) = &*rig.peer.lock().expect("the peer") else { panic!("not Docker") };
    let child = docker
        .server_beside("docker-registry")
        .arg("serve")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("docker-registry");
    let served = Served(child);
    let since = Instant::now();
    loop {
        let asked = docker.beside("busybox", &["wget", "-q", "-O", "-", "http://127.0.0.1:5000/"]);
        match asked {
            Ok(_) => return served,
            Err(error) if since.elapsed() > Duration::from_secs(20) => {
                let log = std::fs::read_to_string(folder.join("registry.log"));
                panic!("the registry does not answer: {error:#}\n{log:?}");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Puts the image there, by a client that is not ours, and takes it away here.
fn push(rig: &Rig) {
    let Peer::Docker(docker) = &*rig.peer.lock().expect("the peer") else { panic!("not Docker") };
    let curl = |args: &[&str]| {
        let done = Command::new("curl")
            .args(["-sS", "--fail-with-body", "--max-time", "60", "--unix-socket"])
            .arg(docker.socket())
            .args(args)
            .output()
            .expect("curl");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success() && !said.contains("errorDetail"), "{args:?}: {said}");
    };
    let at = "http://d/v1.41/images";
    // {"username":"tamer","password":"secret"}
    let whom = "X-Registry-Auth: eyJ1c2VybmFtZSI6InRhbWVyIiwicGFzc3dvcmQiOiJzZWNyZXQifQ==";
    curl(&["-X", "POST", "-H", whom, &format!("{at}/127.0.0.1:5000/team/app/push?tag=1")]);
    curl(&["-X", "DELETE", &format!("{at}/{IMAGE}")]);
}
