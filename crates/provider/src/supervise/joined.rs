//! Questions that many ask at once and that are asked of the technology once.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use crate::Result;

type Reading<T> = Shared<BoxFuture<'static, Result<T>>>;

/// One question. Who asks gets an answer that was begun after it asked: whoever comes while one is
/// being answered waits for the next, and all who wait share that one. So however many ask, the
/// technology answers one at a time.
pub(super) struct Joined<T> {
    /// The question that is not begun yet.
    next: Arc<Mutex<Option<Reading<T>>>>,
    /// Held while a question is being answered.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl<T> Default for Joined<T> {
    fn default() -> Self {
        Self { next: Arc::default(), turn: Arc::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Joined<T> {
    /// Joins the question that is not begun yet; `read` asks it when there is none.
    pub fn join(
        &self,
        read: impl Future<Output = Result<T>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = &*next {
            return next.clone().boxed();
        }
        let (slot, turn) = (self.next.clone(), self.turn.clone());
        let reading = async move {
            let _turn = turn.lock().await;
            // It begins: who comes from here on needs a later one.
            slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            read.await
        };
        let reading = reading.boxed().shared();
        *next = Some(reading.clone());
        reading.boxed()
    }
}
