//! Ignore rules that a history suggests: fields that flip, and fields that never rest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tamer_model::{HostId, RuleName, Timestamp, UserName};

use super::glob::{Glob, PathGlob};
use super::ignore::IgnoreRule;
use super::input::{Comparison, HostDrift};
use super::piece::Piece;
use super::rules::Rules;
use super::show::{count, short, time};
use super::words::{How, Severity};
use crate::diff::FieldChange;
use crate::resource::{Kind, Source, Value};

/// A field that returned to an earlier value so often flips.
const FLIPS: u64 = 2;
/// A field that changes more often than this in a day does not rest.
const A_DAY: u64 = 6;
/// On so many different resources it is of the kind, and not of one resource.
const RESOURCES: usize = 3;
/// The most values of one field that are remembered: what returns later than that is no flip.
const REMEMBERED: usize = 16;
/// The most proposals.
pub const MAX_PROPOSALS: usize = 100;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A rule that a history suggests, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The rule, to be adopted as it is or not at all.
    pub rule: IgnoreRule,
    /// On how many hosts the field moved.
    pub hosts: u64,
    /// Of how many resources.
    pub resources: u64,
    /// How often it moved.
    pub changes: u64,
    /// How often it returned to an earlier value.
    pub flips: u64,
    /// How often it moved in a day, of one resource on one host, at most.
    pub per_day: u64,
    /// The severest of these changes. What is high or critical is told, and is better not adopted.
    pub severity: Severity,
    /// A resource whose field it is.
    pub example: String,
    /// When it first moved.
    pub first: Timestamp,
    /// When it last moved.
    pub last: Timestamp,
    /// How sure it is that this is noise, 0 to 100.
    pub confidence: u8,
    /// In a sentence.
    pub words: String,
}

type Field = (Kind, Source, String);
type Place = (HostId, String);

/// Rules that would keep quiet what moves by itself. The history is of steps: each comparison is of a
/// look with the look before it. Of a host steps that overlap earlier ones are left out, because the
/// same change would count twice. `by` is who would have adopted them.
pub fn propose(history: &[Comparison], rules: &Rules, by: &UserName) -> Vec<Proposal> {
    let mut fields: BTreeMap<Field, BTreeMap<Place, Moves>> = BTreeMap::new();
    for (step, host) in steps(history) {
        for change in &host.changes {
            let window = host.window_of(&change.key);
            let Some(piece) = Piece::plain(0, change, window) else { continue };
            if piece.how != How::Changed {
                continue;
            }
            let (id, name) = piece.ident();
            let called = if id.is_empty() { name } else { id };
            for field in &piece.fields {
                let of = (piece.kind(), change.key.source().clone(), field.path.to_string());
                let severity = rules.judge(&piece, std::slice::from_ref(field), step.now).severity;
                let place = (host.host, called.to_owned());
                fields
                    .entry(of)
                    .or_default()
                    .entry(place)
                    .or_default()
                    .add(field, window.to, severity);
            }
        }
    }
    let mut proposals: Vec<_> =
        fields.into_iter().filter_map(|(field, places)| proposal(field, places, by)).collect();
    proposals.sort_by(|a, b| (b.changes, &a.rule.name).cmp(&(a.changes, &b.rule.name)));
    proposals.truncate(MAX_PROPOSALS);
    proposals
}

/// Every host of every step in order of time, each time once.
fn steps(history: &[Comparison]) -> Vec<(&Comparison, &HostDrift)> {
    let mut all: Vec<_> =
        history.iter().flat_map(|step| step.hosts.iter().map(move |host| (step, host))).collect();
    all.sort_by_key(|(_, host)| (host.host, host.window.from, host.window.to));
    let mut seen: BTreeMap<HostId, Timestamp> = BTreeMap::new();
    all.retain(|(_, host)| {
        let fresh = seen.get(&host.host).is_none_or(|end| host.window.from >= *end);
        if fresh {
            seen.insert(host.host, host.window.to);
        }
        fresh
    });
    all
}

/// How one field of one resource on one host moved.
#[derive(Default)]
struct Moves {
    /// The latest values, the latest last.
    values: Vec<Option<Value>>,
    changes: u64,
    flips: u64,
    first: Timestamp,
    last: Timestamp,
    severity: Option<Severity>,
}

impl Moves {
    fn add(&mut self, field: &FieldChange, at: Timestamp, severity: Severity) {
        if self.changes == 0 {
            self.first = at;
            self.values.push(field.before.clone());
        }
        if self.values.contains(&field.after) {
            self.flips += 1;
        }
        self.values.push(field.after.clone());
        if self.values.len() > REMEMBERED {
            self.values.remove(0);
        }
        self.changes += 1;
        self.last = at;
        self.severity = self.severity.max(Some(severity));
    }

    /// Over less than a day as if it were a day: a burst is no habit.
    fn per_day(&self) -> u64 {
        let took = self.last.as_millis().saturating_sub(self.first.as_millis()).max(DAY_MS);
        self.changes.saturating_mul(DAY_MS) / took
    }

    fn is_noise(&self) -> bool {
        self.flips >= FLIPS || self.per_day() > A_DAY
    }
}

fn proposal(field: Field, places: BTreeMap<Place, Moves>, by: &UserName) -> Option<Proposal> {
    let noisy: BTreeMap<_, _> = places.into_iter().filter(|(_, moves)| moves.is_noise()).collect();
    let ((_, example), first) = noisy.first_key_value()?;
    let resources: BTreeSet<_> = noisy.keys().map(|(_, resource)| resource.as_str()).collect();
    let hosts: BTreeSet<_> = noisy.keys().map(|(host, _)| *host).collect();
    let sum = |of: fn(&Moves) -> u64| -> u64 { noisy.values().map(of).sum() };
    let resource = if resources.len() < RESOURCES { Some(Glob::exactly(example)?) } else { None };
    let found = Found {
        changes: sum(|moves| moves.changes),
        flips: sum(|moves| moves.flips),
        per_day: noisy.values().map(Moves::per_day).max().unwrap_or(0),
        severity: noisy.values().filter_map(|moves| moves.severity).max()?,
        first: noisy.values().map(|moves| moves.first).min().unwrap_or(first.first),
        last: noisy.values().map(|moves| moves.last).max().unwrap_or(first.last),
    };
    let words = found.words(&field, hosts.len(), resources.len());
    Some(Proposal {
        rule: rule(&field, resource, &words, by)?,
        hosts: super::make::number(hosts.len()),
        resources: super::make::number(resources.len()),
        changes: found.changes,
        flips: found.flips,
        per_day: found.per_day,
        severity: found.severity,
        example: example.clone(),
        first: found.first,
        last: found.last,
        confidence: found.confidence(),
        words,
    })
}

struct Found {
    changes: u64,
    flips: u64,
    per_day: u64,
    severity: Severity,
    first: Timestamp,
    last: Timestamp,
}

impl Found {
    /// What flips is surer noise than what only moves; what is severe is better looked at.
    fn confidence(&self) -> u8 {
        let flips = u8::try_from(self.flips.min(8)).unwrap_or(8);
        let sure = if self.flips >= FLIPS { 60 + 4 * flips } else { 50 };
        if self.severity >= Severity::High { sure / 2 } else { sure }
    }

    fn words(&self, field: &Field, hosts: usize, resources: usize) -> String {
        let (kind, _, path) = field;
        let careful = if self.severity >= Severity::High {
            format!(" Its changes are of severity {}: look before you adopt it.", self.severity)
        } else {
            String::new()
        };
        format!(
            "{} of {} changed {} on {} between {} and {}, up to {} a day, and returned to an earlier value {}.{careful}",
            short(path),
            count(super::make::number(resources), kind.as_str()),
            count(self.changes, "time"),
            count(super::make::number(hosts), "host"),
            time(self.first),
            time(self.last),
            self.per_day,
            count(self.flips, "time"),
        )
    }
}

/// A rule whose name says what it is about. A path that cannot be told from a pattern gets none.
fn rule(field: &Field, resource: Option<Glob>, words: &str, by: &UserName) -> Option<IgnoreRule> {
    let (kind, source, path) = field;
    let glob: PathGlob = path.parse().ok()?;
    if path.contains(['*', '?']) {
        return None;
    }
    Some(IgnoreRule {
        name: name(*kind, path, resource.as_ref())?,
        kind: vec![*kind],
        change: vec![How::Changed],
        source: Glob::exactly(source.as_str()),
        resource,
        path: Some(glob),
        hosts: None,
        origin: None,
        until: None,
        reason: words.chars().take(512).collect(),
        by: by.clone(),
    })
}

fn name(kind: Kind, path: &str, resource: Option<&Glob>) -> Option<RuleName> {
    let what = resource.map_or(String::new(), |resource| format!("{resource}-"));
    let text = format!("quiet-{kind}-{what}{path}");
    let fit = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = text.chars().map(fit).take(63).collect();
    name.trim_end_matches('-').parse().ok()
}
