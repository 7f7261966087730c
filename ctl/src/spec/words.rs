//! The words of flags and files, each with one way to read it and one to write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tamer_model::{Amount, Offline, OnTrip, Order, Pause, Retryable, WaveSizes};

/// A span of time, as people write it: `30s`, `5m`, `1h 30m`. Kept in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// From milliseconds.
    pub const fn of(millis: u64) -> Self {
        Self(millis)
    }

    /// In milliseconds.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = humantime::parse_duration(text)
            .map_err(|_| format!("{text:?} is no span: write a number and a unit: 30s, 5m, 1h"))?;
        u64::try_from(span.as_millis()).map(Self).map_err(|_| format!("{text:?} is too long"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(Duration::from_millis(self.0)).fmt(f)
    }
}

/// A share of a wave, as people write it: `95%`. Kept in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Percent(u32);

impl Percent {
    /// From hundredths of a percent.
    pub const fn of(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// In hundredths of a percent.
    pub const fn hundredths(self) -> u32 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(Amount::Share(share)) => Ok(Self(share)),
            Ok(Amount::Count(_)) | Err(_) => {
                Err(format!("{text:?} is no percentage between 0% and 100%: write 95%"))
            }
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Amount::Share(self.0).fmt(f)
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> Self {
        percent.to_string()
    }
}

impl TryFrom<String> for Percent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The sizes of waves: `10%` or `25` each, `5,10,50%` one after the other with the last one
/// repeated, `x2:1` doubled from 1 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waves(pub WaveSizes);

impl FromStr for Waves {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let amount = |part: &str| {
            part.trim().parse::<Amount>().map_err(|_| {
                format!(
                    "{text:?} is no size of waves: write 10%, 5,10,50%, or x2:1 to double from 1"
                )
            })
        };
        if let Some(first) = text.strip_prefix("x2:") {
            return amount(first).map(|first| Self(WaveSizes::Doubling(first)));
        }
        let sizes: Vec<Amount> = text.split(',').map(amount).collect::<Result<_, _>>()?;
        Ok(Self(match sizes.as_slice() {
            [size] => WaveSizes::Each(*size),
            _ => WaveSizes::Listed(sizes),
        }))
    }
}

impl fmt::Display for Waves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            WaveSizes::One => f.write_str("100%"),
            WaveSizes::Each(size) => size.fmt(f),
            WaveSizes::Doubling(first) => write!(f, "x2:{first}"),
            WaveSizes::Listed(sizes) => {
                let sizes: Vec<_> = sizes.iter().map(Amount::to_string).collect();
                f.write_str(&sizes.join(","))
            }
        }
    }
}

/// What happens between two waves: a span, or `resume`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// The next one begins after this long.
    For(Span),
    /// A person lets it go on.
    Resume,
}

impl FromStr for Between {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "resume" {
            return Ok(Self::Resume);
        }
        text.parse()
            .map(Self::For)
            .map_err(|_| format!("{text:?} is neither a span such as 5m, nor resume"))
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(span) => span.fmt(f),
            Self::Resume => f.write_str("resume"),
        }
    }
}

impl From<Between> for Pause {
    fn from(between: Between) -> Self {
        match between {
            Between::For(span) => Self::For(span.millis()),
            Between::Resume => Self::UntilResumed,
        }
    }
}

/// What happens to targets that cannot be reached: `skip`, `wait:SPAN` or `require`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhenOffline(pub Offline);

impl FromStr for WhenOffline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wait = text.strip_prefix("wait:").map(str::parse::<Span>);
        match (text, wait) {
            ("skip", _) => Ok(Self(Offline::Skip)),
            ("require", _) => Ok(Self(Offline::Require)),
            (_, Some(Ok(span))) => Ok(Self(Offline::Wait(span.millis()))),
            (_, Some(Err(why))) => Err(why),
            (_, None) => Err(format!("{text:?} is none of skip, wait:SPAN, require")),
        }
    }
}

impl fmt::Display for WhenOffline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Offline::Skip => f.write_str("skip"),
            Offline::Wait(millis) => write!(f, "wait:{}", Span::of(millis)),
            Offline::Require => f.write_str("require"),
        }
    }
}

/// A word of a closed set of the model, with `-` and `_` read alike.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident of $model:ident: $($word:literal => $value:ident),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub $model);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text.replace('-', "_").as_str() {
                    $($word => Ok(Self($model::$value)),)+
                    _ => Err(format!("{text:?} is none of {}", [$($word),+].join(", "))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self.0 {
                    $($model::$value => $word,)+
                })
            }
        }
    };
}

word! {
    /// What happens when a budget is overspent.
    TripWord of OnTrip: "stop" => Stop, "pause" => Pause, "undo" => Undo
}
word! {
    /// The order of targets.
    OrderWord of Order: "name" => Name, "reverse" => Reverse, "random" => Random
}
word! {
    /// An end that may be tried again.
    RetryWord of Retryable:
        "failed" => Failed,
        "timed_out" => TimedOut,
        "refused" => Refused,
        "interrupted" => Interrupted,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::tests::{misread, reads_back};

    #[test]
    fn every_word_reads_back() {
        reads_back::<Span>(&[
            ("90s", "1m 30s"),
            ("1h30m", "1h 30m"),
            ("250ms", "250ms"),
            ("0s", "0s"),
        ]);
        misread::<Span>(&["", "5", "-1s", "soon", "5 parsecs"]);
        reads_back::<Percent>(&[("95%", "95%"), ("99.5%", "99.5%"), ("0%", "0%")]);
        misread::<Percent>(&["95", "101%", ""]);
        reads_back::<Waves>(&[
            ("10%", "10%"),
            ("5,10, 50%", "5,10,50%"),
            ("x2:1", "x2:1"),
            ("x2:2.5%", "x2:2.5%"),
        ]);
        misread::<Waves>(&["", "x3:1", "x2:", "five", "5,,6"]);
        reads_back::<Between>(&[("5m", "5m"), ("resume", "resume")]);
        misread::<Between>(&["", "resumed", "5"]);
        reads_back::<WhenOffline>(&[
            ("skip", "skip"),
            ("wait:90s", "wait:1m 30s"),
            ("require", "require"),
        ]);
        misread::<WhenOffline>(&["", "wait", "no"]);
        assert!("wait:".parse::<WhenOffline>().is_err());
        reads_back::<TripWord>(&[("stop", "stop"), ("pause", "pause"), ("undo", "undo")]);
        reads_back::<OrderWord>(&[("name", "name"), ("reverse", "reverse"), ("random", "random")]);
        reads_back::<RetryWord>(&[("timed-out", "timed_out"), ("timed_out", "timed_out")]);
        misread::<RetryWord>(&["succeeded", ""]);
    }

    proptest! {
        #[test]
        fn any_text_is_a_word_or_an_error(text: String) {
            let _ = text.parse::<Span>();
            let _ = text.parse::<Waves>();
            let _ = text.parse::<Between>();
            let _ = text.parse::<WhenOffline>();
        }

        #[test]
        fn a_span_loses_nothing(millis in 0u64..1 << 50) {
            prop_assert_eq!(Span::of(millis).to_string().parse(), Ok(Span::of(millis)));
        }
    }
}
