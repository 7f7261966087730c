//! Where the configuration comes from, one function a layer. Nothing here knows what a value means.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use tamer_model::{Code, Problem};

use super::{KEYS, Key, LISTS};
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
    pub values: BTreeMap<String, Value>,
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
    flatten("", table, &format!("{}: ", path.display()), &mut values, &mut problems);
    let layer = Layer { source: Source::File(path.to_owned()), values };
    if problems.is_empty() { Ok(layer) } else { Err(problems) }
}

/// Reads `KEY=VALUE`, with the key as it is written in the file: `registries."host:5000".user=me`.
pub fn setting(text: &str) -> Result<BTreeMap<String, Value>, Vec<Problem>> {
    let bad = || {
        let problem = Problem::new(Code::ConfigInvalid, format!("{text:?} is no setting"));
        vec![problem.on("set").remedy("write --set KEY=VALUE")]
    };
    let (key, value) = text.split_once('=').ok_or_else(bad)?;
    let line = format!("{key} = {}", toml::Value::String(value.to_owned()));
    let table: toml::Table = line.parse().map_err(|_| bad())?;
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    flatten("", table, "--set: ", &mut values, &mut problems);
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// Reads the environment layer out of `variables`: `TAMER_AGENT_KEY`, with `_` for each dot of the
/// key, and `TAMER_TOKEN`.
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
        let of_this = |key: &&Key| key.variable().is_some_and(|variable| variable == name);
        match KEYS.iter().find(of_this).map(|key| key.name) {
            None => problems.push(unknown(&name, &format!("variable {variable}: "))),
            Some(key) if LISTS.contains(&key) => {
                let list = value.split(',').map(str::trim).filter(|text| !text.is_empty());
                values.insert(key.to_owned(), list.map(str::to_owned).collect());
            }
            Some(key) => drop(values.insert(key.to_owned(), vec![value])),
        }
    }
    let layer = Layer { source: Source::Environment, values };
    if problems.is_empty() { Ok(layer) } else { Err(problems) }
}

/// Takes the values out of a table and the tables in it; their names get dots between the parts.
fn flatten(
    above: &str,
    table: toml::Table,
    place: &str,
    values: &mut BTreeMap<String, Value>,
    problems: &mut Vec<Problem>,
) {
    for (part, value) in table {
        let name = join(above, &part);
        match value {
            toml::Value::Table(table) if KEYS.iter().any(|key| key.is_below(&name)) => {
                flatten(&name, table, place, values, problems);
            }
            _ if !KEYS.iter().any(|key| key.is(&name)) => problems.push(unknown(&name, place)),
            value => match texts(value) {
                Some(texts) => drop(values.insert(name, texts)),
                None => problems.push(
                    Problem::new(
                        Code::ConfigInvalid,
                        format!("{place}neither a text, a whole number, true or false, nor a list of texts"),
                    )
                    .on(name)
                    .remedy("write key = \"value\""),
                ),
            },
        }
    }
}

/// A key's name with one more part, quoted where TOML wants it.
pub(super) fn join(above: &str, part: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let quoted = || toml::Value::String(part.to_owned()).to_string();
    let part = if part.chars().all(bare) { part.to_owned() } else { quoted() };
    if above.is_empty() { part } else { format!("{above}.{part}") }
}

fn unknown(name: &str, place: &str) -> Problem {
    // The keys nearby, or else all of them.
    let family = |name: &str| name.split(['.', '_']).next().map(str::to_owned);
    let near = |key: &&str| key.contains('.') && family(key) == family(name);
    let all = || KEYS.iter().map(|key| key.name);
    let near: Vec<_> = all().filter(near).collect();
    let keys: Vec<_> = if near.is_empty() { all().collect() } else { near };
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
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
