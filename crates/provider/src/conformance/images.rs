//! Images.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tamer_model::Operation;

use super::bench::{Bench, Case, Outcome, cases, fail, holds, refused, same, skip, within};
use crate::{FaultKind, Image, ProgressSink};

const NEEDS: &[Operation] =
    &[Operation::List, Operation::Create, Operation::Remove, Operation::ImageList];

cases! {
    "images", NEEDS, list;
    "image-remove", &[Operation::ImageRemove], remove;
    "image-load-broken", &[Operation::ImageLoad, Operation::ImageList], load_broken;
    "image-pull-unknown", &[Operation::ImagePull], pull_unknown;
}

/// What an instance was made of is listed.
async fn list(bench: &Bench<'_>) -> Outcome {
    let id = bench.made("image").await?;
    let Some(used) = bench.get(&id).await?.image else {
        return fail("the instance does not say what it was made of");
    };
    let images = bench.provider.images().await?;
    let known = |image: &Image| image.id == used || image.references.contains(&used);
    holds(&format!("{used} is not in {images:?}"), images.iter().any(known))
}

/// What is in use stays, and what is not there cannot go.
async fn remove(bench: &Bench<'_>) -> Outcome {
    let unknown = bench.provider.image_remove("tamer/none:0").await;
    refused("an unknown image", unknown, FaultKind::NotFound)?;
    if !NEEDS.iter().all(|operation| bench.can(*operation)) {
        return Ok(());
    }
    let id = bench.running("used").await?;
    let Some(used) = bench.get(&id).await?.image else {
        return skip("the instance does not say what it was made of");
    };
    refused("an image in use", bench.provider.image_remove(&used).await, FaultKind::Conflict)?;
    list_has(bench, &used).await
}

async fn list_has(bench: &Bench<'_>, used: &str) -> Outcome {
    let images = bench.provider.images().await?;
    let known = |image: &Image| image.id == used || image.references.iter().any(|r| r == used);
    holds("the image in use is gone", images.iter().any(known))
}

/// A file that breaks off leaves nothing.
async fn load_broken(bench: &Bench<'_>) -> Outcome {
    let before = ids(bench).await?;
    let broken = || std::io::Error::other("the connection broke off");
    let source = stream::iter([Ok(Bytes::from(vec![0; 10_000])), Err(broken())]).boxed();
    let nobody = ProgressSink::none();
    let load = bench.provider.image_load(source, &nobody);
    if let Ok(made) = within("the load", bench.subject.patience(), load).await? {
        return fail(format!("a broken file was taken in as {made:?}"));
    }
    same("images after it", ids(bench).await?, before)
}

/// An image that no registry has is refused, and not as an accident.
async fn pull_unknown(bench: &Bench<'_>) -> Outcome {
    let nobody = ProgressSink::none();
    let pull = bench.provider.image_pull("127.0.0.1:9/tamer/none:0", &nobody);
    match within("the pull", bench.subject.patience(), pull).await? {
        Ok(()) => fail("it was fetched"),
        Err(fault) => holds(
            &format!("an unfit fault: {fault:?}"),
            matches!(fault.kind, FaultKind::NotFound | FaultKind::Failed | FaultKind::InvalidSpec),
        ),
    }
}

async fn ids(bench: &Bench<'_>) -> Outcome<Vec<String>> {
    let mut ids: Vec<_> = bench.provider.images().await?.into_iter().map(|i| i.id).collect();
    ids.sort();
    Ok(ids)
}
