//! What is served on Windows: Docker, by its named pipe.

use tamer_model::Problem;

use crate::config::{Enabled, Providers};
use crate::providers::{Served, container, not_here, word};

/// The providers that are not left alone; a problem when one is asked for that is not served here.
pub fn technologies(providers: &Providers) -> Result<Vec<Served>, Problem> {
    let Providers { docker, podman, libvirt, registries } = providers;
    for (name, enabled) in [("podman", podman.enabled), ("libvirt", libvirt.enabled)] {
        if enabled == Enabled::Yes {
            return Err(not_here(name, "Windows"));
        }
    }
    let served = docker.enabled != Enabled::No;
    Ok(served.then(|| container(word("docker"), docker, registries)).into_iter().collect())
}
