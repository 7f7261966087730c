//! Providers as the configuration describes them; which of them there are is the platform's to say.

use std::sync::Arc;

use tamer_model::{Code, Problem, ProviderName};
use tamer_provider::Provider;
use tamer_provider_docker::{ContainerProvider, Registry, Secret, Settings, TlsFiles};

use crate::config::{Engine, Login};

/// A provider of containers, under the name of its engine.
pub fn container(name: ProviderName, engine: &Engine, logins: &[Login]) -> Arc<dyn Provider> {
    let tls = engine.tls_ca.clone().map(|authority| TlsFiles {
        authority,
        certificate: engine.tls_cert.clone(),
        key: engine.tls_key.clone(),
    });
    let registries = logins.iter().map(|login| Registry {
        host: login.host.clone(),
        user: login.user.clone(),
        password: Secret::new(login.password.reveal().to_owned()),
    });
    Arc::new(ContainerProvider::new(Settings {
        name,
        endpoint: engine.endpoint.clone(),
        tls,
        registries: registries.collect(),
    }))
}

/// A provider that was asked for and is not served on this platform.
pub fn not_here(name: &str, platform: &str) -> Problem {
    let message = format!("{name} is not served on {platform}");
    let key = format!("providers.{name}.enabled");
    Problem::new(Code::ConfigInvalid, message).on(key).remedy("leave it out, or set it to false")
}

/// A provider's name, which is a word of ours.
pub fn word(name: &str) -> ProviderName {
    name.parse().expect("a short word is a provider's name")
}
