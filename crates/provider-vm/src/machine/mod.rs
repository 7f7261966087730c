//! What a machine shall be, decided before anything is done. Pure.

mod plan;
mod refuse;
mod source;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tamer_model::{RestartPolicy, Timestamp};
use uuid::Uuid;

pub use plan::{Facts, Plan, plan};
pub use source::{DiskMode, Source};
pub use template::Template;

/// A machine, everything decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its id.
    pub uuid: Uuid,
    /// What runs its instructions.
    pub accelerator: Accelerator,
    /// The architecture, as libvirt names it.
    pub arch: String,
    /// The machine it emulates.
    pub machine: String,
    /// Processors.
    pub vcpus: u32,
    /// Processor time of all of them together, in thousandths of one.
    pub cpu_millis: Option<u64>,
    /// Memory, in kibibytes.
    pub memory_kib: u64,
    /// What boots it.
    pub firmware: Firmware,
    /// The kernel that is booted directly.
    pub kernel: Option<String>,
    /// Its initramfs.
    pub initrd: Option<String>,
    /// Its command line.
    pub cmdline: Option<String>,
    /// The processor model.
    pub cpu: Option<String>,
    /// Its disk, where it has one.
    pub disk: Option<DiskFile>,
    /// The path of its cloud-init seed.
    pub seed: Option<String>,
    /// How both are attached.
    pub disk_bus: Bus,
    /// Names of networks; none for a network behind QEMU.
    pub networks: Vec<String>,
    /// The model of its network cards.
    pub network_model: String,
    /// Whether it has the channel of the guest agent.
    pub guest_agent: bool,
    /// The file in which its console is written, where it has one.
    pub console_log: Option<String>,
    /// Its display.
    pub graphics: Graphics,
    /// What happens when it ends.
    pub restart: RestartPolicy,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it was made of.
    pub image: Option<String>,
    /// The file that its disk was made of.
    pub base: Option<String>,
    /// The folder that goes with it.
    pub folder: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A disk's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFile {
    /// Where it is.
    pub path: String,
    /// How it is written: `qcow2` or `raw`.
    pub format: String,
}

/// What runs a machine's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor itself.
    Kvm,
    /// QEMU, ten times slower, everywhere.
    Qemu,
    /// Nothing: libvirt's own driver for tests, which only keeps book.
    Test,
}

/// What boots a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    Bios,
    Uefi,
}

/// How disks are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    Virtio,
    Scsi,
    Sata,
}

/// A display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Graphics {
    None,
    Vnc,
    Spice,
}
