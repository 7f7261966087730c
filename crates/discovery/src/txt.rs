//! What a coordinator says about itself in its TXT record (RFC 6763 §6). Pure.
//!
//! | key | value |
//! | --- | --- |
//! | `fleet` | the fleet's id |
//! | `ca` | SHA-256 of the CA certificate |
//! | `id` | the coordinator's id |
//! | `v` | the major version of the wire protocol |
//! | `ver` | the program's version; optional |

use std::str::FromStr;

use tamer_model::{CoordinatorId, Fingerprint, FleetId};

/// The most characters of a program version.
const MAX_VERSION: usize = 64;

/// A coordinator's TXT record. From the network it is a claim, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txt {
    /// The fleet.
    pub fleet: FleetId,
    /// SHA-256 of the fleet's CA certificate.
    pub ca: Fingerprint,
    /// Which coordinator of the fleet.
    pub coordinator: CoordinatorId,
    /// The major version of the wire protocol that it speaks.
    pub wire_version: u32,
    /// The program's version, for people.
    pub program_version: Option<String>,
}

/// A TXT record that is not a coordinator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TxtError {
    /// A key is not there.
    #[error("the TXT record has no `{0}`")]
    Missing(&'static str),
    /// A value is not what its key says.
    #[error("the `{0}` of the TXT record cannot be read")]
    Invalid(&'static str),
}

impl Txt {
    /// The record's keys and values.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("fleet", self.fleet.to_string()),
            ("ca", self.ca.to_string()),
            ("id", self.coordinator.to_string()),
            ("v", self.wire_version.to_string()),
        ];
        pairs.extend(self.program_version.clone().map(|version| ("ver", version)));
        pairs
    }

    /// Reads a record through `get`, which gives the value of a key. Keys that are not ours do not
    /// matter: later versions may say more.
    pub fn from_values<'a>(get: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, TxtError> {
        let version = |bytes| std::str::from_utf8(bytes).ok().filter(|text| is_version(text));
        Ok(Self {
            fleet: value(&get, "fleet")?,
            ca: value(&get, "ca")?,
            coordinator: value(&get, "id")?,
            wire_version: value(&get, "v")?,
            program_version: get("ver").and_then(version).map(str::to_owned),
        })
    }
}

fn value<'a, T: FromStr>(
    get: &impl Fn(&str) -> Option<&'a [u8]>,
    key: &'static str,
) -> Result<T, TxtError> {
    let bytes = get(key).ok_or(TxtError::Missing(key))?;
    let text = std::str::from_utf8(bytes).map_err(|_| TxtError::Invalid(key))?;
    text.parse().map_err(|_| TxtError::Invalid(key))
}

/// Printed on terminals, so nothing but plain characters.
fn is_version(text: &str) -> bool {
    text.len() <= MAX_VERSION && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn example() -> Txt {
        Txt {
            fleet: FleetId::from_bytes([1; 10]),
            ca: Fingerprint::from_bytes([2; 32]),
            coordinator: CoordinatorId::from_bytes([3; 10]),
            wire_version: 1,
            program_version: Some("0.1.0".to_owned()),
        }
    }

    fn read(pairs: &BTreeMap<&str, Vec<u8>>) -> Result<Txt, TxtError> {
        Txt::from_values(|key| pairs.get(key).map(Vec::as_slice))
    }

    fn pairs() -> BTreeMap<&'static str, Vec<u8>> {
        example().to_pairs().into_iter().map(|(key, value)| (key, value.into_bytes())).collect()
    }

    #[test]
    fn what_is_said_is_read() {
        assert_eq!(read(&pairs()), Ok(example()));
        let silent = Txt { program_version: None, ..example() };
        let pairs = silent.to_pairs();
        let get = |key: &str| pairs.iter().find(|pair| pair.0 == key).map(|pair| pair.1.as_bytes());
        assert_eq!(Txt::from_values(get), Ok(silent));
    }

    #[test]
    fn a_string_of_a_record_fits_its_length_byte() {
        assert!(example().to_pairs().iter().all(|(key, value)| key.len() + value.len() < 255));
    }

    #[test]
    fn strangers_are_told_apart() {
        for key in ["fleet", "ca", "id", "v"] {
            let mut missing = pairs();
            missing.remove(key);
            assert_eq!(read(&missing), Err(TxtError::Missing(key)));
            for rubbish in [&b""[..], b"\xff\xfe", b"-1", b"sha256:00", &[b'x'; 255]] {
                let mut wrong = pairs();
                wrong.insert(key, rubbish.to_vec());
                assert_eq!(read(&wrong), Err(TxtError::Invalid(key)));
            }
        }
    }

    #[test]
    fn a_version_that_would_play_with_the_terminal_is_left_out() {
        for version in [&b"\x1b[2J"[..], b"\xff", &[b'1'; 65], b"1 2"] {
            let mut pairs = pairs();
            pairs.insert("ver", version.to_vec());
            assert_eq!(read(&pairs).expect("a record").program_version, None);
        }
    }
}
