//! Logs of instances, side by side.

use std::sync::Arc;

use futures_util::stream::{BoxStream, SelectAll, StreamExt, unfold};
use tamer_model::{InstanceRef, LogOptions};
use tamer_proto::wire;
use tamer_provider::Provider as _;
use tamer_provider::registry::Registry;
use tamer_provider::{Fault, LogStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::frames::{self, Frames, Gone};
use super::merge::{Merged, Part};

/// Logs of one stream that are being opened at once, or read to their end: a technology is not asked
/// for thousands in one moment, and has some left for others.
const AT_ONCE: usize = 16;

/// Where one log stands.
enum Log {
    Closed,
    /// With the place of a log that ends by itself: the next one waits for it.
    Open(Merged<Fault>, Option<OwnedSemaphorePermit>),
    Over,
}

/// Reads the logs side by side, each in its turn, and ends when all have ended. Logs that are
/// followed are all open at once, as far as the provider has places for them.
pub async fn logs(
    providers: &Registry,
    instances: Vec<InstanceRef>,
    options: LogOptions,
    frames: &Frames,
) -> Result<(), Gone> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    // Whoever is ready goes to the back of the row after its turn, so none starves another.
    let mut all = SelectAll::new();
    for (source, instance) in (0..).zip(instances) {
        all.push(log(source, providers.clone(), instance, options, places.clone()));
    }
    while let Some(frame) = all.next().await {
        frames.send(frame).await?;
    }
    Ok(())
}

/// The frames of one log.
fn log(
    source: u32,
    providers: Registry,
    instance: InstanceRef,
    options: LogOptions,
    places: Arc<Semaphore>,
) -> BoxStream<'static, wire::StreamOut> {
    let told = unfold(Log::Closed, move |log| {
        let (providers, instance, places) = (providers.clone(), instance.clone(), places.clone());
        async move {
            match log {
                Log::Closed => {
                    // Never closed, so there is a place in the end.
                    let place = places.acquire_owned().await.ok();
                    Some(match open(&providers, &instance, &options).await {
                        Ok(log) => {
                            let place = place.filter(|_| !options.follow);
                            (frames::started(source), Log::Open(merged(log), place))
                        }
                        Err(fault) => (frames::problem(source, fault), Log::Over),
                    })
                }
                Log::Open(mut log, place) => Some(match log.next().await {
                    Some(Part::Data(stream, data)) => {
                        (frames::data(source, stream, data), Log::Open(log, place))
                    }
                    Some(Part::Other(fault)) => (frames::problem(source, fault), Log::Over),
                    None => (frames::ended(source), Log::Over),
                }),
                Log::Over => None,
            }
        }
    });
    told.boxed()
}

async fn open(
    providers: &Registry,
    instance: &InstanceRef,
    options: &LogOptions,
) -> Result<LogStream, Fault> {
    providers.get(&instance.provider)?.logs(&instance.native, options).await
}

fn merged(log: LogStream) -> Merged<Fault> {
    let parts = log.map(|item| match item {
        Ok(chunk) => Part::Data(chunk.stream, chunk.data),
        Err(fault) => Part::Other(fault),
    });
    Merged::new(parts.boxed())
}
