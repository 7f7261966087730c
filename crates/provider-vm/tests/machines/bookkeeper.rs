//! libvirt's driver for tests: it keeps book of machines that are not there.

use std::sync::Arc;

use tamer_model::{InstanceName, InstanceSpec, InstanceState};
use tamer_peers::libvirt::Libvirt;
use tamer_provider::Provider;
use tamer_provider::conformance::Subject;
use tamer_provider_vm::{MachineProvider, Settings};
use tempfile::TempDir;

/// The driver, in a daemon of its own.
pub struct Bookkeeper {
    provider: Arc<MachineProvider>,
    _libvirt: Libvirt,
    folder: TempDir,
}

impl Bookkeeper {
    /// Starts it.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let libvirt = Libvirt::start(&folder.path().join("v")).expect("libvirt");
        let templates = folder.path().join("templates");
        std::fs::create_dir(&templates).expect("a folder");
        std::fs::write(templates.join("disk.img"), vec![0; 4096]).expect("a disk");
        let settings = Settings {
            uri: "test:///default".to_owned(),
            socket: Some(libvirt.socket()),
            templates,
            machines: folder.path().join("machines"),
            ..Settings::new("libvirt".parse().expect("a name"))
        };
        Self { provider: Arc::new(MachineProvider::new(settings)), _libvirt: libvirt, folder }
    }
}

#[async_trait::async_trait]
impl Subject for Bookkeeper {
    fn provider(&self) -> Arc<dyn Provider> {
        self.provider.clone()
    }

    fn idle(&self, name: InstanceName) -> InstanceSpec {
        let disk = self.folder.path().join("templates/disk.img");
        InstanceSpec {
            name: Some(name),
            disk: Some(disk.to_string_lossy().into_owned()),
            ..InstanceSpec::default()
        }
    }

    fn sourceless(&self, name: InstanceName) -> InstanceSpec {
        let disk = Some("/no/such/disk.img".to_owned());
        InstanceSpec { name: Some(name), disk, ..InstanceSpec::default() }
    }

    /// libvirt does not tell whether a machine ever ran.
    fn made(&self) -> InstanceState {
        InstanceState::Stopped
    }

    fn counts_memory(&self) -> bool {
        false
    }
}
