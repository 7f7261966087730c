//! Rules that hide what nobody wants to hear of, and findings that are set aside for a while.

use serde::{Deserialize, Serialize};
use tamer_model::{FindingId, Problem, RuleName, Selector, Timestamp, UserName};

use super::glob::{Glob, PathGlob};
use super::input::HostDrift;
use super::piece::Piece;
use super::rules::fits;
use super::words::{How, OriginWord};
use crate::diff::FieldChange;
use crate::resource::Kind;

/// The longest reason, in bytes.
const MAX_REASON: usize = 1024;

/// Hides changes, or fields of changes, that are all of what it names. A rule with a path hides
/// fields of what changed or was replaced; what came, went or moved it leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Spec", into = "Spec")]
pub struct IgnoreRule {
    /// Its name.
    pub name: RuleName,
    /// Of these kinds; of all, when empty.
    pub kind: Vec<Kind>,
    /// That differ so; in every way, when empty.
    pub change: Vec<How>,
    /// Of sources like this.
    pub source: Option<Glob>,
    /// Resources with an id or a name like this.
    pub resource: Option<Glob>,
    /// Fields with a path like this.
    pub path: Option<PathGlob>,
    /// On these hosts.
    pub hosts: Option<Selector>,
    /// That come from there.
    pub origin: Option<OriginWord>,
    /// Until then; for ever, when absent.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who wanted it.
    pub by: UserName,
}

/// A finding that somebody set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Which.
    pub finding: FindingId,
    /// Until then.
    pub until: Timestamp,
    /// Who did.
    pub by: UserName,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl IgnoreRule {
    /// Whether it has not run out.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether it means the same fields on every host and whatever they come from. Such a rule takes
    /// fields away before findings are made, so that what differs in these alone is one finding.
    pub(super) fn is_everywhere(&self) -> bool {
        self.path.is_some() && self.hosts.is_none() && self.origin.is_none()
    }

    /// Whether it hides this field of the change.
    pub(super) fn hides_field(&self, piece: &Piece<'_>, field: &FieldChange) -> bool {
        let has_fields = matches!(piece.how, How::Changed | How::Replaced);
        has_fields
            && self.path.as_ref().is_some_and(|path| fits(path, field))
            && self.is_about(piece)
    }

    /// Whether it hides the change as a whole.
    pub(super) fn hides_whole(&self, piece: &Piece<'_>) -> bool {
        self.path.is_none() && self.is_about(piece)
    }

    /// Whether it holds on this host, for what comes from there.
    pub(super) fn holds_on(&self, host: &HostDrift, origin: OriginWord) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.matches(host))
            && self.origin.is_none_or(|one| one == origin)
    }

    fn is_about(&self, piece: &Piece<'_>) -> bool {
        let (id, name) = piece.ident();
        let source = piece.lead().key.source().as_str();
        let like = |glob: &Glob| glob.matches(name) || (!id.is_empty() && glob.matches(id));
        (self.kind.is_empty() || self.kind.contains(&piece.kind()))
            && (self.change.is_empty() || self.change.contains(&piece.how))
            && self.source.as_ref().is_none_or(|glob| glob.matches(source))
            && self.resource.as_ref().is_none_or(like)
    }
}

/// As it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    name: RuleName,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kind: Vec<Kind>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    change: Vec<How>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hosts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<OriginWord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    reason: String,
    by: UserName,
}

impl TryFrom<Spec> for IgnoreRule {
    type Error = Problem;

    fn try_from(spec: Spec) -> Result<Self, Problem> {
        let Spec { name, kind, change, source, resource, path, hosts, origin, until, reason, by } =
            spec;
        let rule = Self {
            source: read(&name, "source", source)?,
            resource: read(&name, "resource", resource)?,
            path: read(&name, "path", path)?,
            hosts: read(&name, "hosts", hosts)?,
            name,
            kind,
            change,
            origin,
            until,
            reason,
            by,
        };
        rule.check()
    }
}

impl IgnoreRule {
    fn check(self) -> Result<Self, Problem> {
        let named = !self.kind.is_empty()
            || self.source.is_some()
            || self.resource.is_some()
            || self.path.is_some()
            || self.hosts.is_some()
            || self.origin.is_some();
        if !named {
            return Err(refused(&self.name, "kind", "it would hide everything")
                .remedy("say of what: kind, source, resource, path, hosts or origin"));
        }
        if self.reason.trim().is_empty() || self.reason.len() > MAX_REASON {
            return Err(refused(
                &self.name,
                "reason",
                "the reason is empty or longer than 1024 bytes",
            )
            .remedy("say why nobody wants to hear of it"));
        }
        Ok(self)
    }
}

fn read<T: std::str::FromStr<Err = Problem>>(
    name: &RuleName,
    field: &str,
    text: Option<String>,
) -> Result<Option<T>, Problem> {
    let read = text.map(|text| text.parse::<T>()).transpose();
    read.map_err(|problem| {
        let refused = refused(name, field, &problem.message);
        match problem.remedy {
            Some(remedy) => refused.remedy(remedy),
            None => refused,
        }
    })
}

fn refused(name: &RuleName, field: &str, what: &str) -> Problem {
    Problem::field(field, format!("ignore rule `{name}`: {what}"))
}

impl From<IgnoreRule> for Spec {
    fn from(rule: IgnoreRule) -> Self {
        let IgnoreRule {
            name,
            kind,
            change,
            source,
            resource,
            path,
            hosts,
            origin,
            until,
            reason,
            by,
        } = rule;
        Self {
            name,
            kind,
            change,
            source: source.map(String::from),
            resource: resource.map(String::from),
            path: path.map(String::from),
            hosts: hosts.map(String::from),
            origin,
            until,
            reason,
            by,
        }
    }
}
