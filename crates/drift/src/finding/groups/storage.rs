//! Data lies elsewhere: file systems, volumes and pools that changed together, and what uses them.

use super::super::show::count;
use super::context::Context;
use super::story::Told;
use crate::resource::Kind;

const KINDS: &[Kind] = &[Kind::Mount, Kind::Volume, Kind::Pool, Kind::Checkpoint];

pub(super) fn propose(context: &Context<'_>) -> Vec<Vec<usize>> {
    let stores = |at: usize| KINDS.contains(&context.kind(at));
    let uses = |at: usize| stores(at) || context.kind(at) == Kind::Instance;
    let mut all = context.needed(uses);
    all.extend(context.by_word(stores));
    all.extend(context.together(stores));
    all
}

pub(super) fn tell(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let stores = context.count(members, KINDS);
    let linked = context.linked(members);
    let shared = context.shared_word(members);
    let kinds = context.kinds(members);
    if stores == 0 || (linked == 0 && stores < members.len()) {
        return None;
    }
    let words: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
    let (why, confidence) = match (linked > 0, shared) {
        (true, _) => (format!("{} need each other", words.join(", ")), 90),
        (false, Some(word)) => {
            (format!("{} speak of {word}, on the same hosts", words.join(", ")), 80)
        }
        (false, None) => {
            (format!("{} changed on the same hosts at about the same time", words.join(", ")), 55)
        }
    };
    let hosts = context.hosts(members).len() as u64;
    Some(Told {
        title: format!("where data lies changed on {}", count(hosts, "host")),
        why,
        confidence,
    })
}
