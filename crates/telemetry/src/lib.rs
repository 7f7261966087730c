//! Logs, set up once and the same in every program.
//!
//! Each `main` calls [`init`] before anything that logs. Logs go to standard error: standard output
//! belongs to what a command was asked for.

use std::io;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How the logs of a program look and how much of them there is.
#[derive(Debug, Clone)]
pub struct Options {
    /// The form of a line.
    pub format: Format,
    /// What is logged: a level (`info`), or directives (`info,tamer_agent=debug`).
    pub level: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// A text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a log format: write `text` or `json`")]
pub struct InvalidFormat(String);

/// Why the logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The level is neither a level nor directives.
    #[error("{level:?} is not a log level: write error, warn, info, debug or trace")]
    Level {
        /// As given.
        level: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// They were set up already.
    #[error("logs were set up twice")]
    Twice(#[from] TryInitError),
}

impl Format {
    /// `text` or `json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl FromStr for Format {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(InvalidFormat(other.to_owned())),
        }
    }
}

/// Checks a level before it is used, so that a configuration can report it with its other faults.
pub fn check_level(level: &str) -> Result<(), InitError> {
    filter(level).map(drop)
}

/// Sets up logging for the whole process. To be called once, by `main`.
pub fn init(options: Options) -> Result<(), InitError> {
    let Options { format, level } = options;
    let registry = tracing_subscriber::registry().with(filter(&level)?);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        Format::Text => {
            let ansi = io::IsTerminal::is_terminal(&io::stderr());
            registry.with(layer.with_ansi(ansi).with_target(false)).try_init()?;
        }
        Format::Json => registry.with(layer.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}

/// What bollard writes below `info` is whole requests and answers, with the environment of
/// containers in them, passwords too: at no level of ours.
const KEPT_OUT: &str = "bollard=info";

fn filter(level: &str) -> Result<EnvFilter, InitError> {
    let kept_out = KEPT_OUT.parse().expect("it is a directive");
    EnvFilter::builder()
        .parse(level)
        .map(|filter| filter.add_directive(kept_out))
        .map_err(|source| InitError::Level { level: level.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked_before_use() {
        assert!(check_level("info").is_ok());
        assert!(check_level("warn,tamer_agent=debug").is_ok());
        assert!(check_level("a=b=c").is_err());
    }

    #[test]
    fn what_bollard_says_of_bodies_is_kept_out() {
        let registry = tracing_subscriber::registry().with(filter("trace").expect("a level"));
        tracing::subscriber::with_default(registry, || {
            assert!(tracing::enabled!(target: "tamer_agent", tracing::Level::TRACE));
            assert!(!tracing::enabled!(target: "bollard::docker", tracing::Level::DEBUG));
        });
    }

    #[test]
    fn formats_read_back() {
        for format in [Format::Text, Format::Json] {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert!("xml".parse::<Format>().is_err());
    }
}
