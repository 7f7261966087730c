//! Whether libvirt is there, and what it can do.

use tamer_model::{Ability, Capabilities, Operation};
use tamer_provider::{Probe, Result};

use super::MachineProvider;
use crate::faults::fault;

pub(super) const NO_PULL: &str = "libvirt knows no place to fetch disk images from";
pub(super) const NO_TERMINAL: &str = "the guest agent runs commands without a terminal, and tells what they \
                           wrote when they have ended; the serial console is the machine's own";
pub(super) const NO_TIMES: &str = "a serial console writes no times";
const ONLY_QEMU: &str = "only libvirt's QEMU driver has it";

impl MachineProvider {
    pub(super) async fn probed(&self) -> Result<Probe> {
        let live = self.session.live().await?;
        let what = "libvirt does not tell its version";
        let own = live.quick.lib_version().await.map_err(|error| fault(&error, what))?;
        let driver = live.quick.version().await.map_err(|error| fault(&error, what))?;
        let hypervisor = if self.is_qemu() { "QEMU" } else { "hypervisor" };
        Ok(Probe {
            version: format!("libvirt {}, {hypervisor} {}", version(own), version(driver)),
            endpoint: format!(
                "{} at unix://{}",
                self.settings.uri,
                self.session.socket().display()
            ),
            capabilities: self.capabilities(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        let qemu = |ability: Ability| {
            if self.is_qemu() { ability } else { Ability::No(ONLY_QEMU.to_owned()) }
        };
        let no = |why: &str| Ability::No(why.to_owned());
        let ability = |operation: Operation| match operation {
            Operation::List
            | Operation::Create
            | Operation::Start
            | Operation::Stop
            | Operation::Restart
            | Operation::Pause
            | Operation::Resume
            | Operation::Remove
            | Operation::Stats
            | Operation::Events
            | Operation::ImageLoad
            | Operation::ImageList
            | Operation::ImageRemove
            | Operation::Scan => Ability::Yes,
            Operation::Exec
            | Operation::Logs
            | Operation::CheckpointFull
            | Operation::CheckpointDisk => qemu(Ability::Yes),
            Operation::ExecTerminal => no(NO_TERMINAL),
            Operation::LogsSince | Operation::LogsTimestamps => no(NO_TIMES),
            Operation::ImagePull => no(NO_PULL),
        };
        Operation::ALL.iter().map(|operation| (*operation, ability(*operation))).collect()
    }

    /// Why an operation that only QEMU's machines have cannot be had here.
    pub(super) fn only_qemu(&self, what: &str) -> Result<()> {
        if self.is_qemu() {
            return Ok(());
        }
        Err(tamer_provider::Fault::unsupported(what, ONLY_QEMU))
    }
}

/// 7002017 is 7.2.17.
pub(super) fn version(number: u64) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000)
}
