//! What a subcommand is given: how to answer, and the way to the coordinator.

use std::time::Duration;

use serde::Serialize;

use crate::api::Api;
use crate::connect;
use crate::context::{self, Context};
use crate::errors::Failure;
use crate::output::{Format, Line, encode, print};

/// What a subcommand is given.
#[derive(Debug)]
pub struct Session {
    format: Format,
    context: Option<String>,
}

impl Session {
    /// Answers in `format`, about the fleet of the named context or the one in use.
    pub fn new(format: Format, context: Option<String>) -> Self {
        Self { format, context }
    }

    /// How to answer.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Whether a script reads the answer.
    pub const fn for_scripts(&self) -> bool {
        matches!(self.format, Format::Json | Format::Jsonl | Format::Yaml)
    }

    /// The name given by `--context`.
    pub fn context_name(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The context that the command is about.
    pub fn open_context(&self) -> Result<Context, Failure> {
        Ok(context::open(self.context_name())?)
    }

    /// Connects to the coordinator.
    pub async fn api(&self) -> Result<Api, Failure> {
        Ok(connect::connect(&self.open_context()?).await?)
    }

    /// Connects for calls that may each take so long. That the coordinator is gone shows sooner.
    pub async fn api_within(&self, limit: Duration) -> Result<Api, Failure> {
        Ok(connect::connect_within(&self.open_context()?, limit).await?)
    }

    /// Prints `value` in the chosen format; `human` makes the lines of a table, wide or not.
    pub fn show<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce(bool) -> Vec<Line>,
    ) -> Result<(), Failure> {
        Ok(print::text(&self.render(value, human)?)?)
    }

    /// What [`show`](Self::show) prints.
    pub fn render<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce(bool) -> Vec<Line>,
    ) -> Result<String, Failure> {
        match self.format {
            // Arguments that ask for a document of what has none were refused when they were read.
            Format::Table | Format::Markdown | Format::Html => Ok(Line::join(&human(false))),
            Format::Wide => Ok(Line::join(&human(true))),
            Format::Json => encode::json(value),
            Format::Jsonl => encode::json_lines(value),
            Format::Yaml => encode::yaml(value),
        }
    }

    /// Prints one of a stream of values: JSON on one line, a YAML document, or lines.
    pub fn show_one<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce(bool) -> Vec<Line>,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Json | Format::Jsonl => encode::json_line(value)?,
            Format::Yaml => format!("---\n{}", encode::yaml(value)?),
            Format::Table | Format::Wide | Format::Markdown | Format::Html => {
                self.render(value, human)?
            }
        };
        Ok(print::text(&text)?)
    }
}
