//! Preconditions, atomicity, limits, and many writers at once.

use bytes::Bytes;

use super::{Case, Outcome, Subject, holds, key, list, put, same};
use crate::{
    Commit, CommitError, InvalidCommit, MAX_COMMIT_BYTES, MAX_COMMIT_OPS, MAX_VALUE, Prefix,
    Revision, Store, Write,
};

pub(super) const CASES: &[(&str, Case)] = &[
    ("each precondition holds when it should", |it| Box::pin(preconditions(it))),
    ("a conflict names the first key and changes nothing", |it| Box::pin(conflicts(it))),
    ("created and modified tell when", |it| Box::pin(revisions(it))),
    ("a commit that changes nothing has no revision of its own", |it| Box::pin(no_effect(it))),
    ("what is within the limits is taken", |it| Box::pin(at_the_limits(it))),
    ("what is over the limits is refused", |it| Box::pin(over_the_limits(it))),
    ("values of every size come back", |it| Box::pin(sizes(it))),
    ("counters lose no increment", |it| Box::pin(counters(it))),
];

async fn accepted(store: &Store, commit: Commit) -> Result<bool, CommitError> {
    match store.commit(commit).await {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

async fn preconditions(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let (here, gone) = (key("here")?, key("gone")?);
    let first = put(&store, &here, "1").await?;
    let latest = put(&store, &here, "2").await?;
    let check = async |what: &str, commit: Commit, wanted: bool| {
        same(what, accepted(&store, commit).await?, wanted)
    };
    let new = Commit::new;
    check("absent, and it is", new().absent(gone.clone()), true).await?;
    check("absent, and it is not", new().absent(here.clone()), false).await?;
    check("exists, and it does", new().exists(here.clone()), true).await?;
    check("exists, and it does not", new().exists(gone.clone()), false).await?;
    check("modified at the latest", new().modified_at(here.clone(), latest), true).await?;
    check("modified at an earlier one", new().modified_at(here.clone(), first), false).await?;
    check("modified, and it is absent", new().modified_at(gone.clone(), latest), false).await?;
    check("modified at zero, and it is absent", new().modified_at(gone, Revision::ZERO), false)
        .await?;
    store.commit(new().delete(here.clone())).await?;
    check("absent once deleted", new().absent(here), true).await
}

async fn conflicts(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let (a, b, c) = (key("a")?, key("b")?, key("c")?);
    let at = put(&store, &a, "1").await?;
    let commit = Commit::new()
        .modified_at(a.clone(), at)
        .exists(b.clone())
        .exists(c.clone())
        .put(a.clone(), "2")
        .put(b.clone(), "2")
        .delete(c);
    match store.commit(commit).await {
        Err(CommitError::Conflict { key }) => same("key named", key, b.clone())?,
        other => return Err(format!("wanted a conflict, saw {other:?}").into()),
    }
    let entry = store.get(&a).await?.ok_or("a is gone")?;
    same("a", (entry.value, entry.modified), (Bytes::from("1"), at))?;
    same("b", store.get(&b).await?, None)?;
    let next = store.commit(Commit::new().modified_at(a.clone(), at).put(a, "3").put(b, "3")).await;
    holds("the same without the broken one is accepted", next? > at)
}

async fn revisions(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let (a, b) = (key("a")?, key("b")?);
    let first = store.commit(Commit::new().put(a.clone(), "1").put(b.clone(), "1")).await?;
    let second = put(&store, &a, "2").await?;
    holds("revisions grow", second > first)?;
    let when = async |key| {
        let entry = store.get(key).await?;
        Ok::<_, crate::ReadError>(entry.map(|entry| (entry.created, entry.modified)))
    };
    same("a, rewritten", when(&a).await?, Some((first, second)))?;
    same("b, left alone", when(&b).await?, Some((first, first)))?;
    store.commit(Commit::new().delete(a.clone())).await?;
    let again = put(&store, &a, "2").await?;
    same("a, made again", when(&a).await?, Some((again, again)))?;
    holds("the store is at least there", store.revision().await? >= again)
}

async fn no_effect(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let at = put(&store, &key("a")?, "1").await?;
    for commit in [
        Commit::new(),
        Commit::new().exists(key("a")?),
        Commit::new().delete(key("b")?),
        Commit::new().absent(key("b")?).delete(key("b")?),
    ] {
        holds("it returns a revision not before the last", store.commit(commit).await? >= at)?;
    }
    let mut watch = store.watch(Prefix::everything(), at.next()).await?;
    let after = put(&store, &key("a")?, "2").await?;
    let events = watch.next().await?;
    same("the next event is that of the next change", events[0].revision, after)
}

async fn at_the_limits(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let mut commit = Commit::new();
    for index in 0..MAX_COMMIT_OPS {
        let key = key(format!("many/{index}"))?;
        commit = commit.absent(key.clone()).put(key, "");
    }
    store.commit(commit).await?;
    same("entries", list(&store, &Prefix::new("many/")?, 1000).await?.len(), MAX_COMMIT_OPS)?;
    let rest = MAX_COMMIT_BYTES - MAX_VALUE - 512 - 1;
    let commit =
        Commit::new().put(key([b'x'; 512])?, vec![1; MAX_VALUE]).put(key("y")?, vec![2; rest]);
    same("size of the biggest commit", commit.size(), MAX_COMMIT_BYTES)?;
    store.commit(commit).await?;
    let found = store.get(&key([b'x'; 512])?).await?.ok_or("it is gone")?;
    holds("the biggest value comes back", found.value == vec![1; MAX_VALUE])
}

async fn over_the_limits(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let a = key("a")?;
    let repeated = |commit: fn(Commit, crate::Key) -> Commit| {
        (0..=MAX_COMMIT_OPS).try_fold(Commit::new(), |all, index| {
            Ok::<_, crate::InvalidKey>(commit(all, key(format!("k/{index}"))?))
        })
    };
    let big = vec![0; MAX_VALUE];
    let cases = [
        (repeated(Commit::absent)?, InvalidCommit::TooManyPreconditions(129)),
        (repeated(Commit::delete)?, InvalidCommit::TooManyWrites(129)),
        (
            Commit::new().put(a.clone(), vec![0; MAX_VALUE + 1]),
            InvalidCommit::ValueTooBig { key: a.clone(), size: MAX_VALUE + 1 },
        ),
        (
            Commit::new().put(a.clone(), big.clone()).put(key("b")?, big),
            InvalidCommit::TooBig(2 * MAX_VALUE + 2),
        ),
        (Commit::new().put(a.clone(), "1").delete(a.clone()), InvalidCommit::KeyTwice(a.clone())),
    ];
    for (commit, wanted) in cases {
        match store.commit(commit).await {
            Err(CommitError::Invalid(reason)) => same("reason", reason, wanted)?,
            other => return Err(format!("wanted {wanted}, saw {other:?}").into()),
        }
    }
    same("entries", list(&store, &Prefix::everything(), 10).await?, vec![])
}

async fn sizes(subject: &dyn Subject) -> Outcome {
    let store = subject.fresh().await;
    let sizes = [0, 1, 4095, 4096, 4097, 16_384, 16_385, 65_536, 1_000_000, MAX_VALUE];
    for turn in 0..2_u8 {
        // The second turn replaces each by one of another size, so that parts must go too.
        for (index, size) in sizes.iter().enumerate() {
            let size = if turn == 0 { *size } else { sizes[sizes.len() - 1 - index] };
            put(&store, &key(format!("s/{index}"))?, vec![turn; size]).await?;
        }
    }
    for (index, size) in sizes.iter().rev().enumerate() {
        let found = store.get(&key(format!("s/{index}"))?).await?.ok_or("one is gone")?;
        holds(&format!("the value of {size} bytes is whole"), found.value == vec![1; *size])?;
    }
    let deletes = (0..sizes.len()).try_fold(Commit::new(), |all, index| {
        Ok::<_, crate::InvalidKey>(all.write(Write::Delete(key(format!("s/{index}"))?)))
    });
    store.commit(deletes?).await?;
    same("entries", list(&store, &Prefix::everything(), 10).await?, vec![])
}

async fn counters(subject: &dyn Subject) -> Outcome {
    const TASKS: u64 = 16;
    const EACH: u64 = 8;
    let store = subject.fresh().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..EACH {
                increment(&store).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let count = store.get(&key("counter")?).await?.ok_or("there is no counter")?;
    same("the count", count.value, Bytes::from((TASKS * EACH).to_string()))
}

async fn increment(store: &Store) -> Outcome {
    let counter = key("counter")?;
    loop {
        let (commit, value) = match store.get(&counter).await? {
            None => (Commit::new().absent(counter.clone()), 0),
            Some(entry) => {
                let value: u64 = std::str::from_utf8(&entry.value)?.parse()?;
                (Commit::new().unchanged(&entry), value)
            }
        };
        if accepted(store, commit.put(counter.clone(), (value + 1).to_string())).await? {
            return Ok(());
        }
    }
}
