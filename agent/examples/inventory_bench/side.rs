//! Five sources that answer slowly, looked at side by side.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tamer_agent::inventory::Settings;
use tamer_model::{Availability, ProviderStatus};
use tamer_provider::Provider;
use tamer_provider::fake::Fake;
use tamer_provider::registry::Registry;
use tamer_provider::supervise;
use tokio_util::sync::CancellationToken;

use crate::looking::look;
use crate::row;

/// The technologies, and how long each takes to answer.
const SLOW: [(&str, u64); 5] =
    [("one", 1000), ("two", 1500), ("three", 2000), ("four", 2500), ("five", 3000)];
/// Instances of each.
const INSTANCES: usize = 50;
const LIMIT: Duration = Duration::from_secs(60);

pub async fn measure() -> Result<()> {
    let fakes: Vec<Fake> =
        SLOW.iter().map(|(name, _)| Ok(Fake::new(name.parse()?))).collect::<Result<_>>()?;
    for fake in &fakes {
        fake.populate(INSTANCES);
    }
    let served = fakes.iter().map(|fake| {
        let provider: Arc<dyn Provider> = Arc::new(fake.clone());
        (provider, supervise::Settings::default())
    });
    let (registry, keepers) = Registry::new(served)?;
    let stop = CancellationToken::new();
    let running = tokio::spawn(keepers.run(stop.clone()));
    available(&registry).await?;
    for (fake, (_, answer)) in fakes.iter().zip(SLOW) {
        fake.set_latency(Duration::from_millis(answer));
    }
    let data = tempfile::tempdir()?;
    let names = SLOW.map(|(name, _)| name);
    let looked = look(data.path(), &registry, &Settings::default(), &names, LIMIT).await?;
    stop.cancel();
    running.await?;
    let each = names.map(|name| looked.of(name));
    let each: Vec<_> = each.into_iter().collect::<Result<_>>()?;
    let (sum, slowest) = (each.iter().sum::<Duration>(), each.iter().max().copied());
    let (took, slowest) = (looked.took.as_secs_f64(), slowest.unwrap_or_default().as_secs_f64());
    let figure = format!("{took:.2} s: {:.2} times the slowest", took / slowest);
    let floor =
        format!("{slowest:.2} s the slowest, {:.2} s one after the other", sum.as_secs_f64());
    row("five technologies that answer slowly, and everything else", &figure, &floor, "1.1 times");
    Ok(())
}

/// Waits until all of them answer.
async fn available(registry: &Registry) -> Result<()> {
    let there =
        |status: &ProviderStatus| matches!(status.availability, Availability::Available { .. });
    for provider in registry.iter() {
        let mut status = provider.status();
        let answers = tokio::time::timeout(LIMIT, status.wait_for(there)).await;
        answers.with_context(|| format!("{} does not answer", provider.name()))??;
    }
    Ok(())
}
