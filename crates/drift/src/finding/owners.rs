//! Who else is known to change things by itself, as data.

use serde::Deserialize;
use tamer_model::{Code, Problem};

use super::condition::Conditions;
use super::facts::Facts;
use super::glob::Glob;
use super::input::HostDrift;
use super::piece::Piece;
use super::words::How;
use crate::resource::{Kind, Resource};

/// The co-owners that are shipped.
const SHIPPED: &str = include_str!("owners.toml");

/// Known co-owners: each with what it changes, and by what one knows it.
#[derive(Debug, Clone)]
pub struct Owners(Vec<Owner>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    pub(super) name: String,
    #[serde(default)]
    kind: Vec<Kind>,
    #[serde(default)]
    change: Vec<How>,
    source: Option<Glob>,
    resource: Option<Glob>,
    /// What the resource is, or was when it is gone.
    #[serde(default, rename = "where")]
    is: Conditions,
    /// What the host must have besides: the job or service of the co-owner.
    has: Option<Has>,
    /// How sure one can be, 0 to 100.
    pub(super) confidence: u8,
    /// By what one knows it, in words.
    pub(super) evidence: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Has {
    kind: Kind,
    resource: Glob,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    owner: Vec<Owner>,
}

impl Owners {
    /// The co-owners that are shipped.
    pub fn shipped() -> Self {
        Self::read(&[SHIPPED]).expect("the shipped co-owners are tested")
    }

    /// The shipped ones and those of a TOML text in the same form.
    pub fn with(text: &str) -> Result<Self, Problem> {
        Self::read(&[SHIPPED, text])
    }

    fn read(texts: &[&str]) -> Result<Self, Problem> {
        let mut all = Vec::new();
        for text in texts {
            let file: File = toml::from_str(text).map_err(|error| {
                Problem::new(Code::ConfigInvalid, format!("co-owners of drift: {error}"))
                    .on("drift.owners")
                    .remedy("write co-owners as docs/drift.md shows them")
            })?;
            all.extend(file.owner);
        }
        Ok(Self(all))
    }

    /// Whether some co-owner is known by this resource: that it is on a host may explain a change of
    /// another one.
    pub fn look_for(&self, resource: &Resource) -> bool {
        self.0.iter().filter_map(|owner| owner.has.as_ref()).any(|has| has.is(resource))
    }

    /// The surest co-owner of a change, and what of the host shows it besides.
    pub(super) fn of<'a>(
        &self,
        piece: &Piece<'_>,
        host: &'a HostDrift,
    ) -> Option<(&Owner, Option<&'a Resource>)> {
        let holds = |owner: &'_ Owner| owner.is_about(piece);
        let known = self.0.iter().filter(|owner| holds(owner));
        let known = known.filter_map(|owner| match &owner.has {
            None => Some((owner, None)),
            Some(has) => has.on(host).map(|held| (owner, Some(held))),
        });
        known.reduce(|best, one| if one.0.confidence > best.0.confidence { one } else { best })
    }
}

impl Owner {
    fn is_about(&self, piece: &Piece<'_>) -> bool {
        let lead = piece.lead();
        let like = |glob: &Glob| glob.matches(lead.key.id()) || glob.matches(&lead.name);
        let facts: &Facts<'_> = piece.facts();
        (self.kind.is_empty() || self.kind.contains(&piece.kind()))
            && (self.change.is_empty() || self.change.contains(&piece.how))
            && self.source.as_ref().is_none_or(|glob| glob.matches(lead.key.source().as_str()))
            && self.resource.as_ref().is_none_or(like)
            && self.is.hold(facts)
    }
}

impl Has {
    fn is(&self, one: &Resource) -> bool {
        one.key.kind() == self.kind
            && (self.resource.matches(one.key.id()) || self.resource.matches(&one.name))
    }

    fn on<'a>(&self, host: &'a HostDrift) -> Option<&'a Resource> {
        host.held.iter().filter(|one| self.is(one)).min_by(|a, b| a.key.cmp(&b.key))
    }
}
