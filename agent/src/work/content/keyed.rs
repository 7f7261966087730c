//! One at a time for each path: two tasks that want the same file would write into each other's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

type Lock = tokio::sync::Mutex<()>;

/// The locks that somebody holds or waits for; at most one a task that works. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Keyed(Arc<Mutex<BTreeMap<PathBuf, Weak<Lock>>>>);

impl Keyed {
    /// Waits for the turn at `path`, which lasts as long as the answer is kept. Cancel-safe.
    pub async fn lock(&self, path: &Path) -> OwnedMutexGuard<()> {
        self.of(path).lock_owned().await
    }

    fn of(&self, path: &Path) -> Arc<Lock> {
        // Nothing panics while it is held.
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(path).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        locks.insert(path.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_for_each_path_and_none_is_remembered() {
        let keyed = Keyed::default();
        let (a, b) = (Path::new("a"), Path::new("b"));
        let first = keyed.lock(a).await;
        let _other = keyed.lock(b).await;
        let second = keyed.lock(a);
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        let _third = keyed.lock(Path::new("c")).await;
        assert_eq!(keyed.0.lock().expect("no panic").len(), 2, "b and c, which are held");
    }
}
