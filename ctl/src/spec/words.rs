//! The words of flags and files, each with one way to read it and one to write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tamer_model::{
    Amount, BatchId, EndKind, Offline, OnTrip, Order, Pause, Problem, Retryable, WaveSizes,
};

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

/// So many bytes, as people write them: `512M`, `2G`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        size(text).map(Self)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads a size in bytes: a whole number, and K, M, G or T for powers of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let bad = || "write a size in bytes, as 512M or 2G (powers of 1024)".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    let number: u64 = plain.then(|| digits.parse().ok()).flatten().ok_or_else(bad)?;
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(bad()),
    };
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text} is more than any machine has"))
}

/// Permissions, as `chmod` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let octal = !text.is_empty() && text.chars().all(|c| c.is_digit(8));
        match octal.then(|| u32::from_str_radix(text, 8)) {
            Some(Ok(mode @ 0..=0o7777)) => Ok(Self(mode)),
            Some(_) | None => Err(format!("{text:?} is no mode: write it in octal, as 0644")),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// A batch by its id, or `last` for the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchRef {
    /// The newest.
    Last,
    /// This one.
    Id(BatchId),
}

impl FromStr for BatchRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            id => id.parse().map(Self::Id).map_err(|_| {
                format!("{text:?} is no batch: give an id of `tamerctl batch ls`, or last")
            }),
        }
    }
}

impl fmt::Display for BatchRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => f.write_str("last"),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// Ends of an earlier batch: `BATCH:END,END`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndsOf {
    /// Which batch.
    pub batch: BatchRef,
    /// Which ends.
    pub ends: Vec<EndKind>,
}

impl FromStr for EndsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (batch, ends) = text
            .split_once(':')
            .ok_or_else(|| format!("{text:?} names no end: write BATCH:failed,timed-out"))?;
        let ends = ends.split(',').map(end).collect::<Result<_, _>>()?;
        Ok(Self { batch: batch.parse()?, ends })
    }
}

impl fmt::Display for EndsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends: Vec<_> = self.ends.iter().map(|end| end.as_str()).collect();
        write!(f, "{}:{}", self.batch, ends.join(","))
    }
}

/// Reads an end of a task, with `-` and `_` alike.
pub fn end(text: &str) -> Result<EndKind, String> {
    let words = || EndKind::ALL.map(EndKind::as_str).join(", ");
    text.replace('-', "_")
        .parse()
        .map_err(|_: Problem| format!("{text:?} is no end of a task: use {}", words()))
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

    #[track_caller]
    fn reads_back<T: FromStr<Err = String> + fmt::Display>(texts: &[(&str, &str)]) {
        for (text, shown) in texts {
            let read = text.parse::<T>().unwrap_or_else(|why| panic!("{text:?}: {why}"));
            assert_eq!(read.to_string(), *shown, "{text:?}");
            assert_eq!(
                read.to_string().parse::<T>().map(|again| again.to_string()),
                Ok(read.to_string())
            );
        }
    }

    #[track_caller]
    fn refused<T: FromStr<Err = String> + fmt::Debug>(texts: &[&str]) {
        for text in texts {
            let why = text.parse::<T>().expect_err(text);
            assert!(why.starts_with(&format!("{text:?} ")), "{why}");
        }
    }

    #[test]
    fn every_word_reads_back() {
        reads_back::<Span>(&[
            ("90s", "1m 30s"),
            ("1h30m", "1h 30m"),
            ("250ms", "250ms"),
            ("0s", "0s"),
        ]);
        refused::<Span>(&["", "5", "-1s", "soon", "5 parsecs"]);
        reads_back::<Percent>(&[("95%", "95%"), ("99.5%", "99.5%"), ("0%", "0%")]);
        refused::<Percent>(&["95", "101%", ""]);
        reads_back::<Waves>(&[
            ("10%", "10%"),
            ("5,10, 50%", "5,10,50%"),
            ("x2:1", "x2:1"),
            ("x2:2.5%", "x2:2.5%"),
        ]);
        refused::<Waves>(&["", "x3:1", "x2:", "five", "5,,6"]);
        reads_back::<Between>(&[("5m", "5m"), ("resume", "resume")]);
        refused::<Between>(&["", "resumed", "5"]);
        reads_back::<WhenOffline>(&[
            ("skip", "skip"),
            ("wait:90s", "wait:1m 30s"),
            ("require", "require"),
        ]);
        refused::<WhenOffline>(&["", "wait", "no"]);
        assert!("wait:".parse::<WhenOffline>().is_err());
        reads_back::<TripWord>(&[("stop", "stop"), ("pause", "pause"), ("undo", "undo")]);
        reads_back::<OrderWord>(&[("name", "name"), ("reverse", "reverse"), ("random", "random")]);
        reads_back::<RetryWord>(&[("timed-out", "timed_out"), ("timed_out", "timed_out")]);
        refused::<RetryWord>(&["succeeded", ""]);
    }

    #[test]
    fn batches_modes_and_sizes_read_back() {
        let id = "b-0123456789abcdef";
        reads_back::<BatchRef>(&[("last", "last"), (id, id)]);
        refused::<BatchRef>(&["", "first", "b-1"]);
        reads_back::<EndsOf>(&[("last:failed,timed-out", "last:failed,timed_out")]);
        refused::<EndsOf>(&["", "last"]);
        assert!("last:".parse::<EndsOf>().is_err() && "x:failed".parse::<EndsOf>().is_err());
        reads_back::<Mode>(&[("644", "0644"), ("0755", "0755"), ("4755", "4755")]);
        refused::<Mode>(&["", "9", "+7", "17777", "u+x"]);
        reads_back::<Bytes>(&[("64M", "67108864"), ("7", "7")]);
        assert!("-1".parse::<Bytes>().is_err() && "99999999T".parse::<Bytes>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_word_or_an_error(text: String) {
            let _ = text.parse::<Span>();
            let _ = text.parse::<Waves>();
            let _ = text.parse::<Between>();
            let _ = text.parse::<WhenOffline>();
            let _ = text.parse::<EndsOf>();
            let _ = text.parse::<Mode>();
            let _ = text.parse::<Bytes>();
        }

        #[test]
        fn a_span_loses_nothing(millis in 0u64..1 << 50) {
            prop_assert_eq!(Span::of(millis).to_string().parse(), Ok(Span::of(millis)));
        }
    }
}
