//! Checkpoints: images made of a container's file system, and containers made anew from them.
//!
//! A container's checkpoints are the images that carry its key in a label. The key is what Tamer
//! wrote into a label when it made the container, or the container's own id when somebody else
//! made it; a container that is made anew carries the key on, so its checkpoints stay its own.
//!
//! What runs in memory is not saved. Docker can with `--experimental` and CRIU, which few hosts
//! have; [`crate::probe`] says that it is not used.

use futures_util::TryStreamExt as _;
use serde_json::json;
use tamer_model::{Checkpoint, CheckpointKind, CheckpointName, NativeId};
use tamer_provider::{Fault, FaultKind, Result};

use crate::client::Ask;
use crate::create::take_back;
use crate::engine::Engine;
use crate::items::items;
use crate::lifecycle::{start, stop};
use crate::list::seconds;
use crate::networks;
use crate::whole::Whole;
use crate::wire::{ImageSummary, Made};

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
    let ask = Ask::post(&["commit"])
        .query("container", id)
        .query("repo", format!("{REPOSITORY}/{key}"))
        .query("tag", name)
        .query("pause", "true")
        .query("changes", format!("LABEL {OF_LABEL}={key}"))
        .query("changes", format!("LABEL {NAME_LABEL}={name}"))
        .json(&json!({}))
        // A large file system takes as long as it takes; the caller has a limit.
        .limit(None);
    engine.client.text(&format!("save {id}"), ask).await.map(drop)
}

pub(crate) async fn remove(engine: &Engine, id: &NativeId, name: &CheckpointName) -> Result<()> {
    let key = Whole::inspect(engine, id).await?.key();
    let image = image(engine, &key, id, name).await?;
    let doing = format!("remove checkpoint {name} of {id}");
    let ask = || Ask::delete(&["images", &image.tag]);
    match engine.client.done(&doing, ask()).await {
        Err(fault) if fault.kind == FaultKind::Conflict => {}
        done => return done.map(drop),
    }
    // The container was made anew of it. An engine takes a name away from an image in use when that
    // has another one, so it gets one; under that it goes with the container.
    let short = image.id.trim_start_matches("sha256:").get(..12).unwrap_or(&image.id);
    let ask_other = Ask::post(&["images", &image.tag, "tag"])
        .query("repo", format!("{USED}/{key}"))
        .query("tag", short);
    engine.client.done(&doing, ask_other).await?;
    engine.client.done(&doing, ask()).await.map(drop)
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
    let ask = Ask::delete(&["containers", id.as_str()]).query("force", "true");
    match engine.client.done(&format!("remove {id}"), ask).await {
        Ok(_) => {}
        // It was one that the engine removes when it stops.
        Err(fault) if fault.kind == FaultKind::NotFound => {}
        Err(fault) => return Err(fault),
    }
    let ask = Ask::post(&["containers", new.as_str(), "rename"]).query("name", &own_name);
    engine.client.done(&format!("give {new} the name {own_name}"), ask).await?;
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
    let ask = Ask::delete(&["containers", new.as_str()]).query("force", "true");
    if engine.client.done(&format!("take back {new}"), ask).await.is_err() {
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
        for (kind, names) in [("images", &self.images), ("volumes", &self.volumes)] {
            for name in names {
                let doing = format!("remove {name} of {kind}");
                if let Err(fault) = engine.client.done(&doing, Ask::delete(&[kind, name])).await {
                    tracing::info!(%name, %fault, "what an instance left stays");
                }
            }
        }
    }
}

/// The checkpoints of a key.
async fn saved(engine: &Engine, key: &str) -> Result<Vec<Checkpoint>> {
    let summaries = images(engine, key).await?;
    Ok(summaries.iter().filter_map(|image| checkpoint(image, key)).collect())
}

async fn images(engine: &Engine, key: &str) -> Result<Vec<ImageSummary>> {
    let filter = json!({ "label": [format!("{OF_LABEL}={key}")] });
    let ask = Ask::get(&["images", "json"]).query("filters", filter);
    let answer = engine.client.ask("list its checkpoints", ask).await?;
    items(answer).try_collect().await
}

/// None where an image has the labels and not the name: a child of a checkpoint that somebody
/// else made.
fn checkpoint(image: &ImageSummary, key: &str) -> Option<Checkpoint> {
    Some(Checkpoint {
        name: tag_of(image, key)?.parse().ok()?,
        created_at: image.created.and_then(seconds),
        kind: CheckpointKind::Disk,
        size_bytes: image.size.and_then(|size| u64::try_from(size).ok()),
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
    let mut tags = image.repo_tags.iter().flatten().map(String::as_str);
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
