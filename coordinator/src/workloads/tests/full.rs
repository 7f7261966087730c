//! A store that takes nothing for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tamer_model::{HostState, Lost, Patience, Phase, Run, WorkloadSpec};
use tamer_store::{
    Backend, BoxFuture, Commit, CommitError, Entry, Fault, Key, Page, Prefix, Range, ReadError,
    Revision, Store, Watch, WatchError,
};

use super::stage::{Stage, id, name, status, web};
use crate::workloads::{Board, Notice};

/// A store in memory that may be full. Clones are the same one.
#[derive(Clone)]
struct Fills {
    store: Store,
    full: Arc<AtomicBool>,
    refused: Arc<AtomicU32>,
    read: Arc<AtomicU32>,
}

impl Fills {
    fn new() -> Self {
        let (full, refused, read) = Default::default();
        Self { store: Store::memory(), full, refused, read }
    }

    fn full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }
}

impl Backend for Fills {
    fn name(&self) -> &'static str {
        "fills"
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, ReadError>> {
        Box::pin(self.store.get(key))
    }

    fn range(&self, range: Range) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.read.fetch_add(1, Ordering::SeqCst);
        Box::pin(self.store.range(range))
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, CommitError>> {
        if self.full.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let fault = Fault::new(std::io::Error::other("there is no room"));
            return Box::pin(async { Err(CommitError::Full(fault)) });
        }
        Box::pin(self.store.commit(commit))
    }

    fn watch(&self, prefix: Prefix, from: Revision) -> BoxFuture<'_, Result<Watch, WatchError>> {
        Box::pin(self.store.watch(prefix, from))
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, ReadError>> {
        Box::pin(self.store.revision())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// What a host told in a session that goes on is not asked for again.
#[tokio::test]
async fn a_host_that_came_back_while_the_store_was_full_is_not_lost_for_good() {
    let fills = Fills::new();
    let stage = Stage::on(Store::new(fills.clone()), 2, |_, _| Phase::Running).await;
    let lost = Lost { replace_after: Patience::Never, ..Lost::default() };
    let spec = WorkloadSpec { apart_from: vec![name("web")], lost, ..web(Run::Count(2)) };
    stage.apply(spec).await;
    stage.running(2).await;
    let unknown = |board: &Board| board.scheduler().counts(&name("web")).unknown;
    stage.disconnect(0);
    stage.state(0, HostState::Lost).await;
    stage.until("host 0 is lost", |board| unknown(board) == 1).await;
    fills.full(true);
    // It tells what is known already, and the other tells news that cannot be stored.
    stage.connect(0).await;
    let session = stage.sessions.get(id(1)).expect("a session").number;
    let copies: Vec<_> = stage.kept(1).copies.into_keys().collect();
    let reports = vec![(copies[0], status(Phase::Waiting))];
    stage.tell(Notice::Told { host: id(1), session, complete: false, reports }).await;
    stage.until("refused", |_| fills.refused.load(Ordering::SeqCst) > 0).await;
    let read = fills.read.load(Ordering::SeqCst);
    stage.until("read again", |_| fills.read.load(Ordering::SeqCst) > read).await;
    fills.full(false);
    stage.state(0, HostState::Ready).await;
    stage.until("host 0 is back", |board| unknown(board) == 0).await;
}
