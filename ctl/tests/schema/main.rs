//! The shipped JSON Schema: that it is what the types say, and says what reading takes.

mod validate;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::{Strategy, proptest};
use proptest::{prop_assert, prop_oneof};
use serde_json::{Map, Value, json};
use tamer_model::{Cpu, Patience, Selector, Size, Span, WorkloadFile, WorkloadSpec};

use crate::validate::validate;

/// With this set, the shipped schema is written anew.
const REMAKE: &str = "TAMER_REMAKE";

fn docs(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(path)
}

fn schema() -> Value {
    tamer_model::workload_schema().to_value()
}

#[test]
fn the_shipped_schema_is_what_the_types_say() {
    let made = serde_json::to_string_pretty(&schema()).expect("json") + "\n";
    let path = docs("schemas/workload-1.json");
    if std::env::var_os(REMAKE).is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let shipped = std::fs::read_to_string(&path).expect("the shipped schema");
    assert!(
        shipped.replace("\r\n", "\n") == made,
        "{} is out of date: make it anew with {REMAKE}=1 and this test",
        path.display()
    );
}

fn examples() -> Vec<(String, Value)> {
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(docs("examples")).expect("the examples") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("an example");
        let value = match path.extension().and_then(|ending| ending.to_str()) {
            Some("toml") => toml::from_str(&text).expect("TOML"),
            Some("yaml") => serde_saphyr::from_str(&text).expect("YAML"),
            other => panic!("{other:?} is no ending of an example"),
        };
        examples.push((path.display().to_string(), value));
    }
    assert!(examples.len() >= 3, "{examples:?}");
    examples
}

#[test]
fn the_examples_are_read_and_fit_the_schema() {
    let schema = schema();
    for (path, value) in examples() {
        assert_eq!(validate(&schema, &value), Vec::<String>::new(), "{path}");
        tamerctl::workloads::read(&[PathBuf::from(&path)]).expect(&path);
    }
}

/// A workload that says something of everything.
fn full() -> Value {
    json!({
        "name": "a", "labels": { "team": "x" }, "provider": "docker",
        "instance": {
            "image": "x", "command": ["a"], "env": { "A": "b" }, "workdir": "/", "user": "u",
            "labels": { "a": "b" },
            "limits": { "cpu_millis": 1, "memory_bytes": 1 << 20, "pids": 1, "disk_bytes": 1 << 20 },
            "mounts": [{ "kind": "volume", "source": "v", "target": "/v", "read_only": true }],
            "ports": [{ "instance": 1, "host": 2, "address": "::1", "protocol": "udp" }],
            "networks": ["n"], "pull": "always",
            "options": { "a": true, "b": 1, "c": "x", "d": ["x"] },
        },
        "run": { "to_completion": { "completions": 1, "parallelism": 1 } },
        "constraints": ["os=linux", "zone in (a, b),!gpu"],
        "affinity": [
            { "to": { "hosts": "a=b" }, "weight": -100 },
            { "to": { "workload": "b" }, "weight": 1 },
        ],
        "spread": [{ "over": "zone", "weight": 1, "max_skew": 1 }],
        "with": ["b"], "apart_from": ["c"],
        "resources": { "cpu": 0.5, "memory": "1MiB", "disk": 1, "devices": { "gpu": 1 } },
        "priority": 100, "share": 1, "packing": "tight",
        "restart": { "attempts": 1, "window": "1m", "backoff": "1s", "longest": "1m" },
        "health": {
            "check": { "exec": ["true"] },
            "every": "1s", "timeout": "1s", "start_period": "0s", "failures": 1, "successes": 1,
        },
        "update": {
            "max_in_flight": 1, "canary": 1, "order": "start_first", "healthy_for": "1s",
            "deadline": "1m", "auto_revert": false,
        },
        "lost": { "replace_after": "never", "stop_after": "1m", "winner": "original" },
        "rebalance": { "moves": 1, "gain": 1, "cooldown": "1s" },
        "stop_grace": "1s",
    })
}

/// Every key that a value has, wherever it is.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.keys().cloned());
            map.values().for_each(|value| keys(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every key that a schema names.
fn named(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| named(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| named(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_key_of_the_schema_is_one_that_is_read() {
    let mut all = full();
    let read = |value: &Value| {
        let spec: WorkloadSpec = serde_json::from_value(value.clone()).expect("it is read");
        spec.check().expect("it holds");
        let schema = schema();
        assert_eq!(validate(&schema, value), Vec::<String>::new(), "{value}");
        // What is written back is said by the schema too, with every default.
        let written = serde_json::to_value(&spec).expect("json");
        let mut instance = written.clone();
        instance["instance"].as_object_mut().map(|spec| spec.remove("restart"));
        assert_eq!(validate(&schema, &instance), Vec::<String>::new(), "{written}");
        let file = json!({ "version": 1, "workloads": [value] });
        assert_eq!(validate(&schema, &file), Vec::<String>::new());
        serde_json::from_value::<WorkloadFile>(file)
            .expect("it is read")
            .validate()
            .expect("holds");
    };
    let mut found: BTreeSet<String> = ["version".to_owned(), "workloads".to_owned()].into();
    let others = [
        json!({ "run": { "count": 3 }, "health": { "check": { "http": { "port": 1, "path": "/" } } } }),
        json!({ "run": "every_host", "health": { "check": { "tcp": { "port": 1 } } } }),
        json!({ "instance": { "disk": "/x" } }),
        json!({ "instance": { "template": "x" } }),
    ];
    read(&all);
    keys(&all, &mut found);
    for other in others {
        let other: &Map<String, Value> = other.as_object().expect("a table");
        all.as_object_mut().expect("a table").extend(other.clone());
        read(&all);
        keys(&all, &mut found);
    }
    let mut said = BTreeSet::new();
    named(&schema(), &mut said);
    let missing: Vec<_> = said.difference(&found).collect();
    assert!(missing.is_empty(), "said and not tried: {missing:?}");
}

#[test]
fn what_is_wrong_does_not_fit_the_schema() {
    let schema = schema();
    for (pointer, bad) in [
        ("/imgae", json!("x")),
        ("/instance/name", json!("x")),
        ("/instance/restart", json!("always")),
        ("/priority", json!(101)),
        ("/share", json!(0)),
        ("/name", json!("a b")),
        ("/provider", json!("Docker")),
        ("/constraints/0", json!("zone in a")),
        ("/affinity/0/weight", json!(-101)),
        ("/resources/memory", json!("lots")),
        ("/resources/cpu", json!(-1)),
        ("/stop_grace", json!("soon")),
        ("/lost/replace_after", json!("ever")),
        ("/labels/1", json!("x")),
        ("/run", json!("sometimes")),
        ("/health/check", json!({})),
        ("/instance/ports/0/host", json!(65536)),
    ] {
        let mut value = full();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        match value.pointer_mut(parent).expect("a parent") {
            Value::Object(map) => drop(map.insert(key.to_owned(), bad)),
            Value::Array(values) => values[key.parse::<usize>().expect("a place")] = bad,
            other => panic!("{other} has no {key}"),
        }
        assert_ne!(validate(&schema, &value), Vec::<String>::new(), "{pointer}");
    }
}

/// The pattern of a place in the schema.
fn pattern(definition: &str, property: &str) -> regex::Regex {
    let schema = schema();
    let found = &schema["definitions"][definition]["properties"][property];
    let pattern = [found, &found["items"], &found["anyOf"][0]]
        .into_iter()
        .find_map(|place| place["pattern"].as_str())
        .unwrap_or_else(|| panic!("{definition}.{property} has no pattern: {found}"));
    regex::Regex::new(pattern).expect("a pattern")
}

fn nearly() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,3}(d|h|m|s|ms)?([0-9]{1,2}(h|m|s|ms))?",
        "[0-9]{1,4}(\\.[0-9]{0,3})? ?(MiB|GB|kB|B|m|)",
        "!?[a-z]{1,3} ?((=|==|!=|>=|<|>) ?[a-z0-9.*]{0,4}| in ?\\([a-z, ]{0,5}\\)| notin \\(a\\))?(, ?[a-z]{1,2})?",
        "never",
        ".*",
    ]
}

proptest! {
    #[test]
    fn what_is_read_fits_its_pattern(text in nearly()) {
        // Space around a span or a share is read; nobody writes it, and editors may say so.
        if text.trim() == text {
            prop_assert!(text.parse::<Span>().is_err() || pattern("WorkloadSpec", "stop_grace").is_match(&text));
            prop_assert!(text.parse::<Patience>().is_err() || pattern("Lost", "replace_after").is_match(&text));
            prop_assert!(text.parse::<Size>().is_err() || pattern("Resources", "memory").is_match(&text));
            prop_assert!(text.parse::<Cpu>().is_err() || pattern("Resources", "cpu").is_match(&text));
        }
        let is_selector = text.parse::<Selector>().is_ok();
        prop_assert!(is_selector == pattern("WorkloadSpec", "constraints").is_match(&text), "{text:?}");
    }
}
