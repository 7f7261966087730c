//! Durable commits a second, beside what the disk can do at all.
//!
//! `cargo run --release -p tamer-store --example store_bench [FOLDER]`; the folder decides which
//! disk is measured, the working folder's unless told.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use tamer_store::{Commit, EngineKind, Key, Options, Store};
use tokio::task::JoinSet;

const VALUE: usize = 200;
const TIME: Duration = Duration::from_secs(2);
const WRITERS: [u64; 3] = [1, 16, 256];

#[tokio::main]
async fn main() -> Result<()> {
    let base = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let dir = tempfile::tempdir_in(base)?;
    println!("durable commits a second, one put of {VALUE} bytes each, {TIME:?} a cell");
    println!("{:24} {:>9} {:>9} {:>9}", "writers", WRITERS[0], WRITERS[1], WRITERS[2]);
    println!("{:24} {:9.0}", "append + fdatasync", floor(&dir.path().join("floor"))?);
    row("memory (not durable)", &Store::memory()).await?;
    for engine in [EngineKind::Sled, EngineKind::Redb] {
        let store = Store::open(Options::new(dir.path().join(engine.name()), engine)).await?;
        row(engine.name(), &store).await?;
        store.close().await;
    }
    println!("{:24} {:9.0}", "append + fdatasync again", floor(&dir.path().join("floor2"))?);
    Ok(())
}

/// One sync a record: what a store without groups could do at best.
fn floor(path: &Path) -> Result<f64> {
    let mut file = File::create(path)?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < TIME {
        file.write_all(&[7; VALUE])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

async fn row(name: &str, store: &Store) -> Result<()> {
    let mut rates = Vec::new();
    for writers in WRITERS {
        rates.push(rate(store, writers).await?);
    }
    println!("{name:24} {:9.0} {:9.0} {:9.0}", rates[0], rates[1], rates[2]);
    Ok(())
}

async fn rate(store: &Store, writers: u64) -> Result<f64> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let store = store.clone();
        tasks.spawn(async move {
            let mut count = 0_u32;
            while start.elapsed() < TIME {
                let key = Key::new(format!("bench/{writer}/{}", count % 1000))?;
                store.commit(Commit::new().put(key, vec![7; VALUE])).await?;
                count += 1;
            }
            anyhow::Ok(count)
        });
    }
    let mut count = 0;
    while let Some(task) = tasks.join_next().await {
        count += task??;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}
