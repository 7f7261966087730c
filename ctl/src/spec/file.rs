//! A spec in a file: TOML or YAML, with the fields of the flags.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tamer_model::{Lease, Parse, Problem};

use super::form::StepForm;
use super::rollout::RolloutArgs;
use super::targets::TargetArgs;
use super::task::TaskArgs;
use super::text;
use super::words::Span;

/// The version of the format that is written today, and the newest that is read.
const VERSION: u64 = 1;
/// The most bytes that are read: a hundred thousand names of hosts fit.
const MOST: u64 = 8 << 20;

/// A spec as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The version of the format: 1.
    #[serde(rename = "version")]
    _version: u64,
    /// On what.
    #[serde(default)]
    pub targets: TargetArgs,
    /// How each step is run that does not say it itself.
    #[serde(default)]
    pub task: TaskArgs,
    /// What is done, when it is one thing.
    #[serde(default)]
    pub action: Option<StepForm>,
    /// What is done, one after the other.
    #[serde(default)]
    pub steps: Vec<StepForm>,
    /// What is done where it had succeeded, when it trips.
    #[serde(default)]
    pub undo: Option<StepForm>,
    /// How it proceeds.
    #[serde(default)]
    pub rollout: RolloutArgs,
    /// The leases that are held.
    #[serde(default)]
    pub lease: Vec<Lease>,
    /// How what is printed is read as data.
    #[serde(default)]
    pub parse: Option<Parse>,
    /// How long a host that has the command may stay lost.
    #[serde(default, with = "text")]
    pub lost_wait: Option<Span>,
    /// Whether it succeeds when nothing is meant.
    #[serde(default)]
    pub allow_empty: bool,
}

/// Reads the spec of a file, or of standard input when it is `-`; with the folder that its paths
/// begin at.
pub fn read(path: &Path) -> Result<(File, PathBuf), Problem> {
    let shown = path.display();
    let mut text = String::new();
    let stdin = path.as_os_str() == "-";
    let read = match stdin {
        true => std::io::stdin().lock().take(MOST + 1).read_to_string(&mut text),
        false => {
            std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text))
        }
    };
    read.map_err(|error| {
        Problem::field("file", format!("cannot read {shown}: {error}"))
            .remedy("give the path of a TOML or YAML file, or `-` for standard input")
    })?;
    if text.len() as u64 > MOST {
        return Err(Problem::field("file", format!("{shown} has more than {MOST} bytes"))
            .remedy("give the spec of one batch"));
    }
    let folder = if stdin { None } else { path.parent() };
    Ok((parse(&text, path)?, folder.unwrap_or(Path::new("")).to_owned()))
}

/// Reads a spec: TOML or YAML as the name says, and where it does not, as the text is.
fn parse(text: &str, path: &Path) -> Result<File, Problem> {
    let named = |ending: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending));
    let toml = match (named("toml"), named("yaml") || named("yml") || named("json")) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => text.parse::<toml::Table>().is_ok(),
    };
    let read = |text| if toml { of_toml(text) } else { of_yaml(text) };
    match read(text)? {
        Version { version: Some(VERSION) } => {}
        Version { version: Some(other) } => {
            let what = format!("the spec has version {other}, and this tamerctl knows {VERSION}");
            return Err(Problem::field("version", what)
                .remedy("use a newer tamerctl, or write the spec for version 1"));
        }
        Version { version: None } => {
            return Err(Problem::field("version", "the spec does not say its version")
                .remedy(format!("begin it with version{}1", if toml { " = " } else { ": " })));
        }
    }
    if toml { of_toml(text) } else { of_yaml(text) }
}

/// What every version of the format begins with; the rest is read when it is known.
#[derive(Deserialize)]
struct Version {
    version: Option<u64>,
}

fn of_toml<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map(|span| {
            let before = text.as_bytes().iter().take(span.start);
            before.filter(|byte| **byte == b'\n').count() + 1
        });
        wrong(error.message(), at, text)
    })
}

fn of_yaml<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location().and_then(|at| usize::try_from(at.line()).ok());
        wrong(&error.without_snippet().to_string(), at, text)
    })
}

/// A problem of a file, on the key that its line gives a value to.
fn wrong(message: &str, line: Option<usize>, text: &str) -> Problem {
    let key = line.and_then(|line| key(text.lines().nth(line.checked_sub(1)?)?));
    let message = message.lines().collect::<Vec<_>>().join(" ");
    let message = match line {
        Some(line) if !message.contains("line ") => format!("line {line}: {message}"),
        Some(_) | None => message,
    };
    Problem::field(key.unwrap_or("file"), message)
        .remedy("the keys are those of the flags: see docs/batches.md and `tamerctl run --help`")
}

fn key(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(['-', ' ', '[', '{']);
    let end = line.find(['=', ':', ']'])?;
    let key = line[..end].trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!key.is_empty() && key.chars().all(plain)).then_some(key)
}

#[cfg(test)]
mod tests;
