//! Conditions of rules on what is known of a resource.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::facts::Facts;
use super::glob::Glob;

/// Names of facts and what they may be. All must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Conditions(BTreeMap<String, Patterns>);

/// One pattern, or several of which one is enough. A pattern that begins with `!` must not fit, and
/// also holds where the fact is absent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Patterns {
    One(Pattern),
    Any(Vec<Pattern>),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Pattern {
    not: bool,
    glob: Glob,
}

impl Conditions {
    pub(super) fn hold(&self, facts: &Facts<'_>) -> bool {
        self.0.iter().all(|(name, patterns)| patterns.hold(name, facts))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Patterns {
    fn hold(&self, name: &str, facts: &Facts<'_>) -> bool {
        let all = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Any(all) => all.as_slice(),
        };
        let fits =
            |pattern: &Pattern| facts.any(name, |text| pattern.glob.matches(text)) == Some(true);
        let refused = all.iter().any(|pattern| pattern.not && fits(pattern));
        let mut wanted = all.iter().filter(|pattern| !pattern.not).peekable();
        !refused && (wanted.peek().is_none() || wanted.any(fits))
    }
}

impl TryFrom<String> for Pattern {
    type Error = tamer_model::Problem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.strip_prefix('!') {
            Some(rest) => Ok(Self { not: true, glob: rest.parse()? }),
            None => Ok(Self { not: false, glob: text.parse()? }),
        }
    }
}
