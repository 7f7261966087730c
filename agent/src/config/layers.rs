//! Where the configuration comes from, one function a layer. Nothing here knows what a value means.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use tamer_model::{Code, Problem};

use super::KEYS;
use crate::problem::chain;

/// The texts given for one key: none or one, or any number for a list.
pub type Value = Vec<String>;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// A variable of the environment.
    Environment,
    /// The command line.
    Flag,
}

impl Source {
    /// Which layer it is, the lowest 0.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(_) => 1,
            Self::Environment => 2,
            Self::Flag => 3,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// One layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Where it came from.
    pub source: Source,
    /// What it sets.
    pub values: BTreeMap<&'static str, Value>,
}

/// Reads the file layer.
pub fn file(path: &Path) -> Result<Layer, Vec<Problem>> {
    let bad = |message: String| Problem::new(Code::ConfigInvalid, message).on("config");
    let text = std::fs::read_to_string(path).map_err(|error| {
        vec![
            bad(format!("cannot read {}: {}", path.display(), chain(&error)))
                .remedy("name a file that exists, or leave --config out"),
        ]
    })?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        vec![
            bad(format!("{}: {}", path.display(), error.to_string().trim()))
                .remedy("write TOML: key = \"value\""),
        ]
    })?;
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, value) in table {
        let place = || format!("{}: ", path.display());
        match known(&name) {
            None => problems.push(unknown(&name, &place())),
            Some(key) => match texts(value) {
                Some(texts) => drop(values.insert(key, texts)),
                None => problems.push(
                    Problem::new(
                        Code::ConfigInvalid,
                        format!("{}neither a text, true or false, nor a list of texts", place()),
                    )
                    .on(key)
                    .remedy("write key = \"value\""),
                ),
            },
        }
    }
    let layer = Layer { source: Source::File(path.to_owned()), values };
    if problems.is_empty() { Ok(layer) } else { Err(problems) }
}

/// Reads the environment layer out of `variables`: `TAMER_AGENT_KEY`, and `TAMER_TOKEN`.
pub fn environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Layer, Vec<Problem>> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (variable, value) in variables {
        let name = match variable.strip_prefix("TAMER_AGENT_") {
            Some(name) => name.to_ascii_lowercase(),
            None if variable == "TAMER_TOKEN" => "token".to_owned(),
            None => continue,
        };
        match known(&name) {
            None => problems.push(unknown(&name, &format!("variable {variable}: "))),
            Some("coordinators") => {
                let list = value.split(',').map(str::trim).filter(|text| !text.is_empty());
                values.insert("coordinators", list.map(str::to_owned).collect());
            }
            Some(key) => drop(values.insert(key, vec![value])),
        }
    }
    let layer = Layer { source: Source::Environment, values };
    if problems.is_empty() { Ok(layer) } else { Err(problems) }
}

fn known(name: &str) -> Option<&'static str> {
    KEYS.iter().map(|key| key.name).find(|key| *key == name)
}

fn unknown(name: &str, place: &str) -> Problem {
    let keys: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    Problem::new(Code::ConfigInvalid, format!("{place}there is no such key"))
        .on(name)
        .remedy(format!("the keys are {}", keys.join(", ")))
}

fn texts(value: toml::Value) -> Option<Value> {
    match value {
        toml::Value::String(text) => Some(vec![text]),
        toml::Value::Boolean(flag) => Some(vec![flag.to_string()]),
        toml::Value::Array(list) => {
            list.into_iter().map(|item| item.as_str().map(str::to_owned)).collect()
        }
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => None,
    }
}
