//! Stores of an engine in temporary folders, for the conformance suite.

use std::{path::Path, sync::Mutex};

use tamer_store::{BoxFuture, EngineKind, HistoryBounds, Options, Store, conformance::Subject};
use tempfile::TempDir;

/// Makes stores and keeps their folders. No case has two, so the latest is the one to reopen.
pub struct Stores {
    engine: Option<EngineKind>,
    folders: Mutex<Vec<TempDir>>,
}

impl Stores {
    pub fn new(engine: Option<EngineKind>) -> Self {
        Self { engine, folders: Mutex::default() }
    }

    async fn make(&self, history: HistoryBounds) -> Store {
        let Some(engine) = self.engine else { return Store::memory() };
        let folder = tempfile::tempdir().unwrap();
        let options = Options { history, ..options(folder.path(), engine) };
        self.folders.lock().unwrap().push(folder);
        Store::open(options).await.unwrap()
    }
}

fn options(dir: &Path, engine: EngineKind) -> Options {
    Options { cache_bytes: 8 << 20, ..Options::new(dir, engine) }
}

impl Subject for Stores {
    fn fresh(&self) -> BoxFuture<'_, Store> {
        Box::pin(self.make(HistoryBounds::default()))
    }

    fn forgetful(&self) -> BoxFuture<'_, Option<Store>> {
        Box::pin(async {
            self.engine?;
            Some(self.make(HistoryBounds { revisions: 16, bytes: 1 << 20 }).await)
        })
    }

    fn reopen(&self, store: Store) -> BoxFuture<'_, Option<Store>> {
        Box::pin(async {
            let engine = self.engine?;
            store.close().await;
            let dir = self.folders.lock().unwrap().last().unwrap().path().to_owned();
            Some(Store::open(options(&dir, engine)).await.unwrap())
        })
    }
}
