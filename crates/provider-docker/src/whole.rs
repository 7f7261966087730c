//! A container as a whole, to be made anew.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tamer_model::NativeId;
use tamer_provider::{Fault, FaultKind, Result};

use crate::checkpoint::{INSTANCE_LABEL, VOLUMES_LABEL};
use crate::client::Ask;
use crate::engine::{Engine, Kind};

/// Everything that an inspection tells, kept in the engine's own words: what is not known here is
/// carried on too.
pub(crate) struct Whole(Map<String, Value>);

impl Whole {
    pub(crate) async fn inspect(engine: &Engine, id: &NativeId) -> Result<Self> {
        let ask = Ask::get(&["containers", id.as_str(), "json"]);
        engine.client.json(&format!("look at {id}"), ask).await.map(Self)
    }

    fn at(&self, pointer: &[&str]) -> Option<&Value> {
        let (first, rest) = pointer.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(key))
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.at(&["Config", "Labels", key])?.as_str()
    }

    pub(crate) fn key(&self) -> String {
        let own = || self.at(&["Id"]).and_then(Value::as_str).unwrap_or_default();
        self.label(INSTANCE_LABEL).unwrap_or_else(own).to_owned()
    }

    pub(crate) fn name(&self) -> Result<&str> {
        let name = self.at(&["Name"]).and_then(Value::as_str).unwrap_or_default();
        match name.trim_start_matches('/') {
            "" => Err(Fault::new(FaultKind::Failed, "the container has no name")),
            name => Ok(name),
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.at(&["State", "Running"]).and_then(Value::as_bool).unwrap_or(false)
    }

    fn networks(&self) -> BTreeMap<&str, &Value> {
        let networks = self.at(&["NetworkSettings", "Networks"]).and_then(Value::as_object);
        networks.into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect()
    }

    fn network_mode(&self) -> &str {
        self.at(&["HostConfig", "NetworkMode"]).and_then(Value::as_str).unwrap_or_default()
    }

    /// The networks beside the one that is given at creation, with its names on them.
    pub(crate) fn more_networks(&self) -> Vec<(String, Vec<String>)> {
        let first = self.first_network();
        let networks = self.networks().into_iter().filter(|(name, _)| Some(*name) != first);
        networks.map(|(name, value)| (name.to_owned(), self.aliases(value))).collect()
    }

    /// The network by whose name it was made, or the only one, where the mode has another word.
    fn first_network(&self) -> Option<&str> {
        let networks = self.networks();
        let mode = self.network_mode();
        networks.keys().find(|name| **name == mode).or_else(|| networks.keys().next()).copied()
    }

    /// The names that were given; engines add the container's short id by themselves.
    fn aliases(&self, endpoint: &Value) -> Vec<String> {
        let id = self.at(&["Id"]).and_then(Value::as_str).unwrap_or_default();
        let all = endpoint.get("Aliases").and_then(Value::as_array);
        let names = all.into_iter().flatten().filter_map(Value::as_str);
        names.filter(|name| !id.starts_with(name)).map(str::to_owned).collect()
    }

    /// Mounted volumes that nobody gave a name: where and what.
    pub(crate) fn nameless_volumes(&self) -> Vec<(String, String)> {
        let mounts = self.at(&["Mounts"]).and_then(Value::as_array);
        mounts
            .into_iter()
            .flatten()
            .filter_map(|mount| {
                let text = |key: &str| mount.get(key)?.as_str();
                let name = text("Name").filter(|_| text("Type") == Some("volume"))?;
                let nameless = name.len() == 64 && name.chars().all(|c| c.is_ascii_hexdigit());
                nameless.then(|| Some((text("Destination")?.to_owned(), name.to_owned())))?
            })
            .collect()
    }

    /// The body that makes it anew from this image.
    pub(crate) fn anew(
        &self,
        kind: Kind,
        key: &str,
        image: &str,
        volumes: &[(String, String)],
    ) -> Result<Value> {
        let part = |name: &str| {
            let part = self.at(&[name]).and_then(Value::as_object).cloned();
            part.ok_or_else(|| Fault::new(FaultKind::Failed, format!("it tells no {name}")))
        };
        let mut body = part("Config")?;
        body.insert("Image".to_owned(), json!(image));
        let id = self.at(&["Id"]).and_then(Value::as_str).unwrap_or_default();
        // Made of its own id, which the new one will not have.
        if body.get("Hostname").and_then(Value::as_str).is_some_and(|name| id.starts_with(name)) {
            body.remove("Hostname");
        }
        let labels = body.entry("Labels").or_insert_with(|| json!({}));
        if labels.is_null() {
            *labels = json!({});
        }
        labels[INSTANCE_LABEL] = json!(key);
        let mut host = kind.host_config(part("HostConfig")?);
        if !volumes.is_empty() {
            let carried: Vec<_> = volumes.iter().map(|(_, name)| name.as_str()).collect();
            labels[VOLUMES_LABEL] = json!(carried.join(","));
            keep_volumes(&mut host, volumes);
        }
        body.insert("HostConfig".to_owned(), Value::Object(host));
        if let Some(first) = self.first_network() {
            let endpoint = self.networks()[first];
            let mut given = json!({ "Aliases": self.aliases(endpoint) });
            for carried in ["IPAMConfig", "Links", "DriverOpts"] {
                if let Some(value) = endpoint.get(carried).filter(|value| !value.is_null()) {
                    given[carried] = value.clone();
                }
            }
            body.insert(
                "NetworkingConfig".to_owned(),
                json!({ "EndpointsConfig": { first: given } }),
            );
        }
        Ok(Value::Object(body))
    }
}

/// Mounts the volumes by their names, where they are not mounted so already.
fn keep_volumes(host: &mut Map<String, Value>, volumes: &[(String, String)]) {
    let bound = |target: &str| {
        let binds = host.get("Binds").and_then(Value::as_array).into_iter().flatten();
        binds.filter_map(Value::as_str).any(|bind| bind.split(':').nth(1) == Some(target))
    };
    let missing: Vec<_> = volumes.iter().filter(|(target, _)| !bound(target)).collect();
    let mounts = host.entry("Mounts").or_insert_with(|| json!([]));
    if mounts.is_null() {
        *mounts = json!([]);
    }
    let Value::Array(mounts) = mounts else { return };
    for (target, name) in missing {
        mounts.retain(|mount| mount.get("Target").and_then(Value::as_str) != Some(target));
        mounts.push(json!({ "Type": "volume", "Source": name, "Target": target }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Whole {
        let volume = "ab".repeat(32);
        let seen = json!({
            "Id": "abcdef123456789", "Name": "/one", "State": {"Running": true},
            "Config": {"Hostname": "abcdef123456", "Image": "a:1", "Labels": null, "Cmd": ["x"]},
            "HostConfig": {"NetworkMode": "front", "Memory": 5, "UTSMode": "private",
                "Binds": ["/host:/bound:rw"]},
            "Mounts": [{"Type": "volume", "Name": volume, "Destination": "/data"},
                {"Type": "volume", "Name": "named", "Destination": "/named"}],
            "NetworkSettings": {"Networks": {
                "back": {"Aliases": ["abcdef123456", "db"]},
                "front": {"Aliases": ["web", "abcdef123456"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}},
            }},
        });
        let Value::Object(seen) = seen else { unreachable!("it is an object") };
        Whole(seen)
    }

    #[test]
    fn what_makes_it_the_same_is_carried_and_its_id_is_not() {
        let whole = whole();
        let volumes = whole.nameless_volumes();
        assert_eq!(volumes.len(), 1);
        let body = whole.anew(Kind::Podman, "key", "saved:1", &volumes).expect("a body");
        assert_eq!(body["Image"], "saved:1");
        assert_eq!(body["Cmd"], json!(["x"]));
        assert_eq!(body.get("Hostname"), None);
        assert_eq!(body["Labels"][INSTANCE_LABEL], "key");
        assert_eq!(body["Labels"][VOLUMES_LABEL], volumes[0].1);
        assert_eq!(body["HostConfig"]["Memory"], 5);
        assert_eq!(body["HostConfig"].get("UTSMode"), None);
        let mounts = json!([{"Type": "volume", "Source": volumes[0].1, "Target": "/data"}]);
        assert_eq!(body["HostConfig"]["Mounts"], mounts);
        let first = &body["NetworkingConfig"]["EndpointsConfig"]["front"];
        assert_eq!(first["Aliases"], json!(["web"]));
        assert_eq!(first["IPAMConfig"]["IPv4Address"], "10.0.0.9");
        assert_eq!(whole.more_networks(), [("back".to_owned(), vec!["db".to_owned()])]);
    }
}
