//! Where an engine listens when nobody says so.
//!
//! `DOCKER_HOST` is not read on purpose: an agent's engines are what its configuration names and
//! what its host has, not what the shell that started it happened to point at.

use tamer_model::ProviderName;

use crate::connect::{Endpoint, usual_places};

/// Which engine a place belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Docker,
    Podman,
}

/// The places to look at for a provider of this name, best first.
pub(crate) fn places(name: &ProviderName) -> Vec<Endpoint> {
    let wanted = match name.as_str() {
        "docker" => Some(Owner::Docker),
        "podman" => Some(Owner::Podman),
        _ => None,
    };
    usual_places()
        .into_iter()
        .filter(|(owner, _)| wanted.is_none_or(|wanted| wanted == *owner))
        .map(|(_, endpoint)| endpoint)
        .collect()
}

/// The first place where something is, or the list of all that were looked at.
pub(crate) fn find(name: &ProviderName) -> Result<Endpoint, String> {
    let places = places(name);
    let looked: Vec<_> = places.iter().map(ToString::to_string).collect();
    places.into_iter().find(Endpoint::is_there).ok_or_else(|| looked.join(", "))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_name_narrows_the_places() {
        let at = |name: &str| -> Vec<String> {
            places(&name.parse().expect("it is well made"))
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(at("docker")[0], "unix:///var/run/docker.sock");
        assert!(at("podman").contains(&"unix:///run/podman/podman.sock".to_owned()));
        assert!(at("podman").iter().all(|place| place.contains("podman")), "{:?}", at("podman"));
        assert!(at("docker").iter().all(|place| place.contains("docker")), "{:?}", at("docker"));
        assert_eq!(at("engine").len(), at("docker").len() + at("podman").len());
    }
}
