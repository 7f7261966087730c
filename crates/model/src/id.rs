//! Ids: a letter that says what they name, a dash, and eighty bits as sixteen base-32 characters.
//!
//! The alphabet is Crockford's without the letters i, l, o and u, in lower case, so an id survives
//! being read aloud, and ids sort as their bytes do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARS: usize = 16;

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a {kind} id: expected `{prefix}-` and 16 characters of 0-9 a-z without i, l, o, u"
)]
pub struct InvalidId {
    /// What the id should have named.
    pub kind: &'static str,
    /// The letter it should have begun with.
    pub prefix: char,
    /// The text as given, cut at 64 characters.
    pub text: String,
}

fn encode(bytes: [u8; 10]) -> [u8; CHARS] {
    let mut wide = [0u8; 16];
    wide[6..].copy_from_slice(&bytes);
    let value = u128::from_be_bytes(wide);
    std::array::from_fn(|at| ALPHABET[((value >> (5 * (CHARS - 1 - at))) & 31) as usize])
}

fn decode(text: &[u8]) -> Option<[u8; 10]> {
    if text.len() != CHARS {
        return None;
    }
    let value = text.iter().try_fold(0u128, |value, c| {
        let digit = ALPHABET.iter().position(|a| a == c)?;
        Some((value << 5) | digit as u128)
    })?;
    value.to_be_bytes()[6..].try_into().ok()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name([u8; 10]);

        impl $name {
            /// Makes an id of ten bytes that the caller drew at random.
            pub const fn from_bytes(bytes: [u8; 10]) -> Self {
                Self(bytes)
            }

            /// The ten bytes.
            pub const fn as_bytes(&self) -> &[u8; 10] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let digits = encode(self.0);
                let digits = std::str::from_utf8(&digits).map_err(|_| fmt::Error)?;
                f.pad(&format!("{}-{digits}", $prefix))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .and_then(|digits| decode(digits.as_bytes()))
                    .map(Self)
                    .ok_or_else(|| InvalidId {
                        kind: $kind,
                        prefix: $prefix,
                        text: text.chars().take(64).collect(),
                    })
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
    };
}

id!(
    /// A fleet: everything one certificate authority vouches for.
    FleetId, "fleet", 'f'
);
id!(
    /// A host: one enrolled agent.
    HostId, "host", 'h'
);
id!(
    /// An instance: made of its host's id, its provider and what the technology calls it, so it is
    /// the same wherever it is worked out.
    InstanceId, "instance", 'i'
);
id!(
    /// A coordinator.
    CoordinatorId, "coordinator", 'c'
);
id!(
    /// A join token.
    TokenId, "token", 't'
);
id!(
    /// A batch; ids sort by the time the batch was made.
    BatchId, "batch", 'b'
);
id!(
    /// One life of an agent's journal. A host that comes back with another journal has lost its
    /// memory of what it had started.
    JournalId, "journal", 'j'
);

id!(
    /// A placement; ids sort by the time the placement was made.
    PlacementId, "placement", 'p'
);

id!(
    /// A finding of drift: made of what it says, so the same drift has the same id at every look.
    FindingId, "finding", 'd'
);

id!(
    /// A snapshot; ids sort by the time the snapshot was taken.
    SnapshotId, "snapshot", 's'
);

impl SnapshotId {
    /// Makes an id from the time in milliseconds since the Unix epoch and four random bytes.
    pub fn at(millis: u64, random: [u8; 4]) -> Self {
        Self(BatchId::at(millis, random).0)
    }
}

impl PlacementId {
    /// Makes an id from the time in milliseconds since the Unix epoch and four random bytes.
    pub fn at(millis: u64, random: [u8; 4]) -> Self {
        Self(BatchId::at(millis, random).0)
    }
}

impl BatchId {
    /// Makes an id from the time in milliseconds since the Unix epoch and four random bytes.
    pub fn at(millis: u64, random: [u8; 4]) -> Self {
        let mut bytes = [0; 10];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        Self(bytes)
    }

    /// When the batch was made, as its id tells.
    pub fn created_at(&self) -> crate::Timestamp {
        let millis = self.0[..6].iter().fold(0, |millis, byte| (millis << 8) | u64::from(*byte));
        crate::Timestamp::from_millis(millis)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_and_bytes_agree(bytes: [u8; 10]) {
            let id = HostId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<HostId>(), Ok(id));
        }

        #[test]
        fn order_of_text_is_order_of_bytes(a: [u8; 10], b: [u8; 10]) {
            let (a, b) = (BatchId::from_bytes(a), BatchId::from_bytes(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn a_batch_knows_when_it_was_made(millis in 0u64..1 << 48, random: [u8; 4]) {
            prop_assert_eq!(BatchId::at(millis, random).created_at().as_millis(), millis);
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text: String) {
            if let Ok(id) = text.parse::<TokenId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn kinds_do_not_mix() {
        let host = HostId::from_bytes([7; 10]).to_string();
        assert!(host.parse::<BatchId>().is_err());
    }
}
