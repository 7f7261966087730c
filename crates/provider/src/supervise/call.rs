//! What every call goes through.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tamer_model::{Ability, NativeId, Operation, ProviderStatus};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::gate::Pass;
use super::{Shared, Supervised};
use crate::{Fault, FaultKind, Result};

impl Shared {
    /// Asks. Ends with [`FaultKind::Timeout`] after `limit`, and with [`FaultKind::Unavailable`]
    /// when the technology is away and stays so.
    pub(super) async fn timed<T>(
        &self,
        what: &str,
        limit: Option<Duration>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let work = async {
            match limit {
                Some(limit) => timeout(limit, work).await.unwrap_or_else(|_| {
                    let name = self.provider.name();
                    let message = format!("{name} did not answer `{what}` within {limit:?}");
                    Err(Fault::new(FaultKind::Timeout, message))
                }),
                None => work.await,
            }
        };
        let outcome = tokio::select! {
            biased;
            outcome = work => outcome,
            fault = self.given_up() => Err(fault),
        };
        if matches!(&outcome, Err(fault) if fault.kind == FaultKind::Unavailable) {
            self.suspect.notify_one();
        }
        outcome
    }

    /// Resolves when the technology is away.
    async fn lost(&self) -> Fault {
        let mut status = self.status.subscribe();
        loop {
            if let Some(fault) = Self::refusal(&status.borrow_and_update()) {
                return fault;
            }
            // The sender lives in `self`, so this cannot fail.
            let _ = status.changed().await;
        }
    }

    /// Resolves when the technology was away for so long that nobody waits for it any more.
    async fn given_up(&self) -> Fault {
        loop {
            let fault = self.lost().await;
            let mut status = self.status.subscribe();
            let back = status.wait_for(|status| Self::refusal(status).is_none());
            if timeout(self.settings.give_up, back).await.is_err() {
                return fault;
            }
        }
    }
}

impl Supervised {
    /// Refuses everything while the technology is away, and what it can do in none of these ways.
    pub(super) fn may(&self, operations: &[Operation]) -> Result<()> {
        let status = self.0.status.borrow();
        if let Some(fault) = Shared::refusal(&status) {
            return Err(fault);
        }
        let whys: Option<Vec<_>> = operations.iter().map(|one| why_not(&status, *one)).collect();
        match whys {
            None => Ok(()),
            Some(whys) => Err(Fault::new(
                FaultKind::Unsupported,
                format!("{} cannot do that: {}", status.name, whys.join("; ")),
            )),
        }
    }

    /// A call that needs one of these operations.
    pub(super) async fn call<T>(
        &self,
        operations: &[Operation],
        what: &str,
        limit: Option<Duration>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.may(operations)?;
        let _pass = self.turn().await?;
        self.0.timed(what, limit, work).await
    }

    /// A call that changes an instance. The view shows what came of it before the caller knows.
    pub(super) async fn change<T>(
        &self,
        operations: &[Operation],
        what: &str,
        limit: Option<Duration>,
        id: &NativeId,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.may(operations)?;
        let _pass = self.turn().await?;
        let touched = Touched::new(&self.0, id);
        let outcome = self.0.timed(what, limit, work).await;
        if outcome.is_ok() {
            touched.look().await;
        }
        outcome
    }

    /// Brings an instance that was just made into the view.
    pub(super) async fn see(&self, id: &NativeId) {
        Touched::new(&self.0, id).look().await;
    }

    /// Waits for its turn. Who still waits when the technology goes away is told at once.
    pub(super) async fn turn(&self) -> Result<Pass<'_>> {
        tokio::select! {
            biased;
            pass = self.0.gate.enter() => pass,
            fault = self.0.lost() => Err(fault),
        }
    }

    /// A reading, which nobody waits for once the technology is away.
    pub(super) async fn unless_lost<T>(&self, read: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            outcome = read => outcome,
            fault = self.0.lost() => Err(fault),
        }
    }

    /// A place for a stream; it is taken for as long as the permit lives.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit> {
        self.0.streams.clone().try_acquire_owned().map_err(|_| {
            let most = self.0.settings.streams;
            let message = format!("{most} commands, logs and other streams are under way already");
            Fault::new(FaultKind::ResourceExhausted, message).remedy("end one of them first")
        })
    }

    /// The stream, in its place. It ends when the technology is given up, also one that is silent.
    pub(super) fn placed<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        items: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let shared = self.0.clone();
        let given_up = async move { shared.given_up().await }.boxed();
        let placed = Placed { items, given_up, over: false, _place: place };
        stream::unfold(placed, Placed::next).boxed()
    }
}

/// A stream in its place.
struct Placed<T> {
    items: BoxStream<'static, Result<T>>,
    given_up: BoxFuture<'static, Fault>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl<T> Placed<T> {
    async fn next(mut self) -> Option<(Result<T>, Self)> {
        if self.over {
            return None;
        }
        let item = tokio::select! {
            biased;
            item = self.items.next() => item?,
            fault = &mut self.given_up => {
                self.over = true;
                Err(fault)
            }
        };
        Some((item, self))
    }
}

/// Why this cannot be done, if so.
fn why_not(status: &ProviderStatus, operation: Operation) -> Option<String> {
    match status.capabilities.get(&operation) {
        Some(Ability::Yes) => None,
        Some(Ability::No(why) | Ability::NotNow(why)) => Some(format!("{operation}: {why}")),
        None => Some(format!("{operation}: it does not say that it can")),
    }
}

/// An instance that is being changed. Unless it was looked at afterwards, it is left to the keeper:
/// also when the call failed, or its caller went away.
struct Touched<'a> {
    shared: &'a Shared,
    id: Option<NativeId>,
}

impl<'a> Touched<'a> {
    fn new(shared: &'a Shared, id: &NativeId) -> Self {
        Self { shared, id: Some(id.clone()) }
    }

    async fn look(mut self) {
        let Some(id) = &self.id else { return };
        match self.shared.look(id).await {
            Ok(_) => self.id = None,
            Err(fault) if fault.kind == FaultKind::NotFound => self.id = None,
            Err(_) => {}
        }
    }
}

impl Drop for Touched<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.shared.dirty.add(id);
        }
    }
}
