//! Closing, and coming back.

use super::{Case, Outcome, Subject, holds, key, list, put, same};
use crate::{Commit, CommitError, MAX_VALUE, Prefix, Range, ReadError, WatchError};

pub(super) const CASES: &[(&str, Case)] = &[
    ("all is there after reopening", |it| Box::pin(reopened(it))),
    ("a closed store says so", |it| Box::pin(closed(it))),
];

async fn reopened(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    for index in 0..300 {
        put(&store, &key(format!("r/{index:03}"))?, vec![1; index * 40]).await?;
    }
    put(&store, &key("r/big")?, vec![2; MAX_VALUE]).await?;
    let last = store.commit(Commit::new().delete(key("r/007")?)).await?;
    let before = list(&store, &Prefix::everything(), 1000).await?;
    let Some(store) = subject.reopen(store).await else { return Ok(()) };
    same("entries", before == list(&store, &Prefix::everything(), 1000).await?, true)?;
    holds("the revision is not less", store.revision().await? >= last)?;
    let next = put(&store, &key("r/007")?, "again").await?;
    holds("revisions go on", next > last)?;
    let Some(store) = subject.reopen(store).await else { return Ok(()) };
    let entry = store.get(&key("r/007")?).await?.ok_or("a key is gone")?;
    same("revisions of a key", (entry.created, entry.modified), (next, next))
}

async fn closed(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    put(&store, &key("a")?, "").await?;
    let mut watch = store.watch(Prefix::everything(), store.revision().await?.next()).await?;
    let other = store.clone();
    store.close().await;
    let ends = |what, yes| holds(&format!("{what} says that the store is closed"), yes);
    let put = other.commit(Commit::new().put(key("a")?, "")).await;
    ends("commit", matches!(put, Err(CommitError::Closed)))?;
    ends("get", matches!(other.get(&key("a")?).await, Err(ReadError::Closed)))?;
    ends("range", matches!(other.range(Range::everything()).await, Err(ReadError::Closed)))?;
    ends("revision", matches!(other.revision().await, Err(ReadError::Closed)))?;
    ends("a watch", matches!(watch.next().await, Err(WatchError::Closed)))?;
    other.close().await;
    Ok(())
}
