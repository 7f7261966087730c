//! A file by another writer than the coordinator's: of what the page of the format says.

use std::collections::BTreeMap;

use tamer_drift::fleet::{HostState, Member, SourceState};
use tamer_drift::tree;
use tamer_drift::{Digest, Kind, Resource, ResourceKey, Source, Value};
use tamer_model::{HostId, Selector, SnapshotId, Timestamp};

use super::OURS;
use crate::drift::record::SnapshotRecord;

/// What a file is made of.
pub struct Document {
    pub snapshot: String,
    pub hosts: Vec<String>,
    pub resources: usize,
    pub states: BTreeMap<HostId, HostState>,
}

fn key(id: &str) -> ResourceKey {
    ResourceKey::new(Source::host(), Kind::Package, id).expect("a key")
}

/// Resources with something of every sort.
fn resources(many: usize) -> Vec<Resource> {
    let one = |number: usize| {
        let id = format!("package-{number:03}");
        let mut one = Resource::new(key(&id), id)
            .with("version", format!("1.{number}"))
            .with("size", 4096_i64)
            .with("held", number.is_multiple_of(2))
            .with("secret", Value::Hidden([7; 16]))
            .with("list", Value::List(vec![Value::Int(-1), Value::from("é\"\\\n")]))
            .with("set", Value::Set([Value::from("a"), Value::Int(2)].into()))
            .with("map", Value::Map([("$odd".to_owned(), Value::Bool(false))].into()));
        one.tags.insert("team".to_owned(), "web".to_owned());
        one.created = Some(Timestamp::from_millis(5));
        one.depends_on.insert(key("package-000"));
        one
    };
    (0..many).map(one).collect()
}

pub fn host_id(number: usize) -> HostId {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&(number as u64).to_be_bytes());
    HostId::from_bytes(bytes)
}

pub fn state(root: Digest, problem: &str, sources: usize) -> HostState {
    let at = Timestamp::from_millis(1_795_132_800_000);
    let source = |number: usize| {
        let state = SourceState {
            complete: problem.is_empty(),
            problem: (!problem.is_empty()).then(|| problem.to_owned()),
            took_ms: 3,
            resources: 4,
            at,
        };
        (format!("s{number}").parse().expect("a source"), state)
    };
    let sources = (0..sources).map(source).collect();
    HostState { root, epoch: [9; 16], counter: 7, at, sources }
}

/// A host as it is written.
pub fn host(id: HostId, state: &HostState, resources: &[Resource]) -> String {
    let json = |one: &Resource| serde_json::to_string(one).expect("JSON");
    let all: Vec<_> = resources.iter().map(json).collect();
    let state = serde_json::to_string(state).expect("JSON");
    let name = id.to_string();
    format!(r#"{{"id":"{id}","name":"{name}","state":{state},"resources":[{}]}}"#, all.join(",\n"))
}

impl Document {
    /// A snapshot of hosts with so many resources each.
    pub fn new(hosts: &[usize]) -> Self {
        let mut states = BTreeMap::new();
        let mut texts = Vec::new();
        for (number, many) in hosts.iter().enumerate() {
            let all = resources(*many);
            let root = tree::build(all.clone()).expect("within bounds").root;
            let problem = if number.is_multiple_of(2) { "" } else { "it hung" };
            let state = state(root, problem, 2);
            texts.push(host(host_id(number), &state, &all));
            states.insert(host_id(number), state);
        }
        let snapshot = serde_json::to_string(&record(&states)).expect("JSON");
        Self { snapshot, hosts: texts, resources: hosts.iter().sum(), states }
    }

    pub fn head(&self) -> String {
        let snapshot = &self.snapshot;
        format!(
            r#"{{"format":"tamer-snapshot","version":1,"fleet":"{OURS}","snapshot":{snapshot},"hosts":["#
        )
    }

    pub fn text(&self) -> String {
        let (head, hosts) = (self.head(), self.hosts.join(",\n"));
        let (many, resources) = (self.hosts.len(), self.resources);
        format!(r#"{head}{hosts}],"end":{{"hosts":{many},"resources":{resources}}}}}"#)
    }
}

/// The record of a snapshot of these hosts.
pub fn record(states: &BTreeMap<HostId, HostState>) -> SnapshotRecord {
    let member =
        |(host, state): (&HostId, &HostState)| Member { host: *host, state: state.clone() };
    let at = Timestamp::from_millis(1_795_132_800_000);
    SnapshotRecord {
        id: SnapshotId::at(at.as_millis(), [1, 2, 3, 4]),
        name: Some("before".parse().expect("a name")),
        tags: [("env".to_owned(), "prod".to_owned())].into(),
        request: None,
        at,
        by: "ann".parse().expect("a name"),
        selector: Selector::default(),
        root: tree::build(states.iter().map(member)).expect("within bounds").root,
        hosts: u32::try_from(states.len()).expect("few"),
        resources: 0,
        missing: Vec::new(),
        missing_count: 0,
        took_ms: 3,
        oldest_at: at,
        incomplete: 0,
        imported: false,
    }
}
