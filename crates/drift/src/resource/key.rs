//! What a resource is called on its host, for ever.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tamer_model::{Problem, ProviderName};

use super::Kind;

/// The most bytes of a [`ResourceKey`]'s id.
pub const MAX_ID_BYTES: usize = 512;

/// Who tells of a resource: `host`, or a provider's name. 1 to 32 of a-z 0-9 -, beginning with a
/// letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Source(String);

impl Source {
    /// The most bytes of a source's name.
    pub const MAX_BYTES: usize = 32;

    /// The operating system itself.
    pub fn host() -> Self {
        Self("host".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&ProviderName> for Source {
    fn from(name: &ProviderName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.0
    }
}

impl TryFrom<String> for Source {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.len() <= Self::MAX_BYTES
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(fits)
        {
            return Ok(Self(text));
        }
        let text: String = text.chars().take(64).collect();
        Err(Problem::field("source", format!("{text:?} is not a source")).remedy(
            "use `host` or a provider's name: 1 to 32 of a-z 0-9 -, beginning with a letter",
        ))
    }
}

impl FromStr for Source {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::try_from(text.to_owned())
    }
}

/// What a resource is called on its host, for ever. As text `kind/source/id`, in that order too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ResourceKey {
    kind: Kind,
    source: Source,
    id: String,
}

impl ResourceKey {
    /// A key of a source, a kind and an id that never changes: a package's name and architecture,
    /// a container's id, a file's path. An id is 1 to [`MAX_ID_BYTES`] bytes.
    pub fn new(source: Source, kind: Kind, id: impl Into<String>) -> Result<Self, Problem> {
        let id = id.into();
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            let seen: String = id.chars().take(64).collect();
            let message = format!("the id {seen:?} of a {kind} has {} bytes", id.len());
            return Err(Problem::field("id", message)
                .remedy(format!("use an id of 1 to {MAX_ID_BYTES} bytes")));
        }
        Ok(Self { kind, source, id })
    }

    /// What sort of thing it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Who tells of it.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// What its source calls it.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.source, self.id)
    }
}

impl fmt::Debug for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl FromStr for ResourceKey {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let mut parts = text.splitn(3, '/');
        let (Some(kind), Some(source), Some(id)) = (parts.next(), parts.next(), parts.next())
        else {
            let text: String = text.chars().take(64).collect();
            return Err(Problem::field("resource", format!("{text:?} names no resource"))
                .remedy("write KIND/SOURCE/ID, such as package/host/openssl"));
        };
        Self::new(source.parse()?, kind.parse()?, id)
    }
}

impl From<ResourceKey> for String {
    fn from(key: ResourceKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for ResourceKey {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}
