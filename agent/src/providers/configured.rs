//! Providers as the configuration describes them; which of them there are is the platform's to say.

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{Code, Problem, ProviderName};
use tamer_provider::Provider;
use tamer_provider::supervise;
use tamer_provider_docker::{ContainerProvider, Registry, Secret, Settings, TlsFiles};

use crate::config::{Enabled, Engine, Login};

/// The longest pause before a technology is looked for again that nobody said is here. The pauses
/// grow to it from a quarter of a second, so one that was away for a moment is found in a moment,
/// and one that was never here costs next to nothing.
const RARELY: Duration = Duration::from_secs(30);

/// A provider, and the bounds around it.
pub type Served = (Arc<dyn Provider>, supervise::Settings);

/// A provider of containers, under the name of its engine.
pub fn container(name: ProviderName, engine: &Engine, logins: &[Login]) -> Served {
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
    let provider = ContainerProvider::new(Settings {
        name,
        endpoint: engine.endpoint.clone(),
        tls,
        registries: registries.collect(),
    });
    (Arc::new(provider), patience(engine.enabled, engine.endpoint.is_some()))
}

/// The bounds around a technology; one whose place was named is expected to be there.
pub fn patience(enabled: Enabled, named: bool) -> supervise::Settings {
    let usual = supervise::Settings::default();
    match enabled {
        Enabled::Auto if !named => supervise::Settings { pause_most: RARELY, ..usual },
        Enabled::Auto | Enabled::Yes | Enabled::No => usual,
    }
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
