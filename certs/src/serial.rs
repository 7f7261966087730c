//! Serial numbers of certificates.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::crypto;

/// A certificate's serial number: positive, at most 128 bits (RFC 5280 §4.1.2.2 allows 159).
/// Shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Serial(u128);

/// A text or number that is not a serial of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate serial: expected 32 hexadecimal digits, not all zero")]
pub struct InvalidSerial;

impl Serial {
    /// Draws one. The lowest bit is always set, so it is positive; 127 bits are random.
    pub(crate) fn random() -> Self {
        Self(u128::from_be_bytes(crypto::random()) | 1)
    }

    /// Reads a big-endian number; leading zeros do not count.
    pub fn from_be_bytes(bytes: &[u8]) -> Result<Self, InvalidSerial> {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let digits = &bytes[zeros..];
        if digits.is_empty() || digits.len() > 16 {
            return Err(InvalidSerial);
        }
        Ok(Self(digits.iter().fold(0, |value, byte| (value << 8) | u128::from(*byte))))
    }

    /// The number, big-endian.
    pub const fn to_be_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Serial {
    type Err = InvalidSerial;

    fn from_str(text: &str) -> Result<Self, InvalidSerial> {
        if text.len() != 32 || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Err(InvalidSerial);
        }
        let value = u128::from_str_radix(text, 16).map_err(|_| InvalidSerial)?;
        Self::from_be_bytes(&value.to_be_bytes())
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> String {
        serial.to_string()
    }
}

impl TryFrom<String> for Serial {
    type Error = InvalidSerial;

    fn try_from(text: String) -> Result<Self, InvalidSerial> {
        text.parse()
    }
}
