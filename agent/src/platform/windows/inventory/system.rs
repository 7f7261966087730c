//! What the machine is.

use sysinfo::{MemoryRefreshKind, RefreshKind, System as Machine};
use tamer_drift::Kind;

use crate::inventory::{Found, Look, Stop, Worker, host};
use crate::platform::distribution;

/// Looks at the machine.
pub struct System;

impl Look for System {
    fn look(&self, found: &mut Found, _: &mut Worker) -> Result<(), Stop> {
        let (name, version) = distribution();
        let long = Machine::long_os_version().unwrap_or_default();
        let os = host(Kind::System, "os").named(&long);
        found.put(os.text("distribution", name).text("version", version).done())?;
        let kernel = Machine::kernel_version().unwrap_or_default();
        found.put(host(Kind::System, "kernel").text("release", kernel).done())?;
        let hostname = Machine::host_name().unwrap_or_default();
        found.put(host(Kind::System, "host").text("hostname", hostname).done())?;
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64);
        let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let memory = Machine::new_with_specifics(memory).map_or(0, |seen| seen.total_memory());
        found.put(
            host(Kind::System, "machine")
                .int("cpus", cpus)
                .int("memory_bytes", memory)
                .text("architecture", std::env::consts::ARCH)
                .done(),
        )?;
        Ok(())
    }
}
