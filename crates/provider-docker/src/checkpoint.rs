//! Checkpoints: images made of a container's file system, and containers made anew from them.
//!
//! A container's checkpoints are the images that carry its key in a label. The key is what Tamer
//! wrote into a label when it made the container, or the container's own id when somebody else
//! made it; a container that is made anew carries the key on, so its checkpoints stay its own.
//!
//! What runs in memory is not saved. Docker can with `--experimental` and CRIU, which few hosts
//! have; [`crate::probe`] says that it is not used.

use std::collections::HashMap;

use bollard::models::{ContainerConfig, ImageSummary};
use bollard::query_parameters::{
    CommitContainerOptions, ListImagesOptions, RemoveContainerOptions, RemoveVolumeOptions,
    RenameContainerOptions, TagImageOptions,
};
use tamer_model::{Checkpoint, CheckpointKind, CheckpointName, NativeId};
use tamer_provider::{Fault, FaultKind, Result};

use crate::client::{Ask, SLOW};
use crate::create::take_back;
use crate::engine::Engine;
use crate::image::{remove_name, summaries};
use crate::lifecycle::{remove_only, start, stop};
use crate::list::seconds;
use crate::networks;
use crate::typed::part;
use crate::whole::Whole;
use crate::wire::Made;

/// On a container that Tamer made: its key.
pub(crate) const INSTANCE_LABEL: &str = "tamer.instance";
/// On a checkpoint's image: the key of its container.
const OF_LABEL: &str = "tamer.checkpoint.of";
/// On a checkpoint's image: its name.
const NAME_LABEL: &str = "tamer.checkpoint.name";
/// On a container that was made anew: volumes without a name that it took over, which nobody
/// removes with it otherwise.
pub(crate) const VOLUMES_LABEL: &str = "tamer.checkpoint.volumes";
/// The repository of the images.
const REPOSITORY: &str = "tamer-checkpoint";
/// The repository of those that were removed while a container made of them was there.
const USED: &str = "tamer-used";

/// The old one goes, and the new one has its volumes.
const WITHOUT_VOLUMES: RemoveContainerOptions =
    RemoveContainerOptions { v: false, force: true, link: false };

/// Whether a label is our book-keeping, and nobody's affair.
pub(crate) fn is_own_label(key: &str) -> bool {
    [OF_LABEL, NAME_LABEL, VOLUMES_LABEL, INSTANCE_LABEL].contains(&key)
}

/// Its checkpoints, oldest first.
pub(crate) async fn list(engine: &Engine, id: &NativeId) -> Result<Vec<Checkpoint>> {
    let key = Whole::inspect(engine, id).await?.key();
    let mut found = saved(engine, &key).await?;
    found.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
    Ok(found)
}

pub(crate) async fn create(engine: &Engine, id: &NativeId, name: &CheckpointName) -> Result<()> {
    let whole = Whole::inspect(engine, id).await?;
    let key = whole.key();
    if saved(engine, &key).await?.iter().any(|checkpoint| checkpoint.name == *name) {
        let message = format!("{id} has a checkpoint {name} already");
        return Err(Fault::new(FaultKind::AlreadyExists, message).on("checkpoint"));
    }
    let options = CommitContainerOptions {
        container: Some(id.to_string()),
        repo: Some(format!("{REPOSITORY}/{key}")),
        tag: Some(name.to_string()),
        pause: true,
        changes: Some(format!("LABEL {OF_LABEL}={key}\nLABEL {NAME_LABEL}={name}")),
        ..CommitContainerOptions::default()
    };
    // A large file system takes as long as it takes; the caller has a limit.
    let doing = format!("save {id}");
    let call = engine.client.typed(&doing, None, |docker| async move {
        docker.commit_container(options, ContainerConfig::default()).await
    });
    call.await.map(drop)
}

pub(crate) async fn remove(engine: &Engine, id: &NativeId, name: &CheckpointName) -> Result<()> {
    let key = Whole::inspect(engine, id).await?.key();
    let image = image(engine, &key, id, name).await?;
    let doing = format!("remove checkpoint {name} of {id}");
    match remove_name(engine, &doing, &image.tag).await {
        Err(fault) if fault.kind == FaultKind::Conflict => {}
        done => return done,
    }
    // The container was made anew of it. An engine takes a name away from an image in use when that
    // has another one, so it gets one; under that it goes with the container.
    let short = image.id.trim_start_matches("sha256:").get(..12).unwrap_or(&image.id);
    let other =
        TagImageOptions { repo: Some(format!("{USED}/{key}")), tag: Some(short.to_owned()) };
    let own = part(&image.tag)?;
    let call = engine.client.typed(&doing, Some(SLOW), |docker| async move {
        docker.tag_image(&own, Some(other)).await
    });
    call.await?;
    remove_name(engine, &doing, &image.tag).await
}

/// Makes the container anew from a checkpoint.
///
/// The new one is made beside the old one, under a name of its own. Only when it is there, and
/// runs if the old one ran, is the old one removed and its name given on. Whatever fails before
/// that leaves the old one as it was; what fails after leaves the new one, under the other name.
pub(crate) async fn restore(
    engine: &Engine,
    id: &NativeId,
    name: &CheckpointName,
) -> Result<NativeId> {
    let old = Whole::inspect(engine, id).await?;
    let key = old.key();
    let image = image(engine, &key, id, name).await?;
    let own_name = old.name()?.to_owned();
    let volumes = old.nameless_volumes();
    // In the engine's own words, and so not by bollard: what its type does not know would be lost
    // on the way from the old container to the new one.
    let body = old.anew(engine.kind, &key, &image.tag, &volumes)?;
    let ask = Ask::post(&["containers", "create"])
        .query("name", format!("{own_name}.restored-{name}"))
        .json(&body);
    let made: Made = engine.client.json(&format!("make {id} anew"), ask).await?;
    let new: NativeId = made.id.parse()?;
    if let Err(fault) = take_over(engine, id, &new, &old).await {
        take_back_anew(engine, &new).await;
        if old.runs() {
            // It may have been stopped on the way. What failed first is what the caller is told.
            let _ = start(engine, id).await;
        }
        return Err(fault);
    }
    // Without its volumes: the new one has them.
    match remove_only(engine, &format!("remove {id}"), id, WITHOUT_VOLUMES).await {
        Ok(()) => {}
        // It was one that the engine removes when it stops.
        Err(fault) if fault.kind == FaultKind::NotFound => {}
        Err(fault) => return Err(fault),
    }
    let doing = format!("give {new} the name {own_name}");
    let container = part(new.as_str())?;
    let call = engine.client.typed(&doing, Some(SLOW), |docker| async move {
        docker.rename_container(&container, RenameContainerOptions { name: own_name }).await
    });
    call.await?;
    Ok(new)
}

/// Puts the new one on the old one's networks and lets it run in its place.
async fn take_over(engine: &Engine, id: &NativeId, new: &NativeId, old: &Whole) -> Result<()> {
    for (network, aliases) in old.more_networks() {
        networks::connect(engine, &network, new, &aliases).await?;
    }
    if old.runs() {
        // First, for both want the same ports and addresses.
        stop(engine, id, None).await?;
        start(engine, new).await?;
    }
    Ok(())
}

/// Removes the new one and leaves the volumes, which are still the old one's.
async fn take_back_anew(engine: &Engine, new: &NativeId) {
    let doing = format!("take back {new}");
    if remove_only(engine, &doing, new, WITHOUT_VOLUMES).await.is_err() {
        take_back(engine, new).await;
    }
}

/// What only one container uses, and no engine removes with it.
pub(crate) struct Leftovers {
    /// Its checkpoints, newest first: one may be made of another.
    images: Vec<String>,
    /// The volumes that it took over when it was made anew.
    volumes: Vec<String>,
}

impl Leftovers {
    /// Looks before the container is removed, for nothing tells afterwards.
    pub(crate) async fn of(engine: &Engine, id: &NativeId) -> Result<Self> {
        let whole = Whole::inspect(engine, id).await?;
        let key = whole.key();
        let mut found = images(engine, &key).await?;
        found.sort_by_key(|image| std::cmp::Reverse(image.created));
        let tags = |image| [REPOSITORY, USED].map(|place| full_tag_in(place, image, &key));
        let images = found.iter().flat_map(tags).flatten().map(str::to_owned);
        let volumes = whole.label(VOLUMES_LABEL).unwrap_or_default().split(',');
        Ok(Self {
            images: images.collect(),
            volumes: volumes.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        })
    }

    /// Removes them after the container. What somebody else uses by now stays.
    pub(crate) async fn remove(&self, engine: &Engine) {
        for name in &self.images {
            let done = remove_name(engine, &format!("remove image {name}"), name).await;
            stays(name, done);
        }
        for name in &self.volumes {
            stays(name, remove_volume(engine, name).await);
        }
    }
}

fn stays(name: &str, done: Result<()>) {
    if let Err(fault) = done {
        tracing::info!(%name, %fault, "what an instance left stays");
    }
}

async fn remove_volume(engine: &Engine, name: &str) -> Result<()> {
    let called = part(name)?;
    let doing = format!("remove volume {name}");
    let call = engine.client.typed(&doing, Some(SLOW), |docker| async move {
        docker.remove_volume(&called, None::<RemoveVolumeOptions>).await
    });
    call.await
}

/// The checkpoints of a key.
async fn saved(engine: &Engine, key: &str) -> Result<Vec<Checkpoint>> {
    let summaries = images(engine, key).await?;
    Ok(summaries.iter().filter_map(|image| checkpoint(image, key)).collect())
}

async fn images(engine: &Engine, key: &str) -> Result<Vec<ImageSummary>> {
    let label = ("label".to_owned(), vec![format!("{OF_LABEL}={key}")]);
    let which =
        ListImagesOptions { filters: Some(HashMap::from([label])), ..ListImagesOptions::default() };
    summaries(engine, "list its checkpoints", which).await
}

/// None where an image has the labels and not the name: a child of a checkpoint that somebody
/// else made.
fn checkpoint(image: &ImageSummary, key: &str) -> Option<Checkpoint> {
    Some(Checkpoint {
        name: tag_of(image, key)?.parse().ok()?,
        created_at: seconds(image.created),
        kind: CheckpointKind::Disk,
        size_bytes: u64::try_from(image.size).ok(),
    })
}

/// The name under which it is ours: its checkpoint's name.
fn tag_of<'a>(image: &'a ImageSummary, key: &str) -> Option<&'a str> {
    full_tag_of(image, key)?.rsplit(':').next()
}

/// The reference under which it is ours.
fn full_tag_of<'a>(image: &'a ImageSummary, key: &str) -> Option<&'a str> {
    full_tag_in(REPOSITORY, image, key)
}

/// Its reference in one of our repositories. Podman writes a registry before that.
fn full_tag_in<'a>(repository: &str, image: &'a ImageSummary, key: &str) -> Option<&'a str> {
    let ours = format!("{repository}/{key}:");
    let mut tags = image.repo_tags.iter().map(String::as_str);
    tags.find(|tag| {
        tag.split_once(&ours).is_some_and(|(before, _)| before.is_empty() || before.ends_with('/'))
    })
}

/// A checkpoint's image.
struct Saved {
    id: String,
    tag: String,
}

/// The image of a checkpoint, which is there.
async fn image(engine: &Engine, key: &str, id: &NativeId, name: &CheckpointName) -> Result<Saved> {
    let found = images(engine, key).await?;
    let found = found.iter().find(|image| tag_of(image, key) == Some(name.as_str()));
    let saved = found.and_then(|image| {
        Some(Saved { id: image.id.clone(), tag: full_tag_of(image, key)?.to_owned() })
    });
    saved.ok_or_else(|| {
        Fault::new(FaultKind::NotFound, format!("{id} has no checkpoint {name}"))
            .on("checkpoint")
            .remedy("`tamerctl instance checkpoint ls` shows which it has")
    })
}
