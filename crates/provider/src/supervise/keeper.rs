//! The task of a provider.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tamer_model::{Ability, Operation};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::{Shared, serve};
use crate::{EventStream, Fault, FaultKind, Probe, Result};

/// The task of one provider: it alone says whether the technology is there, and it keeps the view.
pub struct Keeper {
    pub(super) shared: Arc<Shared>,
}

/// Why a technology is served no longer.
pub(super) enum End {
    /// It is away.
    Away(Fault),
    /// Its events ended: it may be away, or only have dropped a connection. The next probe tells.
    Unsure,
}

impl Keeper {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Runs until it is told to stop. A provider that panics is unavailable, and tried again.
    pub async fn run(self, stop: CancellationToken) {
        // Cancel-safe: what is dropped in the middle was reading, and leaves the view as it is.
        if stop.run_until_cancelled(self.keep()).await.is_none() {
            let message = format!("the agent no longer serves {}", self.shared.provider.name());
            self.shared.away(Fault::new(FaultKind::Unavailable, message));
        }
    }

    async fn keep(&self) -> std::convert::Infallible {
        let settings = self.shared.settings;
        let mut backoff = Backoff::new(settings.pause_least, settings.pause_most);
        loop {
            let began = Instant::now();
            match AssertUnwindSafe(self.life()).catch_unwind().await {
                Ok(End::Away(fault)) => self.lost(fault),
                Ok(End::Unsure) => {}
                Err(_) => self.lost(Fault::new(FaultKind::Failed, "the provider panicked")),
            }
            // What comes and goes in quick turns is still asked more and more rarely.
            if began.elapsed() > settings.pause_most {
                backoff.reset();
            }
            sleep(backoff.pause()).await;
        }
    }

    fn lost(&self, fault: Fault) {
        let name = self.shared.provider.name();
        let was_there = Shared::refusal(&self.shared.status.borrow()).is_none();
        if was_there {
            tracing::warn!(provider = %name, %fault, "the technology is not there any more");
        } else {
            tracing::debug!(provider = %name, %fault, "the technology is still not there");
        }
        self.shared.away(fault);
    }

    /// From the first answer of the technology until it is lost.
    async fn life(&self) -> End {
        match self.begin().await {
            Ok((probe, events)) => {
                tracing::info!(
                    provider = %self.shared.provider.name(),
                    version = probe.version,
                    endpoint = probe.endpoint,
                    "the technology is there"
                );
                self.shared.here(probe);
                serve::serve(&self.shared, events).await
            }
            Err(fault) => End::Away(fault),
        }
    }

    /// Asks whether it is there, listens for events, and then lists everything: what changes after
    /// the list is told by an event.
    async fn begin(&self) -> Result<(Probe, Option<EventStream>)> {
        let shared = &self.shared;
        // What is told as there must not hang for long before it is told as away. What is not may
        // take its time to say what it is: on a busy host it would be cut off again and again.
        let told_as_there = Shared::refusal(&shared.status.borrow()).is_none();
        let settings = shared.settings;
        let limit = if told_as_there { settings.check } else { settings.look };
        let probe = check(shared, limit).await?;
        let events = match probe.capabilities.get(&Operation::Events) {
            Some(Ability::Yes) => {
                let events = timeout(shared.settings.look, shared.provider.events()).await;
                Some(events.map_err(|_| silent(shared))??)
            }
            Some(Ability::No(_) | Ability::NotNow(_)) | None => None,
        };
        shared.list().await?;
        Ok((probe, events))
    }
}

/// Asks the technology whether it is there, for so long at most.
pub(super) async fn check(shared: &Shared, limit: Duration) -> Result<Probe> {
    match timeout(limit, shared.provider.probe()).await {
        Ok(answer) => answer,
        Err(_) => Err(silent(shared)),
    }
}

fn silent(shared: &Shared) -> Fault {
    let name = shared.provider.name();
    Fault::new(FaultKind::Unavailable, format!("{name} does not answer"))
}
