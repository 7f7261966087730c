//! Watches: nothing left out, nothing twice, nothing out of order, or a clear end.

use std::{collections::BTreeMap, error::Error, time::Duration};

use bytes::Bytes;

use super::{Case, Outcome, Subject, holds, key, list, put, same};
use crate::{Change, Commit, Event, Key, Prefix, Revision, Store, Watch, WatchError};

pub(super) const CASES: &[(&str, Case)] = &[
    ("a watch tells what happens from now on", |it| Box::pin(from_now(it))),
    ("a watch tells what happened from a revision on", |it| Box::pin(from_the_past(it))),
    ("a watch can start at a revision still to come", |it| Box::pin(from_the_future(it))),
    ("a watch tells of its prefix only", |it| Box::pin(prefixes(it))),
    ("a watch tells deletes, and what is made again", |it| Box::pin(deletes(it))),
    ("the events of a revision come together", |it| Box::pin(together(it))),
    ("no revision is left out under load", |it| Box::pin(gap_free(it))),
    ("a list and a watch make a true copy", |it| Box::pin(copy(it))),
    ("a cancelled wait loses nothing", |it| Box::pin(cancelled(it))),
    ("what is no longer kept is said to be", |it| Box::pin(compacted(it))),
    ("a slow watch is told so", |it| Box::pin(slow(it))),
];

type Anything<T> = Result<T, Box<dyn Error + Send + Sync>>;

async fn now(store: &Store) -> Anything<Watch> {
    let from = store.revision().await?.next();
    Ok(store.watch(Prefix::everything(), from).await?)
}

/// Reads on until it has this many events.
async fn take(watch: &mut Watch, count: usize) -> Anything<Vec<Event>> {
    let mut events = Vec::new();
    while events.len() < count {
        let more = watch.next().await?;
        holds("a watch never returns nothing", !more.is_empty())?;
        events.extend(more);
    }
    Ok(events)
}

fn revisions(events: &[Event]) -> Vec<Revision> {
    let mut revisions: Vec<_> = events.iter().map(|event| event.revision).collect();
    revisions.dedup();
    revisions
}

async fn from_now(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    put(&store, &key("before")?, "").await?;
    let mut watch = now(&store).await?;
    let revision = put(&store, &key("a")?, "1").await?;
    let events = take(&mut watch, 1).await?;
    let entry = store.get(&key("a")?).await?.ok_or("a is gone")?;
    same("events", events, vec![Event { revision, change: Change::Put(entry) }])
}

async fn from_the_past(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let mut wanted = Vec::new();
    for index in 0..10 {
        wanted.push(put(&store, &key("a")?, index.to_string()).await?);
    }
    for skip in [0, 5, 9] {
        let mut watch = store.watch(Prefix::everything(), wanted[skip]).await?;
        let events = take(&mut watch, 10 - skip).await?;
        same("revisions", &revisions(&events)[..], &wanted[skip..])?;
        let Change::Put(entry) = &events[0].change else { return Err("wanted a put".into()) };
        same("the first value, as it was then", &entry.value, &Bytes::from(skip.to_string()))?;
    }
    Ok(())
}

async fn from_the_future(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let at = put(&store, &key("a")?, "").await?;
    let mut watch = store.watch(Prefix::everything(), Revision(at.0 + 3)).await?;
    let mut wanted = Vec::new();
    for _ in 0..6 {
        wanted.push(put(&store, &key("a")?, "").await?);
    }
    wanted.retain(|revision| revision.0 >= at.0 + 3);
    let events = take(&mut watch, wanted.len()).await?;
    same("revisions", revisions(&events), wanted)
}

async fn prefixes(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let from = store.revision().await?.next();
    let mut watch = store.watch(Prefix::new("b/")?, from).await?;
    let commit = Commit::new().put(key("a")?, "").put(key("b/1")?, "").put(key("b0")?, "");
    let first = store.commit(commit).await?;
    put(&store, &key("b")?, "").await?;
    let last = put(&store, &key("b/\u{ff}")?, "").await?;
    let events = take(&mut watch, 2).await?;
    same("revisions", revisions(&events), vec![first, last])?;
    let keys: Vec<Key> = events.iter().map(|event| event.key().clone()).collect();
    same("keys", keys, vec![key("b/1")?, key("b/\u{ff}")?])
}

async fn deletes(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let mut watch = now(&store).await?;
    let a = key("a")?;
    put(&store, &a, "1").await?;
    let deleted = store.commit(Commit::new().delete(a.clone())).await?;
    let made = put(&store, &a, "2").await?;
    let events = take(&mut watch, 3).await?;
    let delete = Event { revision: deleted, change: Change::Delete(a.clone()) };
    same("the second event", &events[1], &delete)?;
    let Change::Put(entry) = &events[2].change else { return Err("wanted a put".into()) };
    same("made again", (entry.created, entry.modified), (made, made))
}

async fn together(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let from = store.revision().await?.next();
    for round in 0..40 {
        let mut commit = Commit::new();
        for index in 0..100 {
            commit = commit.put(key(format!("{index:03}"))?, round.to_string());
        }
        store.commit(commit).await?;
    }
    let mut watch = store.watch(Prefix::everything(), from).await?;
    let mut seen = 0;
    while seen < 4000 {
        let events = watch.next().await?;
        let mut sizes = BTreeMap::new();
        for event in &events {
            *sizes.entry(event.revision).or_insert(0) += 1;
        }
        holds("each revision comes whole", sizes.values().all(|count| *count == 100))?;
        seen += events.len();
    }
    same("events", seen, 4000)
}

async fn gap_free(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let mut watch = now(&store).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut revisions = Vec::new();
            for index in 0..25 {
                revisions.push(put(&store, &key(format!("{writer}/{index}"))?, "").await?);
            }
            Anything::Ok(revisions)
        });
    }
    let mut wanted = Vec::new();
    while let Some(task) = tasks.join_next().await {
        wanted.extend(task??);
    }
    wanted.sort_unstable();
    let events = take(&mut watch, wanted.len()).await?;
    same("revisions", revisions(&events), wanted)
}

async fn copy(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    for index in 0..50 {
        put(&store, &key(format!("{index:02}"))?, "0").await?;
    }
    let writer = store.clone();
    let churn = tokio::spawn(async move {
        for turn in 0..100 {
            let at = key(format!("{:02}", turn * 7 % 60))?;
            let commit = if turn % 3 == 0 {
                Commit::new().delete(at)
            } else {
                Commit::new().put(at, turn.to_string())
            };
            writer.commit(commit).await?;
        }
        put(&writer, &key("end")?, "").await
    });
    let first = store.range(crate::Range::everything().limit(5)).await?;
    let listed = list(&store, &Prefix::everything(), 5).await?;
    let mut copy: BTreeMap<_, _> =
        listed.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
    let mut watch = store.watch(Prefix::everything(), first.revision.next()).await?;
    churn.await??;
    while !copy.contains_key(&key("end")?) {
        for event in watch.next().await? {
            match event.change {
                Change::Put(entry) => copy.insert(entry.key.clone(), entry),
                Change::Delete(key) => copy.remove(&key),
            };
        }
    }
    let truth = list(&store, &Prefix::everything(), 1000).await?;
    same("the copy", copy.into_values().collect::<Vec<_>>(), truth)
}

async fn cancelled(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let mut watch = now(&store).await?;
    let waited = tokio::time::timeout(Duration::from_millis(20), watch.next()).await;
    holds("nothing happens, nothing comes", waited.is_err())?;
    let revision = put(&store, &key("a")?, "").await?;
    same("then it comes", revisions(&take(&mut watch, 1).await?), vec![revision])
}

async fn compacted(subject: &dyn Subject) -> Outcome {
    let Some(store) = subject.forgetful().await else { return Ok(()) };
    let first = put(&store, &key("a")?, "").await?;
    let mut last = first;
    for _ in 0..200 {
        last = put(&store, &key("a")?, "").await?;
    }
    match store.watch(Prefix::everything(), first).await {
        Err(WatchError::Compacted { oldest }) => {
            holds("the oldest is in the past", first < oldest && oldest <= last.next())?;
            store.watch(Prefix::everything(), oldest).await?;
            Ok(())
        }
        other => Err(format!("wanted `compacted`, saw {other:?}").into()),
    }
}

async fn slow(subject: &dyn Subject) -> Outcome {
    let Some(store) = subject.forgetful().await else { return Ok(()) };
    let mut watch = now(&store).await?;
    for _ in 0..200 {
        put(&store, &key("a")?, "").await?;
    }
    // A backend may hand over what it had buffered, and must then say that there is a hole.
    let mut seen = None;
    loop {
        match watch.next().await {
            Ok(events) => {
                let revisions = revisions(&events);
                holds("revisions grow", seen < revisions.first().copied())?;
                seen = revisions.last().copied();
            }
            Err(WatchError::Compacted { .. }) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
}
