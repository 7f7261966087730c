//! A value that tasks wait for. tokio's own `watch` wakes who waits in an order that it draws by
//! lot; here who came first is woken first, so that a run is its seed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Clones are the same one.
#[derive(Clone)]
pub struct Shown<T>(Arc<Inner<T>>);

struct Inner<T> {
    value: Mutex<T>,
    news: Notify,
}

impl<T: Copy + PartialEq> Shown<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new(Inner { value: Mutex::new(value), news: Notify::new() }))
    }

    pub fn get(&self) -> T {
        *self.value()
    }

    pub fn set(&self, value: T) {
        *self.value() = value;
        self.0.news.notify_waiters();
    }

    /// Waits until it is as it shall be. Cancel-safe: it only looks.
    pub async fn until(&self, shall: impl Fn(T) -> bool) {
        loop {
            let mut news = std::pin::pin!(self.0.news.notified());
            // From here on nothing is missed.
            news.as_mut().enable();
            if shall(self.get()) {
                return;
            }
            news.await;
        }
    }

    /// Whether nobody else has it.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn value(&self) -> MutexGuard<'_, T> {
        self.0.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
