//! How stories are chosen: the matchers propose, in an order that is fixed, and a finding belongs to
//! the first story that holds.
//!
//! Proposals come from indexes (same hosts, same word, same name, dependencies), never from pairs, so
//! the work is n log n in the changes. What lies apart in time is no story.

use super::super::gather::Draft;
use super::super::words::Area;
use super::context::Context;
use super::{configuration, deployment, network, scaling, security, storage};

/// What lies further apart than this, in milliseconds, is no one story: an hour.
const APART_MS: u64 = 60 * 60 * 1000;

/// Findings that are one: their places among the drafts, in order.
#[derive(Debug)]
pub(in super::super) struct Story {
    pub(in super::super) area: Area,
    pub(in super::super) title: String,
    pub(in super::super) why: String,
    pub(in super::super) confidence: u8,
    pub(in super::super) members: Vec<usize>,
}

/// What a matcher says of findings that it takes for one story.
pub(super) struct Told {
    pub(super) title: String,
    pub(super) why: String,
    pub(super) confidence: u8,
}

/// Proposes, and is asked again about what is left of a proposal when others have taken theirs.
struct Matcher {
    area: Area,
    propose: fn(&Context<'_>) -> Vec<Vec<usize>>,
    tell: fn(&Context<'_>, &[usize]) -> Option<Told>,
}

/// What matters most comes first.
const MATCHERS: [Matcher; 6] = [
    Matcher { area: Area::Security, propose: security::propose, tell: security::tell },
    Matcher { area: Area::Deployment, propose: deployment::propose, tell: deployment::tell },
    Matcher { area: Area::Scaling, propose: scaling::propose, tell: scaling::tell },
    Matcher { area: Area::Network, propose: network::propose, tell: network::tell },
    Matcher { area: Area::Storage, propose: storage::propose, tell: storage::tell },
    Matcher {
        area: Area::Configuration,
        propose: configuration::propose,
        tell: configuration::tell,
    },
];

pub(in super::super) fn stories(drafts: &[Draft<'_>]) -> Vec<Story> {
    let context = Context::new(drafts);
    let mut free = vec![true; drafts.len()];
    let mut stories = Vec::new();
    for matcher in &MATCHERS {
        let proposals = (matcher.propose)(&context);
        let mut proposals: Vec<_> =
            proposals.into_iter().flat_map(|one| close_in_time(drafts, one)).collect();
        proposals.sort_by(|a, b| (b.len(), a).cmp(&(a.len(), b)));
        for proposal in proposals {
            let members: Vec<_> = proposal.into_iter().filter(|at| free[*at]).collect();
            if members.len() < 2 {
                continue;
            }
            let Some(told) = (matcher.tell)(&context, &members) else { continue };
            members.iter().for_each(|at| free[*at] = false);
            let Told { title, why, confidence } = told;
            stories.push(Story { area: matcher.area, title, why, confidence, members });
        }
    }
    stories
}

/// Parts a proposal where nothing happened for an hour.
fn close_in_time(drafts: &[Draft<'_>], mut all: Vec<usize>) -> Vec<Vec<usize>> {
    all.sort_by_key(|at| (drafts[*at].window, *at));
    all.dedup();
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut end = 0u64;
    for at in all {
        let window = drafts[at].window;
        let near = window.from.as_millis() <= end.saturating_add(APART_MS);
        match parts.last_mut() {
            Some(part) if near => part.push(at),
            Some(_) | None => parts.push(vec![at]),
        }
        end = end.max(window.to.as_millis());
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    parts
}
