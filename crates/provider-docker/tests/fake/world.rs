//! What the engine knows. What runs in its containers is the shared fake's affair: each container
//! is an instance of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tamer_model::{Instance, NativeId};
use tamer_provider::fake::{Fake, IMAGE};
use tamer_provider::{ExecInput, Fault, FaultKind, Provider as _};
use tokio::sync::mpsc;

use crate::answer::{Refusal, Result};
use crate::events::Events;

/// Files by path.
pub type Files = BTreeMap<String, String>;

/// The engine's world. It outlives the engine's listener, as containers outlive a daemon.
pub struct World {
    /// Runs the containers.
    pub fake: Fake,
    pub events: Events,
    tables: Mutex<Tables>,
}

/// What there is, by id; volumes by name.
#[derive(Default)]
pub struct Tables {
    pub containers: BTreeMap<String, Container>,
    pub images: BTreeMap<String, Image>,
    pub execs: BTreeMap<String, Exec>,
    pub volumes: BTreeMap<String, Timestamp>,
}

#[derive(Clone)]
pub struct Container {
    pub id: String,
    /// What the fake calls it.
    pub native: NativeId,
    pub name: String,
    pub created: Timestamp,
    /// The id of its image.
    pub image: String,
    /// `Config` of an inspection.
    pub config: Map<String, Value>,
    /// `HostConfig` of an inspection.
    pub host: Map<String, Value>,
    /// What its image and its commands have written.
    pub files: Files,
    /// Whether its first start is behind it, which put its image's files in place.
    pub begun: bool,
    pub runs: bool,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
}

#[derive(Clone)]
pub struct Image {
    pub tags: Vec<String>,
    pub created: Timestamp,
    pub size: u64,
    /// `Config` of an inspection.
    pub config: Map<String, Value>,
    pub files: Files,
}

/// A command.
#[derive(Clone)]
pub struct Exec {
    /// The id of its container.
    pub container: String,
    pub argv: Vec<String>,
    pub stdin: bool,
    pub terminal: bool,
    /// Where new sizes of its terminal go; while it runs.
    pub input: Option<mpsc::Sender<ExecInput>>,
    pub begun: bool,
    pub code: Option<i32>,
}

impl World {
    /// A world with one image and nothing else.
    pub fn new() -> Self {
        let mut tables = Tables::default();
        let config = json!({ "Cmd": ["idle"], "Env": ["PATH=/bin"], "Labels": { "of": "fake" } });
        let Value::Object(config) = config else { unreachable!("it is an object") };
        let image = Image {
            tags: vec![IMAGE.to_owned()],
            created: Timestamp::now(),
            size: 4096,
            config,
            files: Files::new(),
        };
        tables.images.insert(image_id(), image);
        let fake = Fake::new("fake".parse().expect("a name"));
        Self { fake, events: Events::new(), tables: Mutex::new(tables) }
    }

    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A container by id, name, or the beginning of its id.
    pub fn container(&self, word: &str) -> Result<Container> {
        self.tables().container(word).cloned()
    }

    /// A container, and what the fake tells of its instance.
    pub async fn seen(&self, word: &str) -> Result<(Container, Instance)> {
        let container = self.container(word)?;
        let told = self.fake.get(&container.native).await.map_err(|fault| said(word, &fault))?;
        Ok((container, told))
    }

    /// Tells what happened to a container.
    pub fn tell(&self, container: &Container, action: &str) {
        let mut attributes = labels(&container.config);
        attributes.insert("name".to_owned(), json!(container.name));
        attributes.insert("image".to_owned(), json!(text(&container.config, "Image")));
        self.events.tell("container", action, &container.id, &Value::Object(attributes));
    }
}

impl Tables {
    pub fn container(&self, word: &str) -> Result<&Container> {
        let word = word.trim_start_matches('/');
        let named = self.containers.values().find(|one| one.name == word);
        let begins = || self.containers.values().find(|one| one.id.starts_with(word));
        let found = self.containers.get(word).or(named).or_else(begins);
        found.filter(|_| !word.is_empty()).ok_or_else(|| no_container(word))
    }

    /// The id of an image, by reference or id.
    pub fn image_id(&self, word: &str) -> Option<String> {
        let full = with_tag(word);
        let tagged = self.images.iter().find(|(_, image)| image.tags.contains(&full));
        let bare = word.trim_start_matches("sha256:");
        let hex = bare.len() >= 4 && bare.chars().all(|c| c.is_ascii_hexdigit());
        let begins = || {
            let mut all = self.images.iter().filter(|_| hex);
            all.find(|(id, _)| id.trim_start_matches("sha256:").starts_with(bare))
        };
        tagged.or_else(begins).map(|(id, _)| id.clone())
    }

    /// Takes a reference away from whichever image has it.
    pub fn untag(&mut self, reference: &str) {
        for image in self.images.values_mut() {
            image.tags.retain(|tag| tag != reference);
        }
    }
}

/// A reference with the tag that is meant when none is written.
pub fn with_tag(word: &str) -> String {
    let last = word.rsplit('/').next().unwrap_or(word);
    if last.contains([':', '@']) { word.to_owned() } else { format!("{word}:latest") }
}

pub fn no_container(word: &str) -> Refusal {
    Refusal::missing(format!("No such container: {word}"))
}

/// What the fake refuses of a container, when what was looked at before does not hold any more.
pub fn said(word: &str, fault: &Fault) -> Refusal {
    match fault.kind {
        FaultKind::NotFound => no_container(word),
        FaultKind::Conflict => Refusal::conflict(fault.to_string()),
        _ => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, fault.to_string()),
    }
}

/// 64 hexadecimal digits that nothing else has.
pub fn new_id() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

pub fn image_id() -> String {
    format!("sha256:{}", new_id())
}

/// The first twelve digits of an id.
pub fn short(id: &str) -> &str {
    let bare = id.trim_start_matches("sha256:");
    bare.get(..12).unwrap_or(bare)
}

pub fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A list of texts; empty where it is null or absent.
pub fn texts(map: &Map<String, Value>, key: &str) -> Vec<String> {
    let list = map.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

pub fn labels(config: &Map<String, Value>) -> Map<String, Value> {
    config.get("Labels").and_then(Value::as_object).cloned().unwrap_or_default()
}
