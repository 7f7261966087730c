//! How copies are kept: restarts, health, updates, lost hosts, rebalancing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Problem, Span};

/// What happens when a copy ends by itself, or is not well. It is started again after a wait that
/// doubles each time. One that was restarted too often on one host has failed there, and another
/// host is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Restart {
    /// How often within `window`; 0: never.
    pub attempts: u32,
    /// Over how long the attempts are counted.
    pub window: Span,
    /// The first wait.
    pub backoff: Span,
    /// The longest wait.
    pub longest: Span,
}

/// How a copy is seen to be well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// What is asked.
    pub check: Check,
    /// How often.
    #[serde(default = "ten_seconds")]
    pub every: Span,
    /// How long an answer may take.
    #[serde(default = "three_seconds")]
    pub timeout: Span,
    /// How long after its start a copy may be unwell.
    #[serde(default = "ten_seconds")]
    pub start_period: Span,
    /// After how many failures in a row it is unwell, and restarted.
    #[serde(default = "three")]
    pub failures: u32,
    /// After how many successes in a row it is well.
    #[serde(default = "one")]
    pub successes: u32,
}

/// What is asked of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A command in the instance exits with 0.
    Exec(Vec<String>),
    /// `GET` answers with a status from 200 to 399.
    Http(HttpCheck),
    /// A connection is taken.
    Tcp(TcpCheck),
}

/// An HTTP/1.1 request to the instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// The port in the instance.
    pub port: u16,
    /// The path and query, beginning with `/`.
    #[serde(default = "root")]
    pub path: String,
}

/// A TCP connection to the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TcpCheck {
    /// The port in the instance.
    pub port: u16,
}

/// How a change of what copies are proceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Update {
    /// How many copies are being replaced at once, at most. A drain and a rebalance keep to it too.
    pub max_in_flight: u32,
    /// How many new copies are made first, beside the old ones, and must be well before the rest.
    pub canary: u32,
    /// Whether a copy's successor starts before it stops, or after.
    pub order: UpdateOrder,
    /// How long a new copy must be well to count as replaced.
    pub healthy_for: Span,
    /// How long a new copy may take until then; after that the update has failed.
    pub deadline: Span,
    /// Whether a failed update goes back to the version before it.
    pub auto_revert: bool,
}

/// What comes first when a copy is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UpdateOrder {
    /// The old one stops, then the new one starts.
    #[default]
    StopFirst,
    /// The new one is well, then the old one stops.
    StartFirst,
}

/// What happens to copies on a host that is lost: nobody knows whether they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Lost {
    /// How long its host may be lost before a copy is replaced elsewhere; `never`: it is waited for.
    pub replace_after: Patience,
    /// How long a host that hears of no coordinator keeps a copy running; `never` stop it.
    pub stop_after: Patience,
    /// Which copy stays when a replaced one is seen to run after all.
    pub winner: Winner,
}

/// How long something is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Patience {
    /// Without end.
    Never,
    /// So long.
    After(Span),
}

/// Which of two copies stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Winner {
    /// The one that was there first.
    Original,
    /// The one that took its place, once it is well; until then the first.
    #[default]
    Replacement,
}

/// That copies may be moved only because another host is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Rebalance {
    /// How many are moved at once, at most.
    pub moves: u32,
    /// How much better another host must be, in points of a hundred.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub gain: u8,
    /// How long a copy stays where it is after it was placed.
    pub cooldown: Span,
}

const fn one() -> u32 {
    1
}

const fn three() -> u32 {
    3
}

const fn three_seconds() -> Span {
    Span::from_secs(3)
}

const fn ten_seconds() -> Span {
    Span::from_secs(10)
}

fn root() -> String {
    "/".to_owned()
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            attempts: 5,
            window: Span::from_secs(600),
            backoff: Span::from_secs(1),
            longest: Span::from_secs(300),
        }
    }
}

impl Default for Update {
    fn default() -> Self {
        Self {
            max_in_flight: 1,
            canary: 0,
            order: UpdateOrder::StopFirst,
            healthy_for: ten_seconds(),
            deadline: Span::from_secs(300),
            auto_revert: true,
        }
    }
}

impl Default for Lost {
    fn default() -> Self {
        Self {
            replace_after: Patience::After(Span::from_secs(300)),
            stop_after: Patience::Never,
            winner: Winner::Replacement,
        }
    }
}

impl Default for Rebalance {
    fn default() -> Self {
        Self { moves: 1, gain: 20, cooldown: Span::from_secs(3600) }
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::After(span) => span.fmt(f),
        }
    }
}

impl FromStr for Patience {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match text {
            "never" => Ok(Self::Never),
            span => span.parse().map(Self::After).map_err(|_| {
                let text: String = text.chars().take(64).collect();
                Problem::field("lost", format!("{text:?} is neither a span of time nor \"never\""))
                    .remedy("write 5m, 1h30m or never")
            }),
        }
    }
}

impl TryFrom<String> for Patience {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl From<Patience> for String {
    fn from(patience: Patience) -> Self {
        patience.to_string()
    }
}

impl Restart {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.backoff.as_millis() == 0 || self.longest < self.backoff {
            return Err(Problem::field("restart.longest", "less than restart.backoff, or 0"));
        }
        Ok(())
    }
}

impl Health {
    /// Checks it; fields are named from `health` on.
    pub fn validate(&self) -> Result<(), Problem> {
        match &self.check {
            Check::Exec(argv) if argv.is_empty() || argv[0].is_empty() => {
                return Err(Problem::field("health.check.exec", "the command is empty"));
            }
            Check::Http(HttpCheck { path, .. })
                if !path.starts_with('/')
                    || path.chars().any(|c| c.is_ascii_control() || c == ' ') =>
            {
                return Err(Problem::field(
                    "health.check.http.path",
                    "not a path that begins with /",
                ));
            }
            Check::Http(HttpCheck { port: 0, .. }) => {
                return Err(Problem::field("health.check.http.port", "not between 1 and 65535"));
            }
            Check::Tcp(TcpCheck { port: 0 }) => {
                return Err(Problem::field("health.check.tcp.port", "not between 1 and 65535"));
            }
            Check::Exec(_) | Check::Http(_) | Check::Tcp(_) => {}
        }
        if self.every < Span::from_millis(100) || self.timeout.as_millis() == 0 {
            return Err(Problem::field("health.every", "less than 100ms, or a timeout of 0"));
        }
        if self.failures == 0 || self.successes == 0 {
            return Err(Problem::field("health.failures", "failures and successes are 1 or more"));
        }
        Ok(())
    }
}

impl Update {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.max_in_flight == 0 {
            return Err(Problem::field("update.max_in_flight", "not 1 or more"));
        }
        if self.deadline <= self.healthy_for {
            return Err(Problem::field("update.deadline", "not longer than update.healthy_for"));
        }
        Ok(())
    }
}

impl Rebalance {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.moves == 0 {
            return Err(Problem::field("rebalance.moves", "not 1 or more")
                .remedy("leave rebalance out for no moves"));
        }
        if !(1..=100).contains(&self.gain) {
            return Err(Problem::field("rebalance.gain", "not between 1 and 100"));
        }
        Ok(())
    }
}
