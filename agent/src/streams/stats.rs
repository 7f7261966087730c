//! Samples of what instances use.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{SelectAll, StreamExt, iter};
use tamer_model::{InstanceRef, InstanceStats, ProviderName};
use tamer_provider::Fault;
use tamer_provider::Provider as _;
use tamer_provider::registry::Registry;
use tokio::time::{MissedTickBehavior, interval};

use super::frames::{self, Frames, Gone};

/// Instances of one provider that are asked at once. Technologies answer slowly and busily.
const AT_ONCE: usize = 8;

/// Tells a sample of each instance, once or again and again. An instance that does not run, or
/// stops to, ends with a problem; the stream ends with the last of them.
pub async fn stats(
    providers: &Registry,
    instances: Vec<InstanceRef>,
    every_ms: Option<u64>,
    frames: &Frames,
) -> Result<(), Gone> {
    let mut left: BTreeMap<u32, InstanceRef> = (0..).zip(instances).collect();
    let Some(every_ms) = every_ms else {
        return round(providers, &mut left, frames, true).await;
    };
    let mut ticks = interval(Duration::from_millis(every_ms));
    // A technology that answers slower than it is asked is asked at its own pace.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !left.is_empty() {
        ticks.tick().await;
        round(providers, &mut left, frames, false).await?;
    }
    Ok(())
}

/// Asks each instance once. Those that have ended are not left.
async fn round(
    providers: &Registry,
    left: &mut BTreeMap<u32, InstanceRef>,
    frames: &Frames,
    last: bool,
) -> Result<(), Gone> {
    let mut rows: BTreeMap<ProviderName, Vec<(u32, InstanceRef)>> = BTreeMap::new();
    for (source, instance) in &*left {
        let row = rows.entry(instance.provider.clone()).or_default();
        row.push((*source, instance.clone()));
    }
    let mut samples = SelectAll::new();
    for row in rows.into_values() {
        let ask = |(source, instance)| async move { (source, sample(providers, &instance).await) };
        samples.push(iter(row).map(ask).buffer_unordered(AT_ONCE).boxed());
    }
    while let Some((source, sample)) = samples.next().await {
        match sample {
            Ok(sample) => {
                frames.send(frames::stats(source, sample)).await?;
                if last {
                    frames.send(frames::ended(source)).await?;
                }
            }
            Err(fault) => {
                left.remove(&source);
                frames.send(frames::problem(source, fault)).await?;
            }
        }
    }
    Ok(())
}

async fn sample(providers: &Registry, instance: &InstanceRef) -> Result<InstanceStats, Fault> {
    providers.get(&instance.provider)?.stats(&instance.native).await
}
