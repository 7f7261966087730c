//! What is served on Linux: both container engines, and libvirt.

use std::sync::Arc;

use tamer_model::Problem;
use tamer_provider_vm::{MachineProvider, Settings};

use crate::config::{DomainType, Enabled, Libvirt, Providers};
use crate::providers::{Served, container, patience, word};

/// The providers that are not left alone. What is served here cannot be refused.
pub fn technologies(providers: &Providers) -> Result<Vec<Served>, Problem> {
    let Providers { docker, podman, libvirt, registries } = providers;
    let mut served: Vec<Served> = Vec::new();
    for (name, engine) in [("docker", docker), ("podman", podman)] {
        if engine.enabled != Enabled::No {
            served.push(container(word(name), engine, registries));
        }
    }
    if libvirt.enabled != Enabled::No {
        let settings = patience(libvirt.enabled, libvirt.socket.is_some());
        served.push((Arc::new(MachineProvider::new(machines(libvirt))), settings));
    }
    Ok(served)
}

/// Machines have their files where the provider says: the agent's own folder is closed to the user
/// that libvirt runs them as.
fn machines(libvirt: &Libvirt) -> Settings {
    let usual = Settings::new(word("libvirt"));
    Settings {
        uri: libvirt.uri.clone(),
        socket: libvirt.socket.clone(),
        domain_type: match libvirt.domain_type {
            DomainType::Auto => tamer_provider_vm::DomainType::Auto,
            DomainType::Kvm => tamer_provider_vm::DomainType::Kvm,
            DomainType::Qemu => tamer_provider_vm::DomainType::Qemu,
        },
        templates: libvirt.templates.clone().unwrap_or(usual.templates),
        ..usual
    }
}
