//! Severities as data: which change matters how much, and why.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamer_model::{Code, Problem, RuleName, Timestamp, compare_versions};

use super::condition::Conditions;
use super::facts::spelled;
use super::glob::{Glob, PathGlob};
use super::piece::Piece;
use super::words::{Area, How, Severity};
use crate::diff::FieldChange;
use crate::resource::{Kind, Value};

/// The rules that are shipped.
const SHIPPED: &str = include_str!("rules.toml");
/// The most rules of the shipped and the configured ones together: bounds the work of a change.
pub const MAX_RULES: usize = 1000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Rules in the order in which they are asked. The last one that holds for a field decides about it,
/// and a finding is as severe as its most severe field.
#[derive(Debug, Clone)]
pub struct Rules {
    all: Vec<Rule>,
    /// Which of them are about a kind.
    of: BTreeMap<Kind, Vec<usize>>,
    /// What is said where none holds: the first shipped one, also when the configuration has put one
    /// that is about less in its place.
    anything: Rule,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: RuleName,
    #[serde(default)]
    kind: Vec<Kind>,
    #[serde(default)]
    change: Vec<How>,
    source: Option<Glob>,
    /// An id or a name.
    resource: Option<Glob>,
    /// Of the field; without, the rule is about the resource as a whole and each of its fields.
    path: Option<PathGlob>,
    /// Which way the field went, as a version or a number.
    goes: Option<Goes>,
    /// What the resource was.
    #[serde(default)]
    was: Conditions,
    /// What it is; of one that was deleted, what it was.
    #[serde(default, rename = "where")]
    is: Conditions,
    /// Whether `not_after` is nearer to now than this.
    within_days: Option<u32>,
    severity: Severity,
    area: Option<Area>,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Goes {
    Up,
    Down,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Rule>,
}

/// What the rules say of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// How much it matters.
    pub severity: Severity,
    /// Which rule says so.
    pub rule: RuleName,
    /// Why.
    pub reason: String,
    /// What it is about.
    pub area: Area,
}

impl Rules {
    /// The rules that are shipped.
    pub fn shipped() -> Self {
        Self::read(&[SHIPPED]).expect("the shipped rules are tested")
    }

    /// The shipped rules, and after them those of a TOML text in the same form. A rule with the name
    /// of an earlier one takes its place at the end.
    pub fn with(text: &str) -> Result<Self, Problem> {
        Self::read(&[SHIPPED, text])
    }

    fn read(texts: &[&str]) -> Result<Self, Problem> {
        let mut all: Vec<Rule> = Vec::new();
        let mut anything = None;
        for text in texts {
            let file: File = toml::from_str(text).map_err(|error| bad(&error))?;
            for rule in file.rule {
                anything.get_or_insert_with(|| rule.clone());
                all.retain(|earlier| earlier.name != rule.name);
                all.push(rule);
            }
        }
        if all.len() > MAX_RULES {
            return Err(bad(&format!("{} rules; at most {MAX_RULES} are asked", all.len())));
        }
        let of = |kind: Kind| {
            let about = |rule: &Rule| rule.kind.is_empty() || rule.kind.contains(&kind);
            (0..all.len()).filter(|at| about(&all[*at])).collect()
        };
        let of = Kind::ALL.iter().map(|kind| (*kind, of(*kind))).collect();
        let anything = anything.ok_or_else(|| bad(&"there is none"))?;
        Ok(Self { all, of, anything })
    }

    /// The severest that the rules say of the fields of a change, the first such field's.
    pub(super) fn judge(
        &self,
        piece: &Piece<'_>,
        fields: &[FieldChange],
        now: Timestamp,
    ) -> Judgement {
        let whole = [None];
        let each: Vec<_> = fields.iter().map(Some).collect();
        let each = if each.is_empty() { whole.as_slice() } else { each.as_slice() };
        let best = each.iter().filter_map(|field| self.last(piece, *field, now));
        let best = best.reduce(|best, one| if one.severity > best.severity { one } else { best });
        let best = best.unwrap_or(&self.anything);
        Judgement {
            severity: best.severity,
            rule: best.name.clone(),
            reason: best.reason.clone(),
            area: best.area.unwrap_or(Area::of(piece.kind())),
        }
    }

    fn last(
        &self,
        piece: &Piece<'_>,
        field: Option<&FieldChange>,
        now: Timestamp,
    ) -> Option<&Rule> {
        let about = &self.of[&piece.kind()];
        about.iter().rev().map(|at| &self.all[*at]).find(|rule| rule.holds(piece, field, now))
    }
}

impl Rule {
    fn holds(&self, piece: &Piece<'_>, field: Option<&FieldChange>, now: Timestamp) -> bool {
        let lead = piece.lead();
        (self.change.is_empty() || self.change.contains(&piece.how))
            && self.source.as_ref().is_none_or(|glob| glob.matches(lead.key.source().as_str()))
            && self
                .resource
                .as_ref()
                .is_none_or(|glob| glob.matches(lead.key.id()) || glob.matches(&lead.name))
            && self.path.as_ref().is_none_or(|glob| on_path(glob, piece, field))
            && self.goes.is_none_or(|goes| field.is_some_and(|field| goes.is(field)))
            && (self.was.is_empty()
                || piece.facts_before().is_some_and(|facts| self.was.hold(facts)))
            && (self.is.is_empty() || self.is.hold(piece.facts()))
            && self.within_days.is_none_or(|days| within(piece, days, now))
    }
}

fn on_path(glob: &PathGlob, piece: &Piece<'_>, field: Option<&FieldChange>) -> bool {
    match field {
        Some(field) => fits(glob, field),
        None => piece.facts().names().any(|name| glob.matches(name)),
    }
}

/// Whether a pattern means this field, as it is printed or with its keys joined by dots.
pub(super) fn fits(glob: &PathGlob, field: &FieldChange) -> bool {
    glob.matches(&field.path.to_string()) || glob.matches(&spelled(&field.path))
}

fn within(piece: &Piece<'_>, days: u32, now: Timestamp) -> bool {
    let Some(end) = piece.facts().number("not_after") else { return false };
    let Ok(end) = u64::try_from(end) else { return true };
    end < now.as_millis().saturating_add(u64::from(days) * DAY_MS)
}

impl Goes {
    fn is(self, field: &FieldChange) -> bool {
        let order = match (&field.before, &field.after) {
            (Some(Value::Text(a)), Some(Value::Text(b))) => compare_versions(a, b),
            (Some(Value::Int(a)), Some(Value::Int(b))) => a.cmp(b),
            (_, _) => return false,
        };
        match self {
            Self::Up => order == Ordering::Less,
            Self::Down => order == Ordering::Greater,
        }
    }
}

fn bad(what: &impl std::fmt::Display) -> Problem {
    Problem::new(Code::ConfigInvalid, format!("rules of drift: {what}"))
        .on("drift.rules")
        .remedy("write rules as docs/drift.md shows them")
}
