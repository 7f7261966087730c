//! What there is in the technology: instances, checkpoints, images.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tamer_model::{
    Checkpoint, CheckpointName, Instance, InstanceKind, InstanceSpec, InstanceState, NativeId,
    OptionValue, Resource, ResourceKind, ResourceRef, Timestamp,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::IMAGE;
use crate::{Fault, FaultKind, Image, Result};

/// What an instance ticks at.
const TICK: Duration = Duration::from_millis(100);

pub(super) struct World {
    pub instances: BTreeMap<NativeId, Thing>,
    pub images: BTreeMap<String, Image>,
    made: u64,
}

/// One instance.
pub(super) struct Thing {
    pub told: Instance,
    pub spec: InstanceSpec,
    pub run: Option<Run>,
    pub log: Vec<(Timestamp, String)>,
    pub files: BTreeMap<String, String>,
    pub checkpoints: Vec<Saved>,
}

/// It runs.
#[derive(Clone)]
pub(super) struct Run {
    pub since: Instant,
    pub ticks: u64,
    pub burnt_ns: u64,
    /// Cancelled when the run ends.
    pub ended: CancellationToken,
}

pub(super) struct Saved {
    pub told: Checkpoint,
    pub files: BTreeMap<String, String>,
    pub running: bool,
}

impl World {
    pub fn new() -> Self {
        let mut world = Self { instances: BTreeMap::new(), images: BTreeMap::new(), made: 0 };
        world.add_image(IMAGE, 4096);
        world
    }

    pub fn add_image(&mut self, reference: &str, size: u64) {
        let image = Image {
            id: format!("fake:{reference}"),
            references: vec![reference.to_owned()],
            size_bytes: Some(size),
        };
        self.images.insert(reference.to_owned(), image);
    }

    pub fn thing(&mut self, id: &NativeId) -> Result<&mut Thing> {
        let missing = || Fault::new(FaultKind::NotFound, format!("there is no instance {id}"));
        self.instances.get_mut(id).ok_or_else(missing)
    }

    /// Makes an instance of a spec that was validated.
    pub fn create(&mut self, spec: &InstanceSpec) -> Result<NativeId> {
        let Some(image) = spec.image.clone() else {
            return Err(Fault::spec("image", "the fake knows images alone"));
        };
        if !self.images.contains_key(&image) {
            let message = format!("there is no image {image}");
            return Err(Fault::new(FaultKind::NotFound, message).on("image"));
        }
        if let Some(name) = &spec.name
            && self.instances.values().any(|thing| thing.told.name == *name)
        {
            let message = format!("there is an instance named {name}");
            return Err(Fault::new(FaultKind::AlreadyExists, message).on("name"));
        }
        self.made += 1;
        let made = self.made;
        // Nobody else takes such a name: they are numbered.
        let numbered = || format!("fake-{made}").parse().expect("a short word is a name");
        let name = spec.name.clone().unwrap_or_else(numbered);
        let native: NativeId = format!("{made:08x}").parse().expect("digits are an id");
        let told = Instance {
            native: native.clone(),
            name,
            kind: InstanceKind::Container,
            state: InstanceState::Creating,
            reason: None,
            image: Some(image),
            created_at: Some(now()),
            exit_code: None,
            managed: true,
            labels: spec.labels.clone(),
            addresses: Vec::new(),
            ports: spec.ports.clone(),
        };
        let thing = Thing {
            told,
            spec: spec.clone(),
            run: None,
            log: Vec::new(),
            files: BTreeMap::new(),
            checkpoints: Vec::new(),
        };
        self.instances.insert(native.clone(), thing);
        Ok(native)
    }

    /// Makes an instance that is not ours, and runs.
    pub fn foreign(&mut self) -> NativeId {
        let spec = InstanceSpec { image: Some(IMAGE.to_owned()), ..InstanceSpec::default() };
        let id = self.create(&spec).expect("the image is there and the name is new");
        let thing = self.instances.get_mut(&id).expect("it was just made");
        thing.told.managed = false;
        thing.begin();
        id
    }

    pub fn change(&mut self, id: &NativeId, state: InstanceState) -> bool {
        let Some(thing) = self.instances.get_mut(id) else { return false };
        match state {
            InstanceState::Running | InstanceState::Paused => thing.begin(),
            _ => thing.end(None),
        }
        thing.told.state = state;
        true
    }

    pub fn exit(&mut self, id: &NativeId, code: i32, last_words: &str) -> bool {
        let Some(thing) = self.instances.get_mut(id) else { return false };
        let ran = thing.run.is_some();
        thing.log.push((now(), last_words.to_owned()));
        thing.end(Some(code));
        ran
    }

    /// Everything there is, in the order of kinds and ids.
    pub fn scan(&self, version: &str) -> Vec<Resource> {
        let resource = |kind, id: &str, name: &str, attributes: &[(&str, String)], depends_on| {
            let attributes =
                attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            let reference = ResourceRef { kind, id: id.to_owned() };
            Resource { reference, name: name.to_owned(), attributes, depends_on }
        };
        let mut found = vec![resource(
            ResourceKind::Technology,
            "fake",
            "fake",
            &[("version", version.to_owned())],
            Vec::new(),
        )];
        found.extend(self.instances.values().map(|thing| {
            let told = &thing.told;
            let image = told.image.clone().unwrap_or_default();
            let state = [("state", told.state.to_string()), ("image", image.clone())];
            let needs = vec![ResourceRef { kind: ResourceKind::Image, id: image }];
            let (id, name) = (told.native.as_str(), told.name.as_str());
            resource(ResourceKind::Instance, id, name, &state, needs)
        }));
        found.extend(self.images.iter().map(|(reference, image)| {
            let id = [("id", image.id.clone())];
            resource(ResourceKind::Image, reference, reference, &id, Vec::new())
        }));
        found.sort_by(|a, b| a.reference.cmp(&b.reference));
        found
    }
}

impl Thing {
    pub fn begin(&mut self) {
        self.told.state = InstanceState::Running;
        self.told.exit_code = None;
        if self.run.is_some() {
            return;
        }
        self.run = Some(Run {
            since: Instant::now(),
            ticks: 0,
            burnt_ns: 0,
            ended: CancellationToken::new(),
        });
        let lines = match self.words()[..] {
            ["write", count] => count.parse().unwrap_or(0),
            _ => 0,
        };
        let at = now();
        self.log.extend((1..=lines).map(|line: u64| (at, format!("line {line}"))));
    }

    pub fn end(&mut self, code: Option<i32>) {
        if let Some(run) = self.run.take() {
            run.ended.cancel();
            self.told.state = InstanceState::Stopped;
            self.told.exit_code = code;
        }
    }

    pub fn deaf(&self) -> bool {
        self.words() == ["deaf"]
    }

    /// Its command, word by word.
    fn words(&self) -> Vec<&str> {
        self.spec.command.iter().map(String::as_str).collect()
    }

    /// A number among its options, as milliseconds.
    pub fn millis(&self, key: &str) -> Duration {
        match self.spec.options.get(key) {
            Some(OptionValue::Number(millis)) => {
                Duration::from_millis(u64::try_from(*millis).unwrap_or(0))
            }
            _ => Duration::ZERO,
        }
    }

    /// Its log as it is now.
    pub fn log(&mut self) -> &[(Timestamp, String)] {
        let ticks = self.words() == ["tick"] && self.told.state == InstanceState::Running;
        if let Some(run) = self.run.as_mut().filter(|_| ticks) {
            let due = run.since.elapsed().as_millis() / TICK.as_millis();
            while u128::from(run.ticks) < due {
                run.ticks += 1;
                self.log.push((now(), format!("tick {}", run.ticks)));
            }
        }
        &self.log
    }
}

impl Saved {
    pub fn named(name: &CheckpointName) -> impl Fn(&Self) -> bool + '_ {
        move |saved| saved.told.name == *name
    }
}

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
