//! Providers under supervision, for tests of this crate.

use std::sync::Arc;

use tamer_model::{Availability, ProviderStatus};
use tamer_provider::Provider;
use tamer_provider::registry::Registry;
use tamer_provider::supervise::Settings;
use tokio_util::sync::CancellationToken;

/// The registry of this provider, once it has answered; it is kept until `stop`.
pub async fn serving(provider: Arc<dyn Provider>, stop: &CancellationToken) -> Registry {
    let (registry, keepers) = Registry::new([(provider, Settings::default())]).expect("one name");
    tokio::spawn(keepers.run(stop.clone()));
    let there =
        |status: &ProviderStatus| matches!(status.availability, Availability::Available { .. });
    for provider in registry.iter() {
        provider.status().wait_for(there).await.expect("it is there");
    }
    registry
}
