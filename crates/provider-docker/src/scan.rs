//! Everything worth knowing about an engine and what it has.
//!
//! Containers, volumes and the engine itself are read as what they say, not by bollard's types:
//! these refuse a whole answer for one word they do not know (a mode, a state, what a plugin says
//! of its volume), and a scan that fails knows nothing.

use std::collections::BTreeMap;

use bollard::models::{ImageSummary, Network};
use bollard::query_parameters::{ListImagesOptions, ListNetworksOptions};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tamer_model::{NativeId, Resource, ResourceKind, ResourceRef};
use tamer_provider::{FaultKind, Result};

use crate::checkpoint::is_own_label;
use crate::client::{Ask, QUICK};
use crate::engine::{Engine, Kind};
use crate::image::{names, summaries};
use crate::list::list;

/// How many containers are inspected at once.
const AT_ONCE: usize = 8;

/// The technology, its containers, images, networks and volumes, by kind and id.
pub(crate) async fn scan(engine: &Engine) -> Result<Vec<Resource>> {
    let mut all = vec![technology(engine).await?];
    all.extend(containers(engine).await?);
    let images = summaries(engine, "list its images", ListImagesOptions::default());
    all.extend(images.await?.iter().map(image));
    let networks = engine.client.typed("list its networks", Some(QUICK), |docker| async move {
        docker.list_networks(None::<ListNetworksOptions>).await
    });
    all.extend(networks.await?.iter().filter_map(|seen| network(engine.kind, seen)));
    let list: Value = engine.client.json("list its volumes", Ask::get(&["volumes"])).await?;
    let list = list.get("Volumes").and_then(Value::as_array);
    all.extend(list.into_iter().flatten().filter_map(volume));
    all.sort_by(|a, b| {
        (a.reference.kind, &a.reference.id).cmp(&(b.reference.kind, &b.reference.id))
    });
    Ok(all)
}

async fn technology(engine: &Engine) -> Result<Resource> {
    let info: Value = engine.client.json("tell about itself", Ask::get(&["info"])).await?;
    let mut facts = Facts::of(&info);
    for (name, path) in [
        ("storage_driver", "Driver"),
        ("logging_driver", "LoggingDriver"),
        ("cgroup_driver", "CgroupDriver"),
        ("cgroup_version", "CgroupVersion"),
        ("root_dir", "DockerRootDir"),
        ("runtime", "DefaultRuntime"),
        ("live_restore", "LiveRestoreEnabled"),
        ("security_options", "SecurityOptions"),
        ("registries", "RegistryConfig.InsecureRegistryCIDRs"),
        ("proxy", "HttpProxy"),
    ] {
        facts.take(name, path);
    }
    facts.put("engine", engine.kind.name());
    facts.put("version", &engine.version);
    facts.put("api", engine.api.to_string());
    facts.put("endpoint", engine.client.endpoint.to_string());
    Ok(facts.resource(ResourceKind::Technology, engine.kind.name(), engine.kind.name(), Vec::new()))
}

async fn containers(engine: &Engine) -> Result<Vec<Resource>> {
    let ids = list(engine).await?.into_iter().map(|instance| instance.native);
    stream::iter(ids)
        .map(|id| async move {
            match inspected(engine, &id).await {
                Ok(seen) => Ok(container(&seen)),
                // Gone since it was listed.
                Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
                Err(fault) => Err(fault),
            }
        })
        .buffered(AT_ONCE)
        .try_filter_map(|resource| async { Ok(resource) })
        .try_collect()
        .await
}

async fn inspected(engine: &Engine, id: &NativeId) -> Result<Value> {
    let ask = Ask::get(&["containers", id.as_str(), "json"]);
    engine.client.json(&format!("look at {id}"), ask).await
}

fn container(seen: &Value) -> Option<Resource> {
    let id = seen.get("Id")?.as_str()?;
    let name = seen.get("Name").and_then(Value::as_str).unwrap_or(id).trim_start_matches('/');
    let mut facts = Facts::of(seen);
    for (name, path) in [
        ("image", "Config.Image"),
        ("image_id", "Image"),
        ("command", "Config.Cmd"),
        ("entrypoint", "Config.Entrypoint"),
        ("env", "Config.Env"),
        ("workdir", "Config.WorkingDir"),
        ("user", "Config.User"),
        ("hostname", "Config.Hostname"),
        ("tty", "Config.Tty"),
        ("state", "State.Status"),
        ("created", "Created"),
        ("restart", "HostConfig.RestartPolicy.Name"),
        ("limits.memory_bytes", "HostConfig.Memory"),
        ("limits.nano_cpus", "HostConfig.NanoCpus"),
        ("limits.cpu_quota", "HostConfig.CpuQuota"),
        ("limits.cpu_shares", "HostConfig.CpuShares"),
        ("limits.pids", "HostConfig.PidsLimit"),
        ("privileged", "HostConfig.Privileged"),
        ("read_only", "HostConfig.ReadonlyRootfs"),
        ("cap_add", "HostConfig.CapAdd"),
        ("cap_drop", "HostConfig.CapDrop"),
        ("network_mode", "HostConfig.NetworkMode"),
        ("pid_mode", "HostConfig.PidMode"),
        ("security_opt", "HostConfig.SecurityOpt"),
        ("devices", "HostConfig.Devices"),
    ] {
        facts.take(name, path);
    }
    facts.labels("Config.Labels");
    let mut needs = Vec::new();
    if let Some(image) = seen.get("Image").and_then(Value::as_str) {
        needs.push(reference(ResourceKind::Image, image));
    }
    for mount in list_at(seen, "Mounts") {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let source = if text("Name").is_empty() { text("Source") } else { text("Name") };
        let mode =
            if mount.get("RW").and_then(Value::as_bool) == Some(false) { "ro" } else { "rw" };
        let told = format!("{} {source} {mode}", text("Type"));
        facts.put(format!("mounts.{}", text("Destination")), told);
        if text("Type") == "volume" {
            needs.push(reference(ResourceKind::Volume, text("Name")));
        }
    }
    let bindings = seen.pointer("/HostConfig/PortBindings").and_then(Value::as_object);
    for (port, hosts) in bindings.into_iter().flatten() {
        let mut hosts: Vec<_> = hosts.as_array().into_iter().flatten().map(binding).collect();
        hosts.sort_unstable();
        facts.put(format!("ports.{port}"), hosts.join(" "));
    }
    let networks = seen.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    for (network, _) in networks.into_iter().flatten() {
        needs.push(reference(ResourceKind::Network, network));
    }
    Some(facts.resource(ResourceKind::Instance, id, name, needs))
}

fn binding(host: &Value) -> String {
    let text = |key: &str| host.get(key).and_then(Value::as_str).unwrap_or_default();
    let address = match text("HostIp") {
        "" => "*",
        address => address,
    };
    match text("HostPort") {
        "" => format!("{address}:any"),
        port => format!("{address}:{port}"),
    }
}

fn image(summary: &ImageSummary) -> Resource {
    let mut facts = Facts::default();
    let names = names(summary);
    facts.put("size_bytes", summary.size.to_string());
    if summary.created > 0 {
        facts.put("created_seconds", summary.created.to_string());
    }
    facts.put("references", names.join(" "));
    for (key, value) in &summary.labels {
        facts.put(format!("labels.{key}"), value);
    }
    let name = names.first().unwrap_or(&summary.id);
    facts.resource(ResourceKind::Image, &summary.id, name, Vec::new())
}

/// Networks by name: that is how containers are on them, and a network that was made anew the same
/// is the same.
fn network(kind: Kind, seen: &Network) -> Option<Resource> {
    let name = kind.network(seen.name.as_deref()?);
    let mut facts = Facts::default();
    let ipam = seen.ipam.as_ref();
    for (name, text) in [
        ("driver", seen.driver.as_ref()),
        ("scope", seen.scope.as_ref()),
        ("ipam.driver", ipam.and_then(|ipam| ipam.driver.as_ref())),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            facts.put(name, text);
        }
    }
    for (name, flag) in [("internal", seen.internal), ("ipv6", seen.enable_ipv6)] {
        if flag == Some(true) {
            facts.put(name, "true");
        }
    }
    let options: BTreeMap<_, _> = seen.options.iter().flatten().collect();
    if !options.is_empty() {
        facts.put("options", json!(options).to_string());
    }
    let subnets = ipam.and_then(|ipam| ipam.config.as_ref()).into_iter().flatten();
    let mut subnets: Vec<_> = subnets.filter_map(|one| one.subnet.as_deref()).collect();
    subnets.sort_unstable();
    facts.put("ipam.subnets", subnets.join(" "));
    for (key, value) in seen.labels.iter().flatten().filter(|(key, _)| !is_own_label(key)) {
        facts.put(format!("labels.{key}"), value);
    }
    Some(facts.resource(ResourceKind::Network, name, name, Vec::new()))
}

fn volume(seen: &Value) -> Option<Resource> {
    let name = seen.get("Name")?.as_str()?;
    let mut facts = Facts::of(seen);
    for (name, path) in [
        ("driver", "Driver"),
        ("scope", "Scope"),
        ("mountpoint", "Mountpoint"),
        ("options", "Options"),
    ] {
        facts.take(name, path);
    }
    facts.labels("Labels");
    Some(facts.resource(ResourceKind::Volume, name, name, Vec::new()))
}

fn reference(kind: ResourceKind, id: &str) -> ResourceRef {
    // Podman names an image without the algorithm in one place and with it in another.
    let bare = kind == ResourceKind::Image && !id.contains(':');
    ResourceRef { kind, id: if bare { format!("sha256:{id}") } else { id.to_owned() } }
}

fn list_at<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Attributes being gathered from an engine's JSON.
#[derive(Default)]
struct Facts<'a> {
    from: Option<&'a Value>,
    attributes: BTreeMap<String, String>,
}

impl<'a> Facts<'a> {
    const fn of(from: &'a Value) -> Self {
        Self { from: Some(from), attributes: BTreeMap::new() }
    }

    fn put(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.attributes.insert(name.into(), value.into());
    }

    /// Takes what is at a path, unless it is nothing: null, 0, false and what is empty say the
    /// same as being absent, and engines mix them freely.
    fn take(&mut self, name: &str, path: &str) {
        if let Some(text) = self.at(path).and_then(flat) {
            self.put(name, text);
        }
    }

    fn labels(&mut self, path: &str) {
        let labels = self.at(path).and_then(Value::as_object);
        for (key, value) in labels.into_iter().flatten().filter(|(key, _)| !is_own_label(key)) {
            self.put(format!("labels.{key}"), value.as_str().unwrap_or_default());
        }
    }

    fn at(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.from?, |value, key| value.get(key))
    }

    fn resource(
        self,
        kind: ResourceKind,
        id: &str,
        name: &str,
        mut depends_on: Vec<ResourceRef>,
    ) -> Resource {
        depends_on.sort();
        depends_on.dedup();
        Resource {
            reference: reference(kind, id),
            name: name.to_owned(),
            attributes: self.attributes,
            depends_on,
        }
    }
}

/// A value as one text. Lists keep their order, which is a meaning (a command); maps are sorted.
fn flat(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null | Value::Bool(false) => return None,
        Value::Bool(true) => "true".to_owned(),
        Value::Number(number) if number.as_i64() == Some(0) => return None,
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => return None,
        Value::Object(map) if map.is_empty() => return None,
        // serde_json keeps keys in their order.
        Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_by_itself_is_left_out() {
        let seen = |started: &str, address: &str| {
            json!({
                "Id": "abc", "Name": "/one", "Image": "sha256:1",
                "State": {"Status": "running", "StartedAt": started, "Pid": 7},
                "Config": {"Image": "a:1", "Cmd": ["x", "y"], "Labels": {"b": "c"}, "Tty": false},
                "HostConfig": {"Memory": 5, "NanoCpus": 0,
                    "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
                "NetworkSettings": {"Networks": {"n": {"IPAddress": address}}},
                "Mounts": [{"Type": "volume", "Name": "v", "Destination": "/d", "RW": true}],
            })
        };
        let first = container(&seen("1", "10.0.0.1")).expect("it is well made");
        assert_eq!(first, container(&seen("2", "10.0.0.2")).expect("it is well made"));
        assert_eq!(first.attributes["command"], r#"["x","y"]"#);
        assert_eq!(first.attributes["ports.80/tcp"], "*:8080");
        assert_eq!(first.attributes["mounts./d"], "volume v rw");
        assert!(!first.attributes.contains_key("tty"));
        let kinds: Vec<_> = first.depends_on.iter().map(|needed| needed.kind).collect();
        assert_eq!(kinds, [ResourceKind::Image, ResourceKind::Network, ResourceKind::Volume]);
    }
}
