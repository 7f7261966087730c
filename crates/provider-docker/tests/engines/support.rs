//! Real engines as subjects of the suite.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use tamer_model::{InstanceName, InstanceSpec, PullPolicy};
use tamer_peers::docker::Docker;
use tamer_peers::image;
use tamer_peers::podman::Podman;
use tamer_provider::conformance::Subject;
use tamer_provider::{ImageSource, ProgressSink, Provider};
use tamer_provider_docker::{ContainerProvider, Settings};
use tempfile::TempDir;

/// A real engine's process, whichever it is.
pub enum Peer {
    Docker(Docker),
    Podman(Podman),
}

/// A real engine with the image in it, and our provider for it.
pub struct Rig {
    pub provider: Arc<ContainerProvider>,
    // Before the folder, which must outlive it.
    pub peer: Mutex<Peer>,
    _folder: TempDir,
}

/// A provider of this name at this endpoint.
pub fn provider(name: &str, endpoint: String) -> ContainerProvider {
    ContainerProvider::new(Settings {
        name: name.parse().expect("a name"),
        endpoint: Some(endpoint),
        tls: None,
        registries: Vec::new(),
    })
}

/// An archive of bytes as the contract wants it, in pieces of 32 KiB.
pub fn source(archive: Vec<u8>) -> ImageSource {
    let pieces: Vec<_> = archive.chunks(32 << 10).map(|piece| Ok(piece.to_vec().into())).collect();
    futures_util::stream::iter(pieces).boxed()
}

/// Whether a test goes on without an engine; a loud word when it does not.
pub fn is_there(name: &str, installed: bool) -> bool {
    if !installed {
        let required = std::env::var_os("TAMER_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "{name} is not installed, and TAMER_REQUIRE_PEERS=1 asks for it");
        let told = writeln!(std::io::stderr(), "SKIPPED: {name} is not installed");
        told.expect("a test without standard error cannot say that it tests nothing");
    }
    installed
}

impl Peer {
    pub fn endpoint(&self) -> String {
        match self {
            Self::Docker(docker) => docker.endpoint(),
            Self::Podman(podman) => podman.endpoint(),
        }
    }

    pub fn kill(&mut self) {
        match self {
            Self::Docker(docker) => docker.kill().expect("kill"),
            Self::Podman(podman) => podman.kill().expect("kill"),
        }
    }

    pub fn start_again(&mut self) {
        match self {
            Self::Docker(docker) => docker.start_again().expect("start again"),
            Self::Podman(podman) => podman.start_again().expect("start again"),
        }
    }
}

impl Rig {
    pub async fn docker() -> Option<Self> {
        if !is_there("Docker Engine", Docker::installed()) {
            return None;
        }
        Some(Self::new("docker", |at| Peer::Docker(Docker::start(at).expect("docker"))).await)
    }

    pub async fn podman() -> Option<Self> {
        if !is_there("Podman", Podman::installed()) {
            return None;
        }
        Some(Self::new("podman", |at| Peer::Podman(Podman::start(at).expect("podman"))).await)
    }

    async fn new(name: &str, start: impl FnOnce(&Path) -> Peer) -> Self {
        let folder = tempfile::Builder::new().prefix("td").tempdir().expect("a folder");
        let peer = start(folder.path());
        let provider = Arc::new(provider(name, peer.endpoint()));
        let archive = image::busybox_tar().expect("an image");
        let loaded = provider.image_load(source(archive), &ProgressSink::none()).await;
        assert_eq!(loaded.expect("load").len(), 1);
        Self { provider, peer: Mutex::new(peer), _folder: folder }
    }

    /// A container of the image that runs this.
    pub fn spec(&self, name: &str, command: &[&str]) -> InstanceSpec {
        InstanceSpec {
            name: Some(name.parse().expect("a name")),
            image: Some(image::BUSYBOX.to_owned()),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            pull: PullPolicy::Never,
            ..InstanceSpec::default()
        }
    }

    fn script(&self, name: &InstanceName, script: &str) -> InstanceSpec {
        self.spec(name.as_str(), &["sh", "-c", script])
    }
}

#[async_trait::async_trait]
impl Subject for Rig {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.provider) as Arc<dyn Provider>
    }

    fn idle(&self, name: InstanceName) -> InstanceSpec {
        self.script(&name, "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")
    }

    fn stubborn(&self, name: InstanceName) -> Option<InstanceSpec> {
        Some(self.script(&name, "trap '' TERM; while :; do sleep 1; done"))
    }

    fn writer(&self, name: InstanceName, lines: u64) -> Option<InstanceSpec> {
        let script = format!(
            "seq 1 {lines} | sed 's/^/line /'; trap 'exit 0' TERM; while :; do sleep 1000 & wait; \
             done"
        );
        Some(self.script(&name, &script))
    }

    fn ticker(&self, name: InstanceName) -> Option<InstanceSpec> {
        let script =
            "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done";
        Some(self.script(&name, script))
    }

    fn sourceless(&self, name: InstanceName) -> InstanceSpec {
        InstanceSpec { image: Some("tamer/absent:1".to_owned()), ..self.script(&name, ":") }
    }

    async fn kill_technology(&self) -> bool {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner).kill();
        true
    }

    async fn bring_back(&self) {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner).start_again();
    }
}
