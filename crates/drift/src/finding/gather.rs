//! Equal changes become one finding with its hosts.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{FindingId, RuleName, Timestamp};

use super::classify::Classified;
use super::gist;
use super::ignore::IgnoreRule;
use super::input::{HostDrift, Window};
use super::origin::{Attribution, Causes, Origin};
use super::piece::Piece;
use super::report::{Hidden, Member};
use super::rules::{Judgement, Rules};
use super::words::{How, Severity};
use crate::diff::{FieldChange, Path};
use crate::resource::{Kind, Resource, Source};

/// What a change is, wherever it is: changes with equal marks are one finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) kind: Kind,
    pub(super) source: Source,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) how: How,
    /// What differs, as JSON.
    what: Vec<u8>,
    pub(super) origin: Origin,
}

/// A finding in the making.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) id: FindingId,
    pub(super) mark: Mark,
    pub(super) judgement: Judgement,
    pub(super) origin: Attribution,
    pub(super) fields: Vec<FieldChange>,
    pub(super) varies: BTreeSet<Path>,
    pub(super) members: Vec<Member>,
    /// Each member's host, its resource before and after, in the order of the members.
    pub(super) parts: Vec<(usize, Option<&'a Resource>, Option<&'a Resource>)>,
    pub(super) window: Window,
    pub(super) first_seen: Timestamp,
}

/// All findings, and what was hidden by which rule.
pub(super) struct Gathered<'a> {
    pub(super) drafts: Vec<Draft<'a>>,
    pub(super) hidden: Vec<Hidden>,
}

/// What decides about changes.
pub(super) struct Judges<'a> {
    pub(super) rules: &'a Rules,
    pub(super) causes: Causes<'a>,
    /// In force, by their names.
    pub(super) ignores: Vec<&'a IgnoreRule>,
    pub(super) now: Timestamp,
}

pub(super) fn gather<'a>(all: &mut Classified<'a>, judges: &Judges<'_>) -> Gathered<'a> {
    let mut drafts: BTreeMap<Mark, Draft<'a>> = BTreeMap::new();
    let mut hidden = Tally::of(&judges.ignores);
    for piece in std::mem::take(&mut all.pieces) {
        let origin = judges.causes.of(&piece, &all.hosts);
        let host = all.hosts[piece.host];
        let Some(fields) = judges.shown(&piece, host, &origin, &mut hidden) else { continue };
        let judgement = judges.rules.judge(&piece, &fields, judges.now);
        let mark = mark(&piece, &fields, &origin);
        match drafts.get_mut(&mark) {
            Some(draft) => draft.add(&piece, &fields, judgement, origin, &all.hosts),
            None => {
                let draft = Draft::new(mark.clone(), &piece, fields, judgement, origin, &all.hosts);
                drafts.insert(mark, draft);
            }
        }
    }
    Gathered { drafts: drafts.into_values().collect(), hidden: hidden.told() }
}

impl Judges<'_> {
    /// The fields of a change that no rule takes away; `None` when the change is hidden whole.
    fn shown(
        &self,
        piece: &Piece<'_>,
        host: &HostDrift,
        origin: &Attribution,
        hidden: &mut Tally<'_>,
    ) -> Option<Vec<FieldChange>> {
        let word = origin.origin.word();
        let everywhere = |field: &FieldChange| {
            self.ignores
                .iter()
                .position(|rule| rule.is_everywhere() && rule.hides_field(piece, field))
        };
        let here = |field: &FieldChange| {
            self.ignores
                .iter()
                .position(|rule| rule.holds_on(host, word) && rule.hides_field(piece, field))
        };
        let whole = self
            .ignores
            .iter()
            .position(|rule| rule.holds_on(host, word) && rule.hides_whole(piece));
        let taken: Vec<_> = piece.fields.iter().map(everywhere).collect();
        let all_here = || {
            let by: Option<Vec<_>> = piece.fields.iter().map(here).collect();
            by.and_then(|by| by.into_iter().min())
        };
        if let Some(rule) = whole.or_else(all_here) {
            let judged = self.rules.judge(piece, &piece.fields, self.now);
            hidden.change(rule, judged.severity);
            return None;
        }
        taken.iter().flatten().for_each(|rule| hidden.field(*rule));
        let kept = piece.fields.iter().zip(&taken).filter(|(_, taken)| taken.is_none());
        Some(kept.map(|(field, _)| field.clone()).collect())
    }
}

fn mark(piece: &Piece<'_>, fields: &[FieldChange], origin: &Attribution) -> Mark {
    let (id, name) = piece.ident();
    let key = &piece.lead().key;
    let core = gist::fields(key.kind(), piece.how, fields);
    let what = serde_json::to_vec(&core).expect("fields are JSON");
    let moved = matches!(piece.how, How::Moved);
    Mark {
        kind: key.kind(),
        source: key.source().clone(),
        // What moved within its host says in its fields from where to where.
        id: if moved { String::new() } else { id.to_owned() },
        name: name.to_owned(),
        how: piece.how,
        what,
        origin: origin.origin.clone(),
    }
}

impl Mark {
    /// What it is about, whatever became of it.
    pub(super) fn subject(&self) -> (Kind, &Source, &str, &str) {
        (self.kind, &self.source, &self.id, &self.name)
    }

    /// Eighty bits of the digest of everything that it says, each part with its length before it.
    fn finding(&self) -> FindingId {
        let origin = serde_json::to_vec(&self.origin).expect("an origin is JSON");
        let parts = [
            self.kind.as_str().as_bytes(),
            self.source.as_str().as_bytes(),
            self.id.as_bytes(),
            self.name.as_bytes(),
            self.how.as_str().as_bytes(),
            &self.what,
            &origin,
        ];
        let mut hasher = blake3::Hasher::new_derive_key("tamer drift 2026 finding v1");
        for part in parts {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..10]);
        FindingId::from_bytes(bytes)
    }
}

impl<'a> Draft<'a> {
    fn new(
        mark: Mark,
        piece: &Piece<'a>,
        fields: Vec<FieldChange>,
        judgement: Judgement,
        origin: Attribution,
        hosts: &[&HostDrift],
    ) -> Self {
        Self {
            id: mark.finding(),
            mark,
            judgement,
            origin,
            fields,
            varies: BTreeSet::new(),
            members: vec![member(piece, hosts)],
            parts: vec![(piece.host, piece.before, piece.after)],
            window: piece.window,
            first_seen: piece.window.to,
        }
    }

    /// Takes in the same on another host. Of what is not equal the fields are told to vary, the
    /// severest judgement counts, and the least sure origin.
    fn add(
        &mut self,
        piece: &Piece<'a>,
        fields: &[FieldChange],
        judgement: Judgement,
        origin: Attribution,
        hosts: &[&HostDrift],
    ) {
        if fields != self.fields {
            self.vary(fields);
        }
        if judgement.severity > self.judgement.severity {
            self.judgement = judgement;
        }
        if origin.confidence < self.origin.confidence {
            self.origin = origin;
        }
        self.members.push(member(piece, hosts));
        self.parts.push((piece.host, piece.before, piece.after));
        self.window = self.window.with(piece.window);
        self.first_seen = self.first_seen.min(piece.window.to);
    }
}

impl Draft<'_> {
    /// Keeps the fields that are equal, and tells of the others only where they are.
    fn vary(&mut self, fields: &[FieldChange]) {
        let others = fields.iter().filter(|field| !self.fields.contains(field));
        self.varies.extend(others.map(|field| field.path.clone()));
        let (kept, gone) =
            std::mem::take(&mut self.fields).into_iter().partition(|one| fields.contains(one));
        self.fields = kept;
        let gone: Vec<FieldChange> = gone;
        self.varies.extend(gone.into_iter().map(|field| field.path));
    }
}

fn member(piece: &Piece<'_>, hosts: &[&HostDrift]) -> Member {
    let host = hosts[piece.host];
    let id = piece.lead().key.id();
    let before = piece.before.map(|before| before.key.id()).filter(|before| *before != id);
    Member {
        host: host.host,
        name: host.name.clone(),
        id: id.to_owned(),
        before_id: before.map(str::to_owned),
        before_host: piece.from_host.map(|from| hosts[from].host),
    }
}

/// Counts what each rule hides.
struct Tally<'a> {
    rules: &'a [&'a IgnoreRule],
    hidden: BTreeMap<usize, (u64, u64, BTreeMap<Severity, u64>)>,
}

impl<'a> Tally<'a> {
    const fn of(rules: &'a [&'a IgnoreRule]) -> Self {
        Self { rules, hidden: BTreeMap::new() }
    }

    fn change(&mut self, rule: usize, severity: Severity) {
        let (changes, _, severities) = self.hidden.entry(rule).or_default();
        *changes += 1;
        *severities.entry(severity).or_default() += 1;
    }

    fn field(&mut self, rule: usize) {
        self.hidden.entry(rule).or_default().1 += 1;
    }

    fn told(self) -> Vec<Hidden> {
        let rule = |at: usize| -> (RuleName, String) {
            (self.rules[at].name.clone(), self.rules[at].reason.clone())
        };
        let told = self.hidden.into_iter().map(|(at, (changes, fields, severities))| {
            let (rule, reason) = rule(at);
            Hidden { rule, reason, changes, fields, severities }
        });
        told.collect()
    }
}
