//! One document: a list of workloads, or a single one.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tamer_model::{FILE_VERSION, Problem, WorkloadFile, WorkloadSpec};

use super::form::Form;

/// What is wrong with a document, and on which of its lines, from 1, where the format tells.
#[derive(Debug)]
pub struct Wrong {
    problem: Problem,
    line: Option<usize>,
}

/// The keys by which a list and a single workload are told apart.
#[derive(Debug, Deserialize)]
struct Head {
    version: Option<u64>,
    workloads: Option<IgnoredAny>,
    name: Option<IgnoredAny>,
    instance: Option<IgnoredAny>,
    provider: Option<IgnoredAny>,
}

/// Reads the workloads of a document.
pub fn read(text: &str, form: Form) -> Result<Vec<WorkloadSpec>, Wrong> {
    let Head { version, workloads, name, instance, provider } = value(text, form)?;
    let single =
        workloads.is_none() && (name.is_some() || instance.is_some() || provider.is_some());
    if single {
        let spec: WorkloadSpec = value(text, form)?;
        spec.check()?;
        return Ok(vec![spec]);
    }
    // A newer form may have keys that are not known here; its version is what to tell.
    if let Some(version) = version.filter(|version| *version != u64::from(FILE_VERSION)) {
        let message = format!("version {version} is not known; this one knows {FILE_VERSION}");
        return Err(Problem::field("version", message)
            .remedy(format!("use a newer tamerctl, or write version {FILE_VERSION}"))
            .into());
    }
    let file: WorkloadFile = value(text, form)?;
    Ok(file.validate()?.workloads)
}

fn value<T: DeserializeOwned>(text: &str, form: Form) -> Result<T, Wrong> {
    match form {
        Form::Toml => of_toml(text),
        Form::Yaml => of_yaml(text),
        Form::Json => of_json(text),
    }
}

fn of_toml<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    let line = |error: &toml::de::Error| {
        let before = &text.as_bytes()[..error.span()?.start.min(text.len())];
        Some(before.iter().filter(|byte| **byte == b'\n').count() + 1)
    };
    let document = toml::Deserializer::parse(text)
        .map_err(|error| Wrong::syntax(error.message(), line(&error)))?;
    let at = Cell::new(None);
    let words = |error: &toml::de::Error| {
        at.set(line(error));
        error.message().to_owned()
    };
    tamer_model::read(document, words).map_err(|problem| Wrong { problem, line: at.get() })
}

fn of_yaml<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    let at = Cell::new(None);
    let words = |error: &serde_saphyr::Error| {
        at.set(yaml_line(error));
        yaml_words(error)
    };
    let mut wrong = None;
    let read = serde_saphyr::with_deserializer_from_str(text, |document| {
        tamer_model::read(document, words).map_err(|problem| {
            wrong = Some(problem);
            // Whoever reads on after an error finds others that are none.
            serde::de::Error::custom("read no further")
        })
    });
    read.map_err(|error| match wrong {
        Some(problem) => Wrong { problem, line: at.get() },
        None => Wrong::syntax(&yaml_words(&error), yaml_line(&error)),
    })
}

fn yaml_line(error: &serde_saphyr::Error) -> Option<usize> {
    usize::try_from(error.location()?.line()).ok()
}

/// The error without its place, an unknown key or word in serde's own words.
fn yaml_words(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    let listed = |words: &[&str]| {
        words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
    };
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("unknown field `{field}`, expected one of {}", listed(expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("unknown variant `{variant}`, expected one of {}", listed(expected))
        }
        other => {
            let text = other.to_string();
            text.rsplit_once(" at line ").map_or(text.clone(), |(text, _)| text.to_owned())
        }
    }
}

fn of_json<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    let at = Cell::new(None);
    let words = |error: &serde_json::Error| {
        at.set((error.line() > 0).then_some(error.line()));
        json_words(error)
    };
    let mut document = serde_json::Deserializer::from_str(text);
    let value = tamer_model::read(&mut document, words)
        .map_err(|problem| Wrong { problem, line: at.get() })?;
    let rest = document.end();
    rest.map_err(|error| Wrong::syntax(&json_words(&error), Some(error.line())))?;
    Ok(value)
}

fn json_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(text, _)| text.to_owned())
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self { problem, line: None }
    }
}

impl Wrong {
    fn syntax(message: &str, line: Option<usize>) -> Self {
        Self { problem: Problem::field("file", message), line }
    }

    /// The problem with its file, and its line in that: `above` lines stand before the document.
    pub fn of(self, file: &str, above: usize) -> Problem {
        let Self { problem, line } = self;
        let message = problem.message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        let message = match line {
            Some(line) => format!("{file}, line {}: {message}", line + above),
            None => format!("{file}: {message}"),
        };
        let remedy = problem.remedy.unwrap_or_else(|| {
            "the keys and their values: docs/workloads.md and `tamerctl workload schema`".to_owned()
        });
        Problem { message, remedy: Some(remedy), ..problem }
    }
}
