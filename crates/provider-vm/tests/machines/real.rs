//! Machines of QEMU, with the tiny guest in them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tamer_model::{ExecSpec, InstanceName, InstanceSpec, InstanceState, NativeId, OptionValue};
use tamer_peers::guest::{CMDLINE, Guest};
use tamer_peers::libvirt::Libvirt;
use tamer_provider::conformance::{Program, Subject};
use tamer_provider::{FaultKind, ProgressSink, Provider, Result};
use tamer_provider_vm::{DomainType, MachineProvider, Settings};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// A machine boots in four seconds, on two busy cores in twenty.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// libvirt with a template of the tiny guest.
pub struct Machines {
    provider: Arc<MachineProvider>,
    libvirt: Libvirt,
    folder: TempDir,
}

impl Machines {
    /// Starts libvirt.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let libvirt = Libvirt::start(&folder.path().join("v")).expect("libvirt");
        let templates = folder.path().join("templates");
        std::fs::create_dir(&templates).expect("a folder");
        Guest::disk(&templates.join("base.qcow2")).expect("a disk");
        let guest = Guest::get().expect("a guest");
        let template = format!(
            "disk = \"base.qcow2\"\n[limits]\nmemory_bytes = {}\n[options]\nkernel = {:?}\n\
             initrd = {:?}\ncmdline = \"{CMDLINE} say=nothing\"\n",
            192 << 20,
            guest.kernel,
            guest.initrd,
        );
        std::fs::write(templates.join("tiny.toml"), template).expect("a template");
        let settings = Settings {
            socket: Some(libvirt.socket()),
            domain_type: DomainType::Qemu,
            templates,
            machines: folder.path().join("machines"),
            ..Settings::new("libvirt".parse().expect("a name"))
        };
        Self { provider: Arc::new(MachineProvider::new(settings)), libvirt, folder }
    }

    /// One whose guest is told this on its command line.
    fn told(&self, name: InstanceName, words: &str) -> InstanceSpec {
        let cmdline = OptionValue::Text(format!("{CMDLINE} {words}"));
        InstanceSpec { options: [("cmdline".to_owned(), cmdline)].into(), ..self.idle(name) }
    }
}

#[async_trait::async_trait]
impl Subject for Machines {
    fn provider(&self) -> Arc<dyn Provider> {
        self.provider.clone()
    }

    fn idle(&self, name: InstanceName) -> InstanceSpec {
        let template = Some("tiny".to_owned());
        InstanceSpec { name: Some(name), template, ..InstanceSpec::default() }
    }

    fn stubborn(&self, name: InstanceName) -> Option<InstanceSpec> {
        Some(self.told(name, "say=nothing deaf"))
    }

    fn writer(&self, name: InstanceName, lines: u64) -> Option<InstanceSpec> {
        Some(self.told(name, &format!("say=lines:{lines}")))
    }

    fn ticker(&self, name: InstanceName) -> Option<InstanceSpec> {
        Some(self.told(name, "say=ticks"))
    }

    fn sourceless(&self, name: InstanceName) -> InstanceSpec {
        let template = Some("no-such-template".to_owned());
        InstanceSpec { name: Some(name), template, ..InstanceSpec::default() }
    }

    /// The guest agent tells all output at the end, so that what never ends tells nothing, and has
    /// no terminal.
    fn argv(&self, program: &Program) -> Option<Vec<String>> {
        match program {
            Program::Endless | Program::TerminalSize => None,
            // As long as the one of the suite on a processor of its own.
            Program::Burn => {
                let script = "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done";
                Some(["sh", "-c", script].map(str::to_owned).to_vec())
            }
            _ => Some(program.in_shell()),
        }
    }

    fn kept_file(&self) -> String {
        "/data/kept".to_owned()
    }

    /// Waits for the guest agent, which hears the polite stop too.
    async fn ready(&self, id: &NativeId) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.provider.exec(id, &ExecSpec::new(["true"])).await {
                Ok(_) => return Ok(()),
                Err(fault) if fault.kind != FaultKind::Conflict || Instant::now() > deadline => {
                    return Err(fault);
                }
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// libvirt does not tell whether a machine ever ran.
    fn made(&self) -> InstanceState {
        InstanceState::Stopped
    }

    /// An emulated guest takes seconds for a megabyte.
    fn flood_bytes(&self) -> u64 {
        512 << 10
    }

    fn input_bytes(&self) -> usize {
        100_000
    }

    /// Each byte of an emulated console costs microseconds.
    fn log_lines(&self) -> u64 {
        3000
    }

    fn pure_logs(&self) -> bool {
        false
    }

    async fn kill_technology(&self) -> bool {
        self.libvirt.kill().expect("libvirtd is killed");
        true
    }

    async fn bring_back(&self) {
        self.libvirt.start_again().expect("libvirtd starts again");
    }
}

impl Machines {
    /// The folder of this test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What libvirt's own client says.
    pub fn virsh(&self, arguments: &[&str]) -> String {
        self.libvirt.virsh(arguments).expect("virsh does it")
    }

    /// Makes an instance as an agent does.
    pub async fn made(&self, spec: &InstanceSpec) -> NativeId {
        let spec = spec.clone().validate().expect("a valid spec");
        self.provider.create(&spec, &ProgressSink::none()).await.expect("made")
    }
}
