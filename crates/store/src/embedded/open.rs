//! Opening: claim the folder, open the engine, compare with what is known, start the committer.

use std::{
    io,
    sync::{Arc, Mutex},
    thread,
};

use tokio::sync::{Semaphore, mpsc};

use super::{
    EngineKind, HistoryBounds, OpenError, Options,
    committer::Committer,
    engine::Engine,
    fault::{EngineError, guarded},
    folder::Folder,
    handle::{Handle, Line, QUEUE_COMMITS, QUEUE_UNITS},
    history::History,
    memory::MemoryEngine,
    redb::RedbEngine,
    sled::SledEngine,
    tip::TipFile,
    view::{Home, View},
};
use crate::{Revision, Store};

/// What an engine was found to hold, and where.
pub(crate) struct Opened {
    pub name: &'static str,
    pub engine: Box<dyn Engine>,
    pub revision: Revision,
    pub folder: Option<Folder>,
    pub tip: Option<TipFile>,
}

/// A new store in memory.
pub(crate) fn memory() -> Store {
    let engine = Box::new(MemoryEngine::default());
    let revision = Revision::ZERO;
    let opened = Opened { name: "memory", engine, revision, folder: None, tip: None };
    start(opened, HistoryBounds::default(), 0).expect("a process can start a thread")
}

/// The store of a data folder. Opening reads much, so it has a thread of its own, which also keeps
/// an engine's panic to itself.
pub(crate) async fn open(options: Options) -> Result<Store, OpenError> {
    let dir = options.dir.clone();
    let opening = tokio::task::spawn_blocking(move || {
        let opened = open_folder(&options)?;
        let damaged = |error| OpenError::Unusable {
            dir: options.dir.clone(),
            doing: "starting a thread for it",
            source: error,
        };
        start(opened, options.history, options.reserve_bytes).map_err(damaged)
    });
    opening.await.unwrap_or_else(|error| {
        let source = io::Error::other(error);
        Err(OpenError::Unusable { dir, doing: "opening was cut short", source })
    })
}

fn open_folder(options: &Options) -> Result<Opened, OpenError> {
    let kind = options.engine;
    let mut folder = Folder::claim(&options.dir, kind)?;
    let (engine, revision) =
        guarded(|| open_engine(&folder, options)).map_err(|error| folder.failed(error))?;
    let mut tip = TipFile::open(&folder.dir).map_err(|error| folder.failed(error.into()))?;
    let known = tip.read().map_err(|error| folder.failed(error.into()))?;
    if let Some(known) = known.filter(|known| *known > revision) {
        return Err(OpenError::Lost { dir: folder.dir, found: revision, known });
    }
    if !folder.made {
        folder.seal(kind)?;
    }
    Ok(Opened { name: kind.name(), engine, revision, folder: Some(folder), tip: Some(tip) })
}

fn open_engine(
    folder: &Folder,
    options: &Options,
) -> Result<(Box<dyn Engine>, Revision), EngineError> {
    let data = folder.data(options.engine);
    let engine: Box<dyn Engine> = match options.engine {
        EngineKind::Sled => Box::new(SledEngine::open(&data, options.cache_bytes)?),
        EngineKind::Redb => Box::new(RedbEngine::open(&data, options.cache_bytes)?),
    };
    let tip = engine.tip()?;
    Ok((engine, tip))
}

/// Starts the committer and gives the handle that reaches it.
pub(crate) fn start(
    opened: Opened,
    bounds: HistoryBounds,
    reserve_bytes: u64,
) -> io::Result<Store> {
    let Opened { name, engine, revision, folder, tip } = opened;
    let home = Arc::new(Home { engine, folder });
    let view = Arc::new(View::new(home.clone(), revision));
    let history = Arc::new(History::new(revision, bounds));
    let (sender, queue) = mpsc::channel(QUEUE_COMMITS);
    let committer = Committer {
        queue,
        home,
        view: view.clone(),
        history: history.clone(),
        revision,
        tip,
        reserve_bytes,
    };
    let thread = thread::Builder::new().name("store-commit".into()).spawn(|| committer.run())?;
    Ok(Store::new(Handle {
        name,
        view,
        history,
        room: Arc::new(Semaphore::new(QUEUE_UNITS)),
        committer: Mutex::new(Some(Line { queue: sender, thread })),
    }))
}
