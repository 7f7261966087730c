//! What a stopped coordinator left of inventories in its store.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;
use tamer_store::{EngineKind, Options, Prefix, Range, Store};

/// Records, by what they are.
pub struct Kept {
    /// Of a host's picture: bytes of all keys and values, and how many there are.
    pub hosts: (u64, u64),
    /// Of a change of one field: the mean of key and value in bytes, the longest, and how many.
    pub changes: (f64, u64, u64),
}

/// Reads it.
pub async fn measure(data: &Path) -> Result<Kept> {
    let store = Store::open(Options::new(data.join("store"), EngineKind::Sled)).await?;
    let hosts = read(&store, "drift/host/", |_| true).await?;
    // The first record of a host says that its history begins, and holds no change.
    let is_change = |record: &Value| record.get("delta").is_some();
    let changes = read(&store, "drift/delta/", is_change).await?;
    store.close().await;
    let (count, bytes) = (changes.len() as u64, changes.iter().sum::<u64>());
    ensure!(count > 0, "no change was kept");
    let longest = changes.iter().copied().max().unwrap_or_default();
    Ok(Kept {
        hosts: (hosts.iter().sum(), hosts.len() as u64),
        changes: (bytes as f64 / count as f64, longest, count),
    })
}

/// The bytes of each record below a prefix that is meant.
async fn read(store: &Store, prefix: &str, meant: impl Fn(&Value) -> bool) -> Result<Vec<u64>> {
    let mut all = Vec::new();
    let mut next = Some(Range::prefix(&Prefix::new(prefix)?));
    while let Some(range) = next {
        let page = store.range(range).await?;
        for entry in &page.entries {
            let record: Value = serde_json::from_slice(&entry.value)?;
            if meant(&record) {
                all.push((entry.key.as_bytes().len() + entry.value.len()) as u64);
            }
        }
        next = page.next;
    }
    Ok(all)
}
