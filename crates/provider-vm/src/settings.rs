//! What the agent's configuration says about virtual machines.

use std::path::PathBuf;

use tamer_model::ProviderName;

/// How machines are reached and where their files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The provider's name: `libvirt`.
    pub name: ProviderName,
    /// The hypervisor, as libvirt names it.
    pub uri: String,
    /// The daemon's socket; the first of the usual ones that is there when absent.
    pub socket: Option<PathBuf>,
    /// What runs machines whose spec does not say.
    pub domain_type: DomainType,
    /// The folder of templates and of images that were loaded.
    pub templates: PathBuf,
    /// The folder in which each machine has one for its disk, its seed and its console's log.
    pub machines: PathBuf,
}

/// What runs a machine's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DomainType {
    /// KVM where libvirt offers it and `/dev/kvm` can be opened, else QEMU.
    #[default]
    Auto,
    /// The processor itself.
    Kvm,
    /// QEMU alone, ten times slower, everywhere.
    Qemu,
}

impl Settings {
    /// The usual places, under this name.
    pub fn new(name: ProviderName) -> Self {
        Self {
            name,
            uri: "qemu:///system".to_owned(),
            socket: None,
            domain_type: DomainType::Auto,
            templates: "/var/lib/tamer/templates".into(),
            machines: "/var/lib/tamer/machines".into(),
        }
    }
}
