//! The host is reached otherwise: addresses, routes, names and doors that changed together.

use super::super::show::count;
use super::context::Context;
use super::story::Told;
use crate::resource::Kind;

const KINDS: &[Kind] = &[Kind::Interface, Kind::Route, Kind::Resolver, Kind::Network, Kind::Port];

pub(super) fn propose(context: &Context<'_>) -> Vec<Vec<usize>> {
    let pass = |at: usize| KINDS.contains(&context.kind(at)) || is_forwarding(context, at);
    let mut all = context.by_word(pass);
    all.extend(context.needed(pass));
    all.extend(context.together(pass));
    all
}

/// Doors alone are no story: they need an interface, a route, a name or a network beside them.
pub(super) fn tell(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let kinds = context.kinds(members);
    let ways =
        context.count(members, &[Kind::Interface, Kind::Route, Kind::Resolver, Kind::Network]);
    let shared = context.shared_word(members);
    if ways == 0 || (kinds.len() < 2 && shared.is_none()) {
        return None;
    }
    let linked = context.linked(members) > 0;
    let words: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
    let why = match (&shared, linked) {
        (Some(word), _) => format!(
            "{} speak of {word}, on the same hosts and at about the same time",
            words.join(", ")
        ),
        (None, true) => format!("{} need each other", words.join(", ")),
        (None, false) => {
            format!("{} changed on the same hosts at about the same time", words.join(", "))
        }
    };
    let hosts = context.hosts(members).len() as u64;
    Some(Told {
        title: format!("how {} can be reached changed", count(hosts, "host")),
        why,
        confidence: if shared.is_some() || linked { 85 } else { 55 },
    })
}

fn is_forwarding(context: &Context<'_>, at: usize) -> bool {
    context.kind(at) == Kind::Sysctl && context.name(at).starts_with("net.")
}
