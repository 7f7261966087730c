//! The engine itself, its networks and its volumes.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::{self, Refusal, Result};
use crate::ask::Ask;
use crate::world::{World, text};

/// `GET /version`
pub fn version() -> Result {
    let version = "20.10.24";
    Ok(answer::json(&json!({
        "Platform": { "Name": "" },
        "Components": [{ "Name": "Engine", "Version": version, "Details": {} }],
        "Version": version,
        "ApiVersion": "1.41",
        "MinAPIVersion": "1.12",
        "Os": "linux",
        "Arch": "amd64",
    })))
}

/// `GET /info`
pub fn info(world: &World) -> Result {
    let tables = world.tables();
    Ok(answer::json(&json!({
        "Containers": tables.containers.len(),
        "Images": tables.images.len(),
        "Driver": "memory",
        "LoggingDriver": "json-file",
        "NCPU": 2,
        "ServerVersion": "20.10.24",
        "LiveRestoreEnabled": true,
    })))
}

/// Those of a new engine: name and driver. Nobody makes more.
const NETWORKS: [(&str, &str); 3] = [("bridge", "bridge"), ("host", "host"), ("none", "null")];

fn network((name, driver): (&str, &str)) -> Value {
    let subnets = if name == "bridge" { json!([{ "Subnet": "172.17.0.0/16" }]) } else { json!([]) };
    json!({
        "Name": name,
        "Id": format!("{name:0<64}"),
        "Scope": "local",
        "Driver": driver,
        "EnableIPv6": false,
        "IPAM": { "Driver": "default", "Options": null, "Config": subnets },
        "Internal": false,
        "Options": {},
        "Labels": {},
    })
}

/// `GET /networks`
pub fn networks() -> Result {
    Ok(answer::json(&NETWORKS.map(network).into_iter().collect()))
}

/// `GET /networks/{name}`
pub fn network_inspect(name: &str) -> Result {
    find(name).map(|found| answer::json(&network(found)))
}

/// `POST /networks/{name}/connect`: refuses, for among these networks there is no second one that
/// a container could be on.
pub async fn network_connect(world: &World, name: &str, mut ask: Ask) -> Result {
    let (name, _) = find(name)?;
    let body: Map<String, Value> = ask.json().await?;
    let container = world.container(text(&body, "Container"))?;
    let mode = text(&container.host, "NetworkMode");
    if name == mode || (name, mode) == ("bridge", "default") {
        let message =
            format!("endpoint with name {} already exists in network {name}", container.name);
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    let message = "container cannot be connected to multiple networks with one of the networks in \
                   private (none) mode";
    Err(Refusal::new(StatusCode::BAD_REQUEST, message))
}

fn find(name: &str) -> Result<(&'static str, &'static str)> {
    let found = NETWORKS.into_iter().find(|(own, _)| *own == name);
    found.ok_or_else(|| Refusal::missing(format!("network {name} not found")))
}

/// `GET /volumes`
pub fn volumes(world: &World) -> Result {
    let tables = world.tables();
    let all = tables.volumes.iter().map(|(name, created)| {
        json!({
            "CreatedAt": created.to_string(),
            "Driver": "local",
            "Labels": null,
            "Mountpoint": format!("/volumes/{name}"),
            "Name": name,
            "Options": null,
            "Scope": "local",
        })
    });
    Ok(answer::json(&json!({ "Volumes": all.collect::<Vec<_>>(), "Warnings": null })))
}

/// `DELETE /volumes/{name}`
pub fn volume_remove(world: &World, name: &str) -> Result {
    let mut tables = world.tables();
    if !tables.volumes.contains_key(name) {
        return Err(Refusal::missing(format!("get {name}: no such volume")));
    }
    let users = tables.containers.values().filter(|container| {
        let mounts = container.host.get("Mounts").and_then(Value::as_array);
        mounts.is_some_and(|mounts| mounts.iter().any(|mount| mount["Source"] == name))
    });
    let users: Vec<_> = users.map(|container| container.id.as_str()).collect();
    if !users.is_empty() {
        let message = format!("remove {name}: volume is in use - [{}]", users.join(", "));
        return Err(Refusal::conflict(message));
    }
    tables.volumes.remove(name);
    Ok(answer::done())
}
