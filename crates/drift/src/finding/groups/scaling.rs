//! There are more or fewer of something.

use std::collections::BTreeMap;

use super::super::origin::{Origin, Ours};
use super::super::show::count;
use super::super::words::How;
use super::context::Context;
use super::story::Told;
use super::subject::stem;
use crate::resource::Kind;

/// Instances that came or went, by what they are copies of.
pub(super) fn propose(context: &Context<'_>) -> Vec<Vec<usize>> {
    let mut by: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, draft) in context.drafts.iter().enumerate() {
        let counted = matches!(draft.mark.how, How::Created | How::Deleted | How::Moved);
        let of = stem(&draft.mark.name);
        if draft.mark.kind == Kind::Instance && counted && !of.is_empty() {
            by.entry((draft.mark.source.as_str(), of)).or_default().push(at);
        }
    }
    by.into_values().collect()
}

pub(super) fn tell(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let copies = |how: How| -> u64 {
        let of = members.iter().filter(|at| context.how(**at) == how);
        of.map(|at| context.drafts[*at].members.len() as u64).sum()
    };
    let (came, gone) = (copies(How::Created), copies(How::Deleted));
    if came == gone {
        return None;
    }
    let name = stem(context.name(members[0]));
    let (more, ways) = if came > gone { (came - gone, "more") } else { (gone - came, "fewer") };
    let workload = members.iter().all(|at| is_workload(&context.drafts[*at].mark.origin));
    Some(Told {
        title: format!("{name} has {} {ways} than before", count(more, "instance")),
        why: format!(
            "{came} came and {gone} went whose names are {name} but for the end{}",
            if workload { ", all of them placed by one workload" } else { "" }
        ),
        confidence: if workload { 95 } else { 70 },
    })
}

const fn is_workload(origin: &Origin) -> bool {
    matches!(origin, Origin::Ours { what: Ours::Workload, .. })
}
