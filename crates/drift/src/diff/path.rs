//! Where in a resource a field is.

use std::fmt;

use serde::{Deserialize, Serialize};
use tamer_model::Problem;

/// Where in a resource a field is. As text, a property is its name (`version`), what lies in it
/// follows: `.key` of a map, or `[key]` where the key is more than letters, digits, `_` and `-`;
/// `#2` is the third of a list; `{member}` is a member of a set. What is no property begins with
/// `@`: `@name`, `@tags.env`, `@parent`. In `[…]` and `{…}` a backslash stands before `]`, `}`
/// and itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Path {
    /// Which part of the resource.
    pub root: Root,
    /// The way from there. Of properties and tags the first is a key.
    pub parts: Vec<Part>,
}

/// The parts of a resource that may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// What is known of it.
    Properties,
    /// What people call it.
    Name,
    /// Marks that people or programs gave it.
    Tags,
    /// When it was made.
    Created,
    /// When it was last changed.
    Updated,
    /// What it cannot be without.
    DependsOn,
    /// What it is a part of.
    Parent,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The value of this key of a map.
    Key(String),
    /// The value at this place of a list, from zero.
    Index(u32),
    /// The member of a set that reads so; one that is no plain value is named by its digest.
    Member(String),
}

impl Path {
    /// The path of a property.
    pub fn property(name: impl Into<String>) -> Self {
        Self { root: Root::Properties, parts: vec![Part::Key(name.into())] }
    }

    /// Whether a resource can have it.
    pub(crate) fn is_valid(&self) -> bool {
        self.root.allows(&self.parts)
    }

    /// Whether the other path is this one or lies in it.
    pub fn holds(&self, other: &Self) -> bool {
        self.root == other.root && other.parts.starts_with(&self.parts)
    }
}

impl Root {
    pub(crate) const ALL: [Self; 7] = [
        Self::Properties,
        Self::Name,
        Self::Tags,
        Self::Created,
        Self::Updated,
        Self::DependsOn,
        Self::Parent,
    ];

    /// As it stands before the parts of a path.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Properties => "",
            Self::Name => "@name",
            Self::Tags => "@tags",
            Self::Created => "@created",
            Self::Updated => "@updated",
            Self::DependsOn => "@depends_on",
            Self::Parent => "@parent",
        }
    }

    /// Whether a path that begins here may go on so.
    pub(super) fn allows(self, parts: &[Part]) -> bool {
        match self {
            Self::Properties => matches!(parts.first(), Some(Part::Key(_))),
            Self::Tags => matches!(parts, [Part::Key(_)]),
            Self::DependsOn => matches!(parts, [Part::Member(_)]),
            Self::Name | Self::Created | Self::Updated | Self::Parent => parts.is_empty(),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.as_str())?;
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Key(key) if is_plain(key) => {
                    let dot = if at == 0 && self.root == Root::Properties { "" } else { "." };
                    write!(f, "{dot}{key}")?;
                }
                Part::Key(key) => escaped(f, '[', key, ']')?,
                Part::Index(index) => write!(f, "#{index}")?,
                Part::Member(member) => escaped(f, '{', member, '}')?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_plain_char)
}

pub(super) fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn escaped(f: &mut fmt::Formatter<'_>, open: char, text: &str, close: char) -> fmt::Result {
    write!(f, "{open}")?;
    for c in text.chars() {
        if c == close || c == '\\' {
            write!(f, "\\")?;
        }
        write!(f, "{c}")?;
    }
    write!(f, "{close}")
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}

impl TryFrom<String> for Path {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}
