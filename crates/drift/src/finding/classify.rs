//! What became of each resource: created, deleted, changed, moved or replaced.
//!
//! A move and a replacement are each two changes that are one. They are taken for one only where
//! exactly one that went fits exactly one that came: a guess among several would be a wrong story.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::Timestamp;

use super::due::{ends, is_due};
use super::input::{Comparison, HostDrift};
use super::piece::{Piece, is_drawn, place};
use super::words::How;
use crate::digest::{Digest, Domain};
use crate::resource::{Kind, Resource, Value};

/// The hosts by their ids, and everything that differs on them. Deletions that nobody can vouch for,
/// because their source was not seen whole, are left out and counted by host and source.
pub(super) struct Classified<'a> {
    pub(super) hosts: Vec<&'a HostDrift>,
    pub(super) pieces: Vec<Piece<'a>>,
    pub(super) withheld: BTreeMap<(usize, usize), u64>,
    pub(super) changes: u64,
}

pub(super) fn classify(comparison: &Comparison) -> Classified<'_> {
    let mut hosts: Vec<_> = comparison.hosts.iter().collect();
    hosts.sort_by_key(|host| host.host);
    let mut all = Classified { hosts, pieces: Vec::new(), withheld: BTreeMap::new(), changes: 0 };
    for at in 0..all.hosts.len() {
        all.host(at, comparison.baseline.at, comparison.now);
    }
    all.pieces = between_hosts(&all.hosts, all.pieces);
    all.pieces.sort_by(|a, b| (a.host, &a.lead().key).cmp(&(b.host, &b.lead().key)));
    all
}

impl Classified<'_> {
    fn host(&mut self, at: usize, baseline: Timestamp, now: Timestamp) {
        let host = self.hosts[at];
        let mut pieces = Vec::new();
        for change in &host.changes {
            let Some(piece) = Piece::plain(at, change, host.window_of(&change.key)) else {
                continue;
            };
            self.changes += 1;
            match (piece.how, host.hides(&change.key)) {
                (How::Deleted, Some(source)) => {
                    *self.withheld.entry((at, source)).or_default() += 1;
                }
                (_, _) => pieces.push(piece),
            }
        }
        pieces.sort_by(|a, b| a.lead().key.cmp(&b.lead().key));
        let pieces = join(pieces, How::Replaced, name_of);
        self.pieces.extend(join(pieces, How::Moved, content_of));
        self.pieces.extend(due(at, host, baseline, now));
    }
}

/// Certificates that end soon and did not change.
fn due<'a>(at: usize, host: &'a HostDrift, baseline: Timestamp, now: Timestamp) -> Vec<Piece<'a>> {
    let changed: BTreeSet<_> = host.changes.iter().map(|change| &change.key).collect();
    let is_due = |held: &Resource| ends(held).is_some_and(|end| is_due(end, baseline, now));
    let held = host.held.iter().filter(|held| is_due(held) && !changed.contains(&held.key));
    held.map(|held| Piece::due(at, held, host.window)).collect()
}

/// Joins what went and what came where `of` says the same of exactly one of each.
fn join<'a, K: Ord>(
    pieces: Vec<Piece<'a>>,
    how: How,
    of: impl Fn(&Resource) -> Option<K>,
) -> Vec<Piece<'a>> {
    let mut pairs: BTreeMap<K, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, piece) in pieces.iter().enumerate() {
        let Some(key) = of(piece.lead()) else { continue };
        match piece.how {
            How::Deleted => pairs.entry(key).or_default().0.push(at),
            How::Created => pairs.entry(key).or_default().1.push(at),
            How::Changed | How::Moved | How::Replaced | How::Due => {}
        }
    }
    let mut joined = Vec::new();
    let mut gone = vec![false; pieces.len()];
    for pair in pairs.into_values() {
        if let ([went], [came]) = (pair.0.as_slice(), pair.1.as_slice()) {
            joined.push(Piece::joined(how, &pieces[*went], &pieces[*came]));
            (gone[*went], gone[*came]) = (true, true);
        }
    }
    let rest = pieces.into_iter().zip(gone).filter_map(|(piece, gone)| (!gone).then_some(piece));
    rest.chain(joined).collect()
}

/// What is replaced under its name: what technologies number themselves, and certificates.
fn name_of(resource: &Resource) -> Option<(Kind, String, String)> {
    let kind = resource.key.kind();
    let replaced = is_drawn(kind) || kind == Kind::Certificate;
    replaced.then(|| (kind, resource.key.source().to_string(), resource.name.clone()))
}

/// What can lie elsewhere on its host and still be the same. Packages of one version, users of one
/// shell and ports of one program are no such things.
fn content_of(resource: &Resource) -> Option<(Kind, Digest)> {
    let kind = resource.key.kind();
    let moves = matches!(
        kind,
        Kind::File | Kind::Config | Kind::Certificate | Kind::Volume | Kind::Mount | Kind::Instance
    );
    (moves && tells(resource)).then(|| (kind, content(resource)))
}

/// Whether the content says enough to be known again: an empty file is like any other.
fn tells(resource: &Resource) -> bool {
    let empty = resource.properties.get("size_bytes") == Some(&Value::Int(0));
    resource.properties.len() >= 2 && !empty
}

/// What a resource holds, whatever it is called.
fn content(resource: &Resource) -> Digest {
    let called = |value: &Value| match value {
        Value::Text(text) => *text == resource.name || text == resource.key.id(),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Hidden(_)
        | Value::List(_)
        | Value::Set(_)
        | Value::Map(_) => false,
    };
    let held: BTreeMap<_, _> =
        resource.properties.iter().filter(|(_, value)| !called(value)).collect();
    let bytes = serde_json::to_vec(&held).expect("values are JSON");
    Digest::of(Domain::RESOURCE, &bytes)
}

/// Instances and volumes that went on one host and came on another under the same name.
fn between_hosts<'a>(hosts: &[&HostDrift], pieces: Vec<Piece<'a>>) -> Vec<Piece<'a>> {
    let key = |resource: &Resource| {
        let kind = resource.key.kind();
        let moves = matches!(kind, Kind::Instance | Kind::Volume);
        let core = super::gist::of(kind).iter().map(|name| resource.properties.get(*name).cloned());
        let name = (resource.key.source().to_string(), resource.name.clone());
        moves.then(|| (kind, name, core.collect::<Vec<_>>()))
    };
    let mut pieces = join(pieces, How::Moved, key);
    for piece in &mut pieces {
        if let Some(from) = piece.from_host {
            let field = place("host", hosts[from].name.as_str(), hosts[piece.host].name.as_str());
            piece.fields.insert(0, field);
        }
    }
    pieces
}
