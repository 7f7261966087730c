//! Sizes as people write them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, written as `64MiB`, `1 GiB` or `65536`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(u64);

/// A text that is no size.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no size")]
pub struct NoSize {
    text: String,
}

/// The units, the largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

impl Size {
    /// So many bytes.
    pub const fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = NoSize;

    fn from_str(text: &str) -> Result<Self, NoSize> {
        let parse = |(unit, bytes): &(&str, u64)| {
            let number: u64 = text.trim().strip_suffix(unit)?.trim_end().parse().ok()?;
            number.checked_mul(*bytes)
        };
        let size = UNITS.iter().find_map(parse).map(Self);
        size.ok_or_else(|| NoSize { text: text.to_owned() })
    }
}

/// The largest unit that is exact.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, bytes)| self.0 != 0 && self.0.is_multiple_of(*bytes));
        match exact {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [("0", 0), ("7", 7), ("64MiB", 64 << 20), (" 1 GiB ", 1 << 30)] {
            let size: Size = text.parse().expect(text);
            assert_eq!(size.bytes(), bytes);
            assert_eq!(size.to_string(), text.replace(' ', ""));
        }
        for text in ["", "MiB", "1.5GiB", "-1", "1MB", "99999999999GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
