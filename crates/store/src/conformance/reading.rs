//! Order, prefixes, pages.

use super::{Case, Outcome, Subject, holds, key, list, put, same};
use crate::{Commit, Entry, InvalidLimit, MAX_VALUE, Prefix, Range, ReadError, Revision};

pub(super) const CASES: &[(&str, Case)] = &[
    ("an empty store has nothing", |it| Box::pin(empty(it))),
    ("keys are ordered bytewise", |it| Box::pin(order(it))),
    ("a prefix ends where it should", |it| Box::pin(prefix_ends(it))),
    ("a range is half-open", |it| Box::pin(half_open(it))),
    ("pages are cut by count", |it| Box::pin(pages(it))),
    ("pages are cut by bytes", |it| Box::pin(fat_pages(it))),
    ("a limit out of bounds is refused", |it| Box::pin(limits(it))),
];

fn keys(entries: &[Entry]) -> Vec<Vec<u8>> {
    entries.iter().map(|entry| entry.key.as_bytes().to_vec()).collect()
}

async fn empty(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    same("get", store.get(&key("a")?).await?, None)?;
    let page = store.range(Range::everything()).await?;
    same("entries", page.entries, vec![])?;
    same("next", page.next, None)
}

async fn order(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let mut wanted: Vec<Vec<u8>> = ["b", "a", "a/b", "a\0", "B", "é", "a/"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([vec![0], vec![0xff], vec![0xff, 0xff], vec![0x80; 512]])
        .collect();
    for bytes in &wanted {
        put(&store, &key(bytes)?, bytes.clone()).await?;
    }
    wanted.sort();
    let entries = list(&store, &Prefix::everything(), 1000).await?;
    same("keys", keys(&entries), wanted)?;
    holds("each value is its key's", entries.iter().all(|it| it.key.as_bytes() == it.value))
}

async fn prefix_ends(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let mut commit = Commit::new();
    let all: [&[u8]; 9] =
        [b"a", b"a/", b"a/1", b"a/\xff", b"a/\xff\xff", b"a0", b"b", b"\xff", b"\xff\xff\x01"];
    for bytes in all {
        commit = commit.put(key(bytes)?, "");
    }
    store.commit(commit).await?;
    for prefix in [&b"a/"[..], b"a/\xff", b"\xff", b"\xff\xff", b"", b"c", b"a/1"] {
        let prefix = Prefix::new(prefix)?;
        let mut wanted: Vec<_> = all.iter().map(|bytes| bytes.to_vec()).collect();
        wanted.retain(|bytes| bytes.starts_with(prefix.as_bytes()));
        wanted.sort();
        let found = list(&store, &prefix, 1000).await?;
        same(&format!("keys with prefix {prefix}"), keys(&found), wanted)?;
    }
    Ok(())
}

async fn half_open(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    for text in ["a", "b", "c", "d"] {
        put(&store, &key(text)?, "").await?;
    }
    let page = store.range(Range::between(&key("b")?, &key("d")?)).await?;
    same("b to d", keys(&page.entries), vec![b"b".to_vec(), b"c".to_vec()])?;
    let page = store.range(Range::everything().starting_at(b"bb")).await?;
    same("bb on", keys(&page.entries), vec![b"c".to_vec(), b"d".to_vec()])?;
    for (start, end) in [("d", "b"), ("b", "b")] {
        let page = store.range(Range::between(&key(start)?, &key(end)?)).await?;
        same("entries of an empty range", keys(&page.entries), vec![])?;
        same("next of an empty range", page.next, None)?;
    }
    Ok(())
}

async fn pages(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let mut latest = Revision::ZERO;
    for round in 0..3 {
        let mut commit = Commit::new();
        for index in 0..100 {
            commit = commit.put(key(format!("p/{round}/{index:03}"))?, "value");
        }
        latest = store.commit(commit).await?;
    }
    let all = list(&store, &Prefix::new("p/")?, 10_000).await?;
    same("entries", all.len(), 300)?;
    for limit in [1, 7, 100, 299, 300, 301] {
        let paged = list(&store, &Prefix::new("p/")?, limit).await?;
        same(&format!("keys, {limit} to a page"), keys(&paged), keys(&all))?;
    }
    let page = store.range(Range::everything().limit(300)).await?;
    same("entries of a page that is just big enough", page.entries.len(), 300)?;
    same("its next", page.next, None)?;
    holds("a page says a revision at which it is true", page.revision >= latest)
}

async fn fat_pages(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    for index in 0..7 {
        put(&store, &key(format!("fat/{index}"))?, vec![index; MAX_VALUE]).await?;
    }
    let page = store.range(Range::everything().limit(10_000)).await?;
    let bytes: usize = page.entries.iter().map(|entry| entry.value.len()).sum();
    holds("a page has 4 to 5 MiB", (4 << 20..=5 << 20).contains(&bytes))?;
    holds("there is more", page.next.is_some())?;
    let all = list(&store, &Prefix::everything(), 10_000).await?;
    same("entries of all pages", all.len(), 7)?;
    let right = |(index, entry): (usize, &Entry)| entry.value == vec![index as u8; MAX_VALUE];
    holds("every value is whole", all.iter().enumerate().all(right))
}

async fn limits(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    for limit in [0, 10_001] {
        match store.range(Range::everything().limit(limit)).await {
            Err(ReadError::Invalid(InvalidLimit(named))) => same("limit named", named, limit)?,
            other => return Err(format!("a limit of {limit} gave {other:?}").into()),
        }
    }
    Ok(())
}
