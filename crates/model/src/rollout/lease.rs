//! Leases: named places that batches share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{LeaseName, Problem};

/// The most leases that one batch takes.
pub const MAX_LEASES: usize = 8;
const MAX_PLACES: u32 = 1_000_000;

/// A semaphore of the whole fleet: of all batches that name it, no more than so many tasks are in
/// flight at once. A task holds its place from the moment it is written down that it goes out until
/// its end is known, however silent its host is.
///
/// Each batch says how many places there are. Where two differ, each keeps to its own number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Lease {
    /// Its name.
    pub name: LeaseName,
    /// How many places it has.
    pub places: u32,
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.places)
    }
}

impl FromStr for Lease {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let bad = |what: String| {
            Problem::field("lease", what).remedy("write NAME:PLACES, such as db-restart:2")
        };
        let (name, places) = text.rsplit_once(':').unwrap_or((text, "1"));
        let name = name.parse().map_err(|error: crate::InvalidName| bad(error.to_string()))?;
        match places.parse() {
            Ok(places @ 1..=MAX_PLACES) => Ok(Self { name, places }),
            _ => Err(bad(format!("a lease has between 1 and {MAX_PLACES} places"))),
        }
    }
}

impl From<Lease> for String {
    fn from(lease: Lease) -> Self {
        lease.to_string()
    }
}

impl TryFrom<String> for Lease {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read() {
        let lease: Lease = "db-restart:2".parse().expect("a lease");
        assert_eq!((lease.name.as_str(), lease.places), ("db-restart", 2));
        assert_eq!(lease.to_string().parse(), Ok(lease));
        assert_eq!("db".parse::<Lease>().expect("one place").places, 1);
        for bad in ["", ":", "a:0", "a:x", "a b:1", "a:-1", "a:9999999999"] {
            assert!(bad.parse::<Lease>().is_err(), "{bad:?}");
        }
    }
}
