//! Values of flags and files that are no words of a rollout: sizes, modes, batches and their ends.

use std::fmt;
use std::str::FromStr;

use tamer_model::{BatchId, EndKind, Problem};

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::tests::{misread, reads_back};

    #[test]
    fn batches_modes_and_sizes_read_back() {
        let id = "b-0123456789abcdef";
        reads_back::<BatchRef>(&[("last", "last"), (id, id)]);
        misread::<BatchRef>(&["", "first", "b-1"]);
        reads_back::<EndsOf>(&[("last:failed,timed-out", "last:failed,timed_out")]);
        misread::<EndsOf>(&["", "last"]);
        assert!("last:".parse::<EndsOf>().is_err() && "x:failed".parse::<EndsOf>().is_err());
        reads_back::<Mode>(&[("644", "0644"), ("0755", "0755"), ("4755", "4755")]);
        misread::<Mode>(&["", "9", "+7", "17777", "u+x"]);
        reads_back::<Bytes>(&[("64M", "67108864"), ("7", "7")]);
        assert!("-1".parse::<Bytes>().is_err() && "99999999T".parse::<Bytes>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text: String) {
            let _ = text.parse::<EndsOf>();
            let _ = text.parse::<Mode>();
            let _ = text.parse::<Bytes>();
        }
    }
}
