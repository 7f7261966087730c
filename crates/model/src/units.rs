//! Spans of time, sizes and shares of processors, as people write them in files.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time: `250ms`, `90s`, `5m`, `1h30m`, `2d`. At most a hundred years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

/// A number of bytes: `512MiB`, `2GiB`, `1.5GB`, `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(u64);

/// Processor time: `2` processors, `0.5` of one, `250m` thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cpu(u64);

/// A text that is not of the unit it should be of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: write {like}")]
pub struct InvalidUnit {
    what: &'static str,
    like: &'static str,
    text: String,
}

const LONGEST: u64 = 100 * 365 * 24 * 3_600_000;
const SPANS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const BINARY: [(&str, u64); 4] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
const DECIMAL: [(&str, u64); 4] =
    [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];

impl Span {
    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis > LONGEST { LONGEST } else { millis })
    }

    /// So many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// As the standard library's.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Cpu {
    /// So many thousandths of a processor.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// In thousandths of a processor.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.pad("0s");
        }
        let mut left = self.0;
        let mut text = String::new();
        for (unit, millis) in SPANS {
            if left >= millis {
                text += &format!("{}{unit}", left / millis);
                left %= millis;
            }
        }
        f.pad(&text)
    }
}

impl FromStr for Span {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit::new("span of time", "90s, 5m or 1h30m", text);
        let mut rest = text.trim();
        let (mut total, mut least) = (0u64, u64::MAX);
        if rest.is_empty() {
            return Err(invalid());
        }
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let (_, millis) =
                SPANS.into_iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
            // Each unit once, the larger ones first.
            if millis >= least {
                return Err(invalid());
            }
            let number: u64 = number.parse().map_err(|_| invalid())?;
            let part = number.checked_mul(millis).ok_or_else(invalid)?;
            total =
                total.checked_add(part).filter(|total| *total <= LONGEST).ok_or_else(invalid)?;
            (least, rest) = (millis, tail);
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, bytes): &(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*bytes);
        match BINARY.into_iter().find(whole) {
            Some((unit, bytes)) => f.pad(&format!("{}{unit}", self.0 / bytes)),
            None => f.pad(&format!("{}B", self.0)),
        }
    }
}

impl FromStr for Size {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit::new("size", "512MiB, 2GiB or a number of bytes", text);
        let trimmed = text.trim();
        let units = BINARY.into_iter().chain(DECIMAL).chain([("B", 1), ("", 1)]);
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        let number = trimmed.trim_end_matches(|c: char| !digits(c));
        let unit = trimmed[number.len()..].trim();
        let (_, bytes) = units.into_iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        scaled(number, bytes).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_multiple_of(1000) {
            true => f.pad(&format!("{}", self.0 / 1000)),
            false => f.pad(&format!("{}m", self.0)),
        }
    }
}

impl FromStr for Cpu {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit::new("number of processors", "2, 0.5 or 250m", text);
        match text.trim().strip_suffix('m') {
            Some(millis) => millis.parse().ok(),
            None => scaled(text.trim(), 1000),
        }
        .map(Self)
        .ok_or_else(invalid)
    }
}

/// A decimal number times `unit`, if that is a whole number.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 9 {
        return None;
    }
    let tenth = 10u128.pow(part.len() as u32);
    let parts = part.parse::<u128>().unwrap_or_default() * u128::from(unit);
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    if !parts.is_multiple_of(tenth) {
        return None;
    }
    whole.checked_add(u64::try_from(parts / tenth).ok()?)
}

impl InvalidUnit {
    fn new(what: &'static str, like: &'static str, text: &str) -> Self {
        Self { what, like, text: text.chars().take(64).collect() }
    }
}

/// Written as text; read from text, or from a number where that has one meaning.
macro_rules! serde_text {
    ($name:ident, $expecting:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }

                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }

                    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }
    };
}

serde_text!(Span, "a span of time such as \"5m\"");
serde_text!(Size, "a size such as \"512MiB\"");
serde_text!(Cpu, "a number of processors such as 0.5 or \"250m\"");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_read_as_people_write_them() {
        let span = |text: &str| text.parse::<Span>().map(Span::as_millis).ok();
        assert_eq!(span("1h30m"), Some(5_400_000));
        assert_eq!(span("250ms"), Some(250));
        for bad in ["", "5", "m", "5m1h", "5m5m", "-5s", "1.5h", "99999999d", "5 m x"] {
            assert_eq!(span(bad), None, "{bad:?}");
        }
        let size = |text: &str| text.parse::<Size>().map(Size::bytes).ok();
        assert_eq!(size("1.5GiB"), Some(3 << 29));
        assert_eq!(size("2 MB"), Some(2_000_000));
        assert_eq!(size("4096"), Some(4096));
        for bad in ["", "MiB", "1.0001kB.", "1,5GiB", "1XB", "99999999TiB", "0.3B"] {
            assert_eq!(size(bad), None, "{bad:?}");
        }
        let cpu = |text: &str| text.parse::<Cpu>().map(Cpu::millis).ok();
        assert_eq!((cpu("0.5"), cpu("2"), cpu("250m")), (Some(500), Some(2000), Some(250)));
        for bad in ["", "m", "0.0001", "-1", "1e3"] {
            assert_eq!(cpu(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_number_is_read_where_it_has_one_meaning() {
        assert_eq!(serde_json::from_str::<Cpu>("0.5").ok(), Some(Cpu(500)));
        assert_eq!(serde_json::from_str::<Size>("4096").ok(), Some(Size(4096)));
        assert!(serde_json::from_str::<Span>("5").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 0..=LONGEST) {
            let (span, size, cpu) = (Span(number), Size(number), Cpu(number));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
            prop_assert_eq!(size.to_string().parse(), Ok(size));
            prop_assert_eq!(cpu.to_string().parse(), Ok(cpu));
        }

        #[test]
        fn any_text_is_a_unit_or_an_error(text: String) {
            let _ = (text.parse::<Span>(), text.parse::<Size>(), text.parse::<Cpu>());
        }
    }
}
