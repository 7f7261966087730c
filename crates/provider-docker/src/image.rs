//! Images: fetched, taken in, listed, removed.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bollard::models::ImageSummary;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};
use data_encoding::BASE64URL;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use tamer_provider::{Fault, FaultKind, Image, ImageSource, Progress, ProgressSink, Result};

use crate::client::{Answer, Ask, QUICK, SLOW};
use crate::engine::Engine;
use crate::fault;
use crate::items::items;
use crate::provider::ContainerProvider;
use crate::reference::Reference;
use crate::typed::part;
use crate::wire::Step;

/// What an engine names an image without a name.
const NAMELESS: &str = "<none>:<none>";

/// Whether an image is on the host.
pub(crate) async fn is_there(engine: &Engine, image: &Reference) -> Result<()> {
    let name = part(&image.to_string())?;
    let doing = format!("find image {image}");
    let call = engine
        .client
        .typed(&doing, Some(QUICK), |docker| async move { docker.inspect_image(&name).await });
    match call.await {
        Ok(_) => Ok(()),
        Err(fault) if fault.kind == FaultKind::NotFound => Err(Fault {
            message: format!("image {image} is not on the host"),
            remedy: "pull or load it first, or let the spec pull it".to_owned(),
            ..fault
        }),
        Err(fault) => Err(fault),
    }
}

/// Every image, by id.
pub(crate) async fn list(engine: &Engine) -> Result<Vec<Image>> {
    let all = summaries(engine, "list its images", ListImagesOptions::default()).await?;
    let mut images: Vec<_> = all.into_iter().map(image).collect();
    images.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(images)
}

pub(crate) async fn summaries(
    engine: &Engine,
    doing: &str,
    which: ListImagesOptions,
) -> Result<Vec<ImageSummary>> {
    let call = engine
        .client
        .typed(doing, Some(QUICK), |docker| async move { docker.list_images(Some(which)).await });
    call.await
}

fn image(summary: ImageSummary) -> Image {
    Image {
        references: names(&summary),
        size_bytes: u64::try_from(summary.size).ok(),
        id: summary.id,
    }
}

/// Everything it can be used by, in one order.
pub(crate) fn names(summary: &ImageSummary) -> Vec<String> {
    let tags = summary.repo_tags.iter();
    let mut names: Vec<String> = tags
        .chain(&summary.repo_digests)
        .filter(|name| *name != NAMELESS && !name.starts_with("<none>@"))
        .cloned()
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Fetches an image. How long it takes is the registry's affair: there is no limit but the
/// caller's.
pub(crate) async fn pull(
    provider: &ContainerProvider,
    engine: &Engine,
    image: &Reference,
    progress: &ProgressSink,
) -> Result<()> {
    let doing = format!("pull image {image}");
    let mut ask = Ask::post(&["images", "create"]).query("fromImage", image).limit(None);
    if let Some(registry) = provider.registry(image.host()) {
        let whom = json!({
            "username": registry.user,
            "password": registry.password.expose(),
            "serveraddress": registry.host,
        });
        ask = ask.header("X-Registry-Auth", BASE64URL.encode(whom.to_string().as_bytes()));
    }
    let answer = engine.client.ask(&*doing, ask).await?;
    steps(answer, &doing, progress, |_| {}).await
}

/// Takes in an archive as `docker save` writes it.
pub(crate) async fn load(
    engine: &Engine,
    source: ImageSource,
    progress: &ProgressSink,
) -> Result<Vec<String>> {
    let doing = "load an image";
    // Why the source broke, which the connection's own error does not tell.
    let broken = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&broken);
    let source = source.map_err(move |error: io::Error| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        error
    });
    let ask = Ask::post(&["images", "load"]).query("quiet", "false").tar(source).limit(None);
    let mut loaded = Vec::new();
    let done = async {
        let answer = engine.client.ask(doing, ask).await?;
        steps(answer, doing, progress, |sentence| loaded.extend(named(sentence))).await
    };
    let done = done.await;
    let broken = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (done, broken) {
        (_, Some(why)) => {
            Err(Fault::new(FaultKind::Failed, "the image's file broke off").said(why))
        }
        (Err(fault), None) => Err(fault),
        (Ok(()), None) => {
            loaded.sort_unstable();
            loaded.dedup();
            Ok(loaded)
        }
    }
}

/// Removes an image that no container uses.
pub(crate) async fn remove(engine: &Engine, reference: &str) -> Result<()> {
    let image = Reference::parse(reference)?;
    remove_name(engine, &format!("remove image {image}"), &image.to_string()).await
}

/// Takes a name away from an image, and with its last name the image.
pub(crate) async fn remove_name(engine: &Engine, doing: &str, name: &str) -> Result<()> {
    let name = part(name)?;
    let call = engine.client.typed(doing, Some(SLOW), |docker| async move {
        docker.remove_image(&name, None::<RemoveImageOptions>, None).await
    });
    call.await.map(drop)
}

/// Reads the steps of a long operation to the end. An error among them is its fault.
async fn steps(
    answer: Answer,
    doing: &str,
    progress: &ProgressSink,
    mut sentence: impl FnMut(&str),
) -> Result<()> {
    let mut steps = Box::pin(items::<Step>(answer));
    while let Some(step) = steps.next().await {
        let step = step?;
        if let Some(error) = step.error {
            return Err(fault::in_stream(doing, &error));
        }
        if let Some(text) = &step.stream {
            sentence(text);
        }
        let Some(status) = step.status.or(step.stream) else { continue };
        let what = match step.id {
            Some(id) => format!("{} {id}", status.trim_end()),
            None => status.trim_end().to_owned(),
        };
        let detail = step.progress_detail;
        progress.tell(Progress {
            what,
            done_bytes: detail.as_ref().and_then(|detail| detail.current),
            // An engine that does not know yet says -1 or 0.
            total_bytes: detail.and_then(|detail| detail.total).filter(|total| *total > 0),
        });
    }
    Ok(())
}

/// The references in "Loaded image: a:1" and "Loaded image(s): a:1,b:2". Without a name an image is
/// used by its id: "Loaded image ID: sha256:…".
fn named(sentence: &str) -> Vec<String> {
    sentence
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("Loaded image")?;
            let (_, names) = rest.split_once(": ")?;
            Some(names.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>())
        })
        .flatten()
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_loaded_is_read_from_the_sentence() {
        assert_eq!(named("Loaded image: tamer/busybox:1\n"), ["tamer/busybox:1"]);
        assert_eq!(named("Loaded image(s): a:1,b:2"), ["a:1", "b:2"]);
        assert_eq!(named("Loaded image ID: sha256:abc\n"), ["sha256:abc"]);
        assert!(named("Loading layer").is_empty());
    }
}
