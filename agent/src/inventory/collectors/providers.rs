//! What a provider's scan finds, as resources of its own source.

use std::collections::BTreeMap;

use tamer_drift::{Kind, Source, Value};
use tamer_model::{Resource as Seen, ResourceKind, Timestamp};
use tamer_provider::supervise::Supervised;
use tamer_provider::{FaultKind, Provider as _};

use super::settings::of_json;
use crate::inventory::{
    About, Collector, Fault, Found, Hider, Limits, News, is_secret, key, of, set, text,
};

/// The kinds that providers tell of.
const KINDS: [Kind; 7] = [
    Kind::Technology,
    Kind::Instance,
    Kind::Image,
    Kind::Network,
    Kind::Volume,
    Kind::Pool,
    Kind::Checkpoint,
];
/// Attributes that are several words without order.
const SETS: &[&str] = &["references", "ipam.subnets"];
/// Attributes that are variables of the environment: every value of them may be a secret.
const VARIABLES: &[&str] = &["env"];
/// What moves by itself: a technology that was asked at another moment says it otherwise.
const MOVING: &[&str] = &["created", "created_seconds"];

/// Scans a provider.
pub struct Scanned {
    about: About,
    provider: Supervised,
    hider: Hider,
}

impl Scanned {
    /// Scans this one. Its own bound of a scan, 120 s, comes before ours.
    pub fn new(provider: Supervised, hider: Hider) -> Self {
        let limits = Limits { time: std::time::Duration::from_secs(125), ..Limits::default() };
        let about = About {
            name: provider.name().to_string(),
            source: Source::from(provider.name()),
            kinds: KINDS.into(),
            // Instances tell when they change; images, networks and volumes of many do not.
            news: News::Polled,
            limits,
            ids: Default::default(),
        };
        Self { about, provider, hider }
    }
}

#[async_trait::async_trait]
impl Collector for Scanned {
    fn about(&self) -> &About {
        &self.about
    }

    async fn collect(&self) -> Result<Found, Fault> {
        let seen = self.provider.scan().await.map_err(|fault| Fault {
            absent: fault.kind == FaultKind::Unavailable,
            why: fault.message,
        })?;
        let mut found = Found::within(self.about.limits);
        for seen in seen {
            if found.put(resource(&self.about.source, seen, &self.hider)).is_err() {
                break;
            }
        }
        Ok(found)
    }
}

fn resource(source: &Source, seen: Seen, hider: &Hider) -> tamer_drift::Resource {
    let Seen { reference, name, attributes, depends_on } = seen;
    let mut made = of(source.clone(), kind(reference.kind), &reference.id)
        .named(&name)
        .created(created(&attributes));
    for (name, value) in &attributes {
        if MOVING.contains(&name.as_str()) {
            continue;
        }
        made = match name.strip_prefix("labels.") {
            // A label is a mark, unless somebody keeps a secret in it.
            Some(label) => match hider.value(label, value) {
                Value::Hidden(hash) => made.put(name, Value::Hidden(hash)),
                _ => made.tag(label, value),
            },
            None => made.put(name, attribute(name, value, hider)),
        };
    }
    for needed in depends_on {
        made = made.needs(key(source.clone(), kind(needed.kind), &needed.id));
    }
    made.done()
}

/// The value of an attribute, which a technology tells as one text.
fn attribute(name: &str, value: &str, hider: &Hider) -> Value {
    if VARIABLES.contains(&name) {
        return variables(value, hider);
    }
    if is_secret(name) {
        return hider.hide(value);
    }
    if SETS.contains(&name) {
        return set(value.split_whitespace());
    }
    let is_count = name.ends_with("_bytes") || name.ends_with("_ms") || name.ends_with("cpus");
    if is_count && let Ok(count) = value.parse() {
        return Value::Int(count);
    }
    match value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        list if name == "command" || name == "entrypoint" => command(list, hider),
        json if json.starts_with(['[', '{']) => match serde_json::from_str(json) {
            Ok(json) => of_json(&json, hider),
            Err(_) => text(json),
        },
        plain => hider.value(name, plain),
    }
}

/// A command as a list of words, without the secrets among them.
fn command(value: &str, hider: &Hider) -> Value {
    let words: Vec<String> = serde_json::from_str(value).unwrap_or_else(|_| vec![value.to_owned()]);
    let mut said = Vec::new();
    let mut next_is_secret = false;
    for word in words {
        let secret = std::mem::take(&mut next_is_secret) && !word.starts_with('-');
        let (told, hidden) = hider.command(&word);
        next_is_secret = word.starts_with('-') && !word.contains('=') && is_secret(&word);
        said.push(match hidden {
            Some(hidden) => Value::Map(BTreeMap::from([(told, hidden)])),
            None if secret => hider.hide(&word),
            None => text(told),
        });
    }
    Value::List(said)
}

/// `["NAME=value"]` by name, every value hidden.
fn variables(value: &str, hider: &Hider) -> Value {
    let Ok(list) = serde_json::from_str::<Vec<String>>(value) else { return hider.hide(value) };
    let entry = |one: &String| {
        let (name, value) = one.split_once('=').unwrap_or((one, ""));
        (crate::inventory::short(name, 256), hider.hide(value))
    };
    Value::Map(list.iter().map(entry).collect())
}

/// When it was made, where the technology says so.
fn created(attributes: &BTreeMap<String, String>) -> Option<Timestamp> {
    let seconds = || attributes.get("created_seconds")?.parse::<u64>().ok()?.checked_mul(1000);
    let time = || {
        let at = humantime::parse_rfc3339(attributes.get("created")?).ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    };
    let millis = seconds().or_else(time).filter(|millis| i64::try_from(*millis).is_ok())?;
    Some(Timestamp::from_millis(millis))
}

const fn kind(kind: ResourceKind) -> Kind {
    match kind {
        ResourceKind::Technology => Kind::Technology,
        ResourceKind::Instance => Kind::Instance,
        ResourceKind::Image => Kind::Image,
        ResourceKind::Network => Kind::Network,
        ResourceKind::Volume => Kind::Volume,
        ResourceKind::Pool => Kind::Pool,
        ResourceKind::Checkpoint => Kind::Checkpoint,
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::ResourceRef;

    use super::*;

    fn seen(attributes: &[(&str, &str)]) -> tamer_drift::Resource {
        let reference = ResourceRef { kind: ResourceKind::Instance, id: "abc".into() };
        let image = ResourceRef { kind: ResourceKind::Image, id: "sha256:1".into() };
        let attributes =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let seen = Seen {
            reference,
            name: "web".into(),
            attributes: attributes.collect(),
            depends_on: vec![image],
        };
        resource(&"docker".parse().expect("a source"), seen, &Hider::new([1; 32]))
    }

    #[test]
    fn a_container_is_a_resource_without_its_secrets() {
        let read = seen(&[
            ("env", r#"["PATH=/bin","DB_PASSWORD=hunter2","PLAIN=hunter2"]"#),
            ("command", r#"["serve","--token","hunter2","--db=pg://u:hunter2@h","-v"]"#),
            ("limits.memory_bytes", "1048576"),
            ("state", "running"),
            ("privileged", "true"),
            ("references", "b:1 a:1"),
            ("created", "2023-11-14T22:13:20.5Z"),
            ("labels.com.example.role", "front"),
            ("labels.traefik.auth", "hunter2"),
            ("options", r#"{"password":"hunter2","type":"cifs"}"#),
        ]);
        let told = serde_json::to_string(&read).expect("json");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(matches!(&read.properties["env"], Value::Map(map) if map.len() == 3));
        assert!(
            matches!(&read.properties["command"], Value::List(list) if list.len() == 5 && list[0] == text("serve") && list[4] == text("-v"))
        );
        assert_eq!(read.properties["limits.memory_bytes"], Value::Int(1 << 20));
        assert_eq!(read.properties["privileged"], Value::Bool(true));
        assert_eq!(read.properties["references"], set(["a:1", "b:1"]));
        assert_eq!(read.tags["com.example.role"], "front");
        assert_eq!(read.created, Some(Timestamp::from_millis(1_700_000_000_500)));
        assert_eq!(read.depends_on.len(), 1);
        read.check().expect("it is good");
    }

    #[test]
    fn hostile_attributes_stay_within_bounds() {
        let long = "x".repeat(1 << 20);
        let deep = "[".repeat(5000);
        let read = seen(&[
            ("env", "not json"),
            ("a", &long),
            ("b", &deep),
            ("created", "never"),
            ("c", "{\"a\":"),
        ]);
        assert!(matches!(read.properties["env"], Value::Hidden(_)));
        assert_eq!(read.created, None);
        read.check().expect("it is good");
    }
}
