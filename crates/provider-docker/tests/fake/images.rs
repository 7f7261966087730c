//! Images: listed, fetched, taken in, made of containers, removed.

use std::io::Read as _;

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tamer_provider::fake::IMAGE;

use crate::answer::{self, Refusal, Result};
use crate::ask::Ask;
use crate::world::{Container, Files, Image, World, image_id, labels, short, text, with_tag};

/// `GET /images/json`
pub fn list(world: &World, ask: &Ask) -> Result {
    let wanted = ask.filter("label")?;
    let tables = world.tables();
    let mut all: Vec<_> = tables.images.iter().filter(|(_, image)| has(image, &wanted)).collect();
    all.sort_by_key(|(_, image)| std::cmp::Reverse(image.created));
    let told = all.into_iter().map(|(id, image)| {
        json!({
            "Containers": -1,
            "Created": image.created.as_second(),
            "Id": id,
            "Labels": labels(&image.config),
            "ParentId": "",
            "RepoDigests": null,
            "RepoTags": image.tags,
            "SharedSize": -1,
            "Size": image.size,
            "VirtualSize": image.size,
        })
    });
    Ok(answer::json(&told.collect()))
}

/// Whether it has all of these labels, each `key` or `key=value`.
fn has(image: &Image, wanted: &[String]) -> bool {
    let own = labels(&image.config);
    wanted.iter().all(|one| match one.split_once('=') {
        Some((key, value)) => text(&own, key) == value && own.contains_key(key),
        None => own.contains_key(one),
    })
}

/// `GET /images/{name}/json`
pub fn inspect(world: &World, word: &str) -> Result {
    let tables = world.tables();
    let Some(id) = tables.image_id(word) else {
        return Err(Refusal::missing(format!("no such image: {word}: No such image: {word}")));
    };
    let image = &tables.images[&id];
    Ok(answer::json(&json!({
        "Id": id,
        "RepoTags": image.tags,
        "RepoDigests": [],
        "Created": image.created.to_string(),
        "Config": image.config,
        "Os": "linux",
        "Size": image.size,
    })))
}

/// `POST /images/{name}/tag`
pub fn tag(world: &World, word: &str, ask: &Ask) -> Result {
    let mut tables = world.tables();
    let Some(id) = tables.image_id(word) else {
        return Err(Refusal::missing(format!("No such image: {}", with_tag(word))));
    };
    let tag = named(ask);
    tables.untag(&tag);
    tables.images.get_mut(&id).expect("it was found").tags.push(tag);
    drop(tables);
    world.events.tell("image", "tag", &id, &json!({}));
    Ok(answer::empty(StatusCode::CREATED))
}

/// `DELETE /images/{name}`: takes the name away, and the image with its last name.
pub fn remove(world: &World, word: &str) -> Result {
    let mut tables = world.tables();
    let Some(id) = tables.image_id(word) else {
        return Err(Refusal::missing(format!("No such image: {}", with_tag(word))));
    };
    let tag = with_tag(word);
    let tags = &tables.images[&id].tags;
    let by_name = tags.contains(&tag);
    let last = tags.len() <= 1;
    let user = tables.containers.values().find(|user| last && user.image == id);
    if let Some(refusal) = in_use(&id, by_name.then_some(&tag), last, user) {
        return Err(refusal);
    }
    let mut records: Vec<Value> = Vec::new();
    if last {
        let gone = tables.images.remove(&id).map(|image| image.tags).unwrap_or_default();
        records.extend(gone.iter().map(|tag| json!({ "Untagged": tag })));
        records.push(json!({ "Deleted": id }));
    } else {
        tables.untag(&tag);
        records.push(json!({ "Untagged": tag }));
    }
    drop(tables);
    world.events.tell("image", if last { "delete" } else { "untag" }, &id, &json!({}));
    Ok(answer::json(&Value::Array(records)))
}

/// Why an image stays: its other names, or who uses it. `tag` is the name that was meant; none
/// where it was the id.
fn in_use(id: &str, tag: Option<&String>, last: bool, user: Option<&Container>) -> Option<Refusal> {
    let image = short(id);
    let message = match (tag, user) {
        (None, _) if !last => format!(
            "conflict: unable to delete {image} (must be forced) - image is referenced in \
             multiple repositories"
        ),
        (Some(tag), Some(user)) => format!(
            "conflict: unable to remove repository reference {tag:?} (must force) - container {} \
             is using its referenced image {image}",
            short(&user.id)
        ),
        (None, Some(user)) if user.runs => format!(
            "conflict: unable to delete {image} (cannot be forced) - image is being used by \
             running container {}",
            short(&user.id)
        ),
        (None, Some(user)) => format!(
            "conflict: unable to delete {image} (must be forced) - image is being used by \
             stopped container {}",
            short(&user.id)
        ),
        (_, None) => return None,
    };
    Some(Refusal::conflict(message))
}

/// `POST /images/create`: fetches an image. The usual registry has one image, and there is no
/// other registry.
pub fn pull(world: &World, ask: &Ask) -> Result {
    let name = with_tag(ask.query("fromImage").unwrap_or_default());
    let (repository, tag) = name.rsplit_once(':').expect("it has a tag");
    let host = name.split_once('/').map_or("", |(first, _)| first);
    if host.contains(['.', ':']) || host == "localhost" {
        let message =
            format!("Get \"http://{host}/v2/\": dial tcp {host}: connect: connection refused");
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message));
    }
    if name != IMAGE {
        return Err(Refusal::missing(format!(
            "pull access denied for {repository}, repository does not exist or may require \
             'docker login': denied: requested access to the resource is denied"
        )));
    }
    let there = world.tables().image_id(&name).is_some();
    let how = if there {
        "Image is up to date"
    } else {
        let Value::Object(config) = json!({ "Cmd": ["idle"] }) else { unreachable!("an object") };
        let image = image(vec![name.clone()], config, Files::new());
        world.tables().images.insert(image_id(), image);
        "Downloaded newer image"
    };
    world.events.tell("image", "pull", &name, &json!({ "name": repository }));
    Ok(answer::lines(&[
        json!({ "status": format!("Pulling from {repository}"), "id": tag }),
        json!({ "status": format!("Status: {how} for {name}") }),
    ]))
}

/// `POST /images/load`: takes in an archive as `docker save` writes it. What its layers hold is
/// nothing that the fake could run.
pub async fn load(world: &World, mut ask: Ask) -> Result {
    let archive = ask.bytes().await?;
    let read = match read(&archive) {
        Ok(read) => read,
        // Not by the status: the answer has begun.
        Err(error) => {
            let message = format!("Error processing tar file(exit status 1): {error}");
            let told = json!({ "errorDetail": { "message": message }, "error": message });
            return Ok(answer::lines(&[told]));
        }
    };
    let mut told = Vec::new();
    for image in read {
        let id = image_id();
        for tag in &image.tags {
            world.tables().untag(tag);
            told.push(json!({ "stream": format!("Loaded image: {tag}\n") }));
        }
        if image.tags.is_empty() {
            told.push(json!({ "stream": format!("Loaded image ID: {id}\n") }));
        }
        world.tables().images.insert(id.clone(), image);
        world.events.tell("image", "load", &id, &json!({ "name": id }));
    }
    Ok(answer::lines(&told))
}

/// The images in an archive.
fn read(archive: &[u8]) -> std::io::Result<Vec<Image>> {
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let file = |wanted: &str| -> std::io::Result<Value> {
        for entry in tar::Archive::new(archive).entries()? {
            let mut entry = entry?;
            if entry.path()?.to_string_lossy() == wanted {
                let mut text = String::new();
                entry.read_to_string(&mut text)?;
                return Ok(serde_json::from_str(&text)?);
            }
        }
        Err(broken())
    };
    let manifest = file("manifest.json")?;
    let listed = manifest.as_array().into_iter().flatten();
    let images = listed.map(|one| {
        let config = file(one["Config"].as_str().ok_or_else(broken)?)?;
        let tags = one["RepoTags"].as_array().into_iter().flatten();
        let tags = tags.filter_map(Value::as_str).map(str::to_owned).collect();
        let config = config["config"].as_object().cloned().unwrap_or_default();
        Ok(Image { size: archive.len() as u64, ..image(tags, config, Files::new()) })
    });
    images.collect()
}

/// `POST /commit`
pub fn commit(world: &World, ask: &Ask) -> Result {
    let word = ask.query("container").unwrap_or_default();
    let container = world.container(word)?;
    let mut config = container.config.clone();
    let mut merged = labels(&config);
    // One a parameter, or one a line.
    for change in ask.all("changes").flat_map(str::lines) {
        let Some((key, value)) =
            change.strip_prefix("LABEL ").and_then(|label| label.split_once('='))
        else {
            let message = format!("{change} is not a valid change command");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
        };
        merged.insert(key.to_owned(), json!(value));
    }
    config.insert("Labels".to_owned(), Value::Object(merged));
    let tag = named(ask);
    let id = image_id();
    let mut tables = world.tables();
    tables.untag(&tag);
    tables.images.insert(id.clone(), image(vec![tag], config, container.files.clone()));
    drop(tables);
    world.tell(&container, "commit");
    Ok(answer::made(&json!({ "Id": id })))
}

/// What `repo` and `tag` of a query name.
fn named(ask: &Ask) -> String {
    let tag = ask.query("tag").filter(|tag| !tag.is_empty()).unwrap_or("latest");
    format!("{}:{tag}", ask.query("repo").unwrap_or_default())
}

fn image(tags: Vec<String>, config: Map<String, Value>, files: Files) -> Image {
    let size = 4096 + files.values().map(String::len).sum::<usize>() as u64;
    Image { tags, created: Timestamp::now(), size, config, files }
}
