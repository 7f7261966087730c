//! Containers made, looked at, named and removed.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tamer_model::{Instance, InstanceSpec, InstanceState, Limits};
use tamer_provider::fake::IMAGE;
use tamer_provider::{ProgressSink, Provider as _};

use crate::answer::{self, Refusal, Result};
use crate::ask::Ask;
use crate::world::{Container, Files, World, labels, new_id, said, text, texts};

/// What Docker writes for a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// `POST /containers/create`
pub async fn create(world: &World, mut ask: Ask) -> Result {
    let mut config: Map<String, Value> = ask.json().await?;
    let given = ask.query("name").map(str::to_owned);
    if let Some(name) = &given {
        check_name(name, name)?;
    }
    let mut host = taken(&mut config, "HostConfig");
    taken(&mut config, "NetworkingConfig");
    if text(&host, "NetworkMode").is_empty() {
        host.insert("NetworkMode".to_owned(), json!("default"));
    }
    let (image, files) = of_image(world, &mut config)?;
    let command: Vec<_> =
        [texts(&config, "Entrypoint"), texts(&config, "Cmd")].into_iter().flatten().collect();
    if command.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "No command specified"));
    }
    let id = new_id();
    config.entry("Hostname").or_insert_with(|| json!(id[..12]));
    let limits =
        Limits { memory_bytes: host.get("Memory").and_then(Value::as_u64), ..Limits::default() };
    // The fake's own image and names: this engine's are its own affair.
    let spec =
        InstanceSpec { image: Some(IMAGE.to_owned()), command, limits, ..InstanceSpec::default() };
    let native = world.fake.create(&spec, &ProgressSink::none()).await;
    let native = native.map_err(|fault| said(&id, &fault))?;
    let name = given.unwrap_or_else(|| format!("quiet_{}", &id[..8]));
    let container = Container {
        id: id.clone(),
        native: native.clone(),
        name,
        created: Timestamp::now(),
        image,
        config,
        host,
        files,
        begun: false,
        runs: false,
        started: None,
        finished: None,
    };
    if let Err(refusal) = add(world, &container) {
        world.fake.remove(&native, true).await.map_err(|fault| said(&id, &fault))?;
        return Err(refusal);
    }
    world.tell(&container, "create");
    Ok(answer::made(&json!({ "Id": id, "Warnings": [] })))
}

/// `GET /containers/json`
pub async fn list(world: &World, ask: &Ask) -> Result {
    let ids = ask.filter("id")?;
    let told = world.fake.list().await.map_err(|fault| said("", &fault))?;
    let tables = world.tables();
    let mut all: Vec<_> = tables.containers.values().collect();
    all.sort_by_key(|container| std::cmp::Reverse(container.created));
    let all = all.into_iter().filter_map(|container| {
        let told = told.iter().find(|told| told.native == container.native)?;
        let wanted = ask.flag("all") || container.runs;
        let meant = ids.is_empty() || ids.iter().any(|id| container.id.starts_with(id.as_str()));
        // A name that means another image by now, or none, is told as the id.
        let named = text(&container.config, "Image");
        let same = tables.image_id(named).is_some_and(|id| id == container.image);
        let image = if same { named } else { &container.image };
        (wanted && meant).then(|| summary(container, told, image))
    });
    Ok(answer::json(&all.collect()))
}

/// `GET /containers/{id}/json`
pub async fn inspect(world: &World, word: &str) -> Result {
    let (container, told) = world.seen(word).await?;
    let Container { id, name, created, image, config, host, started, finished, .. } = &container;
    let command: Vec<_> =
        [texts(config, "Entrypoint"), texts(config, "Cmd")].into_iter().flatten().collect();
    let time = |at: &Option<Timestamp>| at.map_or_else(|| NEVER.to_owned(), |at| at.to_string());
    let paused = told.state == InstanceState::Paused;
    Ok(answer::json(&json!({
        "Id": id,
        "Created": created.to_string(),
        "Path": command.first(),
        "Args": command.get(1..),
        "State": {
            "Status": state(&told),
            "Running": paused || told.state == InstanceState::Running,
            "Paused": paused,
            "Restarting": false,
            "OOMKilled": false,
            "Dead": false,
            "ExitCode": told.exit_code.unwrap_or(0),
            "Error": "",
            "StartedAt": time(started),
            "FinishedAt": time(finished),
        },
        "Image": image,
        "Name": format!("/{name}"),
        "RestartCount": 0,
        "Platform": "linux",
        "HostConfig": host,
        "Mounts": mounts(host),
        "Config": config,
        "NetworkSettings": { "Networks": networks(&container) },
    })))
}

/// `POST /containers/{id}/rename`
pub fn rename(world: &World, word: &str, ask: &Ask) -> Result {
    let wanted = ask.query("name").unwrap_or_default();
    let mut tables = world.tables();
    let container = tables.container(word)?.clone();
    let refused = |refusal: String| format!("Error when allocating new name: {refusal}");
    if container.name == wanted {
        let message = "Renaming a container with the same name as its current name";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    }
    check_name(wanted, &format!("/{wanted}")).map_err(|refusal| refusal.map(refused))?;
    if let Some(other) = tables.containers.values().find(|other| other.name == wanted) {
        return Err(name_taken(other).map(refused));
    }
    let renamed = Container { name: wanted.to_owned(), ..container };
    tables.containers.insert(renamed.id.clone(), renamed.clone());
    drop(tables);
    world.tell(&renamed, "rename");
    Ok(answer::done())
}

/// `DELETE /containers/{id}`
pub async fn remove(world: &World, word: &str, ask: &Ask) -> Result {
    let (container, told) = world.seen(word).await?;
    let force = ask.flag("force");
    let what = match told.state {
        InstanceState::Paused => "a paused container",
        _ => "a running container",
    };
    let first = match told.state {
        InstanceState::Paused => "Unpause and then stop",
        _ => "Stop",
    };
    let removed = world.fake.remove(&container.native, force).await;
    removed.map_err(|fault| match fault.kind {
        tamer_provider::FaultKind::Conflict => Refusal::conflict(format!(
            "You cannot remove {what} {}. {first} the container before attempting removal or \
             force remove",
            container.id
        )),
        _ => said(word, &fault),
    })?;
    let mut tables = world.tables();
    tables.containers.remove(&container.id);
    tables.execs.retain(|_, exec| exec.container != container.id);
    drop(tables);
    if container.runs {
        world.tell(&container, "die");
    }
    world.tell(&container, "destroy");
    Ok(answer::done())
}

/// Puts it into the tables, with its volumes, unless its name is taken.
fn add(world: &World, container: &Container) -> Result<()> {
    let mut tables = world.tables();
    if let Some(other) = tables.containers.values().find(|other| other.name == container.name) {
        return Err(name_taken(other));
    }
    for mount in mounts(&container.host) {
        if let Some(name) = mount["Name"].as_str() {
            tables.volumes.entry(name.to_owned()).or_insert(container.created);
        }
    }
    tables.containers.insert(container.id.clone(), container.clone());
    Ok(())
}

/// The id and files of the image it is made of, whose configuration fills what is not given.
fn of_image(world: &World, config: &mut Map<String, Value>) -> Result<(String, Files)> {
    let word = text(config, "Image").to_owned();
    let tables = world.tables();
    let Some(id) = tables.image_id(&word) else {
        return Err(Refusal::missing(format!("No such image: {word}")));
    };
    let image = &tables.images[&id];
    let mut merged = labels(&image.config);
    merged.extend(labels(config));
    config.insert("Labels".to_owned(), Value::Object(merged));
    if texts(config, "Entrypoint").is_empty() && texts(config, "Cmd").is_empty() {
        for key in ["Entrypoint", "Cmd"] {
            config.insert(key.to_owned(), json!(texts(&image.config, key)));
        }
    }
    Ok((id, image.files.clone()))
}

fn summary(container: &Container, told: &Instance, image: &str) -> Value {
    let ago = |at: Option<Timestamp>| {
        let seconds = at.map_or(0, |at| Timestamp::now().as_second() - at.as_second());
        if seconds == 0 { "Less than a second".to_owned() } else { format!("{seconds} seconds") }
    };
    let status = match told.state {
        InstanceState::Running => format!("Up {}", ago(container.started)),
        InstanceState::Paused => format!("Up {} (Paused)", ago(container.started)),
        InstanceState::Stopped => {
            format!("Exited ({}) {} ago", told.exit_code.unwrap_or(0), ago(container.finished))
        }
        _ => "Created".to_owned(),
    };
    json!({
        "Id": container.id,
        "Names": [format!("/{}", container.name)],
        "Image": image,
        "ImageID": container.image,
        "Created": container.created.as_second(),
        "Ports": [],
        "Labels": labels(&container.config),
        "State": state(told),
        "Status": status,
        "HostConfig": { "NetworkMode": container.host["NetworkMode"] },
        "NetworkSettings": { "Networks": networks(container) },
        "Mounts": mounts(&container.host),
    })
}

const fn state(told: &Instance) -> &'static str {
    match told.state {
        InstanceState::Running => "running",
        InstanceState::Paused => "paused",
        InstanceState::Stopped => "exited",
        _ => "created",
    }
}

/// A volume each; the fake mounts nothing of its host.
fn mounts(host: &Map<String, Value>) -> Vec<Value> {
    let given = host.get("Mounts").and_then(Value::as_array).into_iter().flatten();
    let volumes = given.filter(|mount| mount["Type"] == "volume");
    let told = volumes.map(|mount| {
        json!({
            "Type": "volume",
            "Name": mount["Source"],
            "Source": format!("/volumes/{}", mount["Source"].as_str().unwrap_or_default()),
            "Destination": mount["Target"],
            "Driver": "local",
            "RW": mount["ReadOnly"] != true,
        })
    });
    told.collect()
}

/// The network it was made on. It has no address there: nothing in the fake sends anything.
fn networks(container: &Container) -> Value {
    let name = match text(&container.host, "NetworkMode") {
        "default" => "bridge",
        name => name,
    };
    json!({ name: { "IPAMConfig": null, "Links": null, "Aliases": null, "IPAddress": "", "DriverOpts": null } })
}

fn taken(map: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match map.remove(key) {
        Some(Value::Object(taken)) => taken,
        _ => Map::new(),
    }
}

fn check_name(name: &str, shown: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric();
    let good = name.len() > 1
        && name.starts_with(plain)
        && name.chars().all(|c| plain(c) || "_.-".contains(c));
    if good {
        return Ok(());
    }
    let message =
        format!("Invalid container name ({shown}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    Err(Refusal::new(StatusCode::BAD_REQUEST, message))
}

fn name_taken(other: &Container) -> Refusal {
    Refusal::conflict(format!(
        "Conflict. The container name \"/{}\" is already in use by container \"{}\". You have to \
         remove (or rename) that container to be able to reuse that name.",
        other.name, other.id
    ))
}
