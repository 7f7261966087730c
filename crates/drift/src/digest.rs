//! The name of a content.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use tamer_model::Problem;

/// The name of a content: its blake3 in keyed mode, under a public key that says what sort of
/// content it is. As text 64 hex digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

/// What sort of content a digest names. Bytes of one sort never pass for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain(&'static [u8; 32]);

impl Domain {
    /// One resource alone.
    pub const RESOURCE: Self = Self(b"tamer drift, a resource,     v.1");
    /// A node of the tree of a host's resources.
    pub const HOST: Self = Self(b"tamer drift, a host's node,  v.1");
    /// A node of the tree of a fleet's hosts.
    pub const FLEET: Self = Self(b"tamer drift, a fleet's node, v.1");
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(domain: Domain, bytes: &[u8]) -> Self {
        Self(*blake3::keyed_hash(domain.0, bytes).as_bytes())
    }

    /// The digest whose bytes these are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| {
            let text: String = text.chars().take(64).collect();
            Problem::field("digest", format!("{text:?} is no digest"))
                .remedy("write its 64 hex digits in lower case")
        })
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}
