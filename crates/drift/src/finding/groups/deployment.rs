//! Another version came: a package with its service and files, packages upgraded together, an image
//! and what runs on it.

use std::collections::BTreeMap;

use super::super::show::{count, side};
use super::super::words::How;
use super::context::Context;
use super::story::Told;
use super::subject::stem;
use crate::diff::{FieldChange, Path};
use crate::resource::Kind;

/// So many packages that change together are an upgrade, and not a coincidence.
const UPGRADE: usize = 3;
const CARRIERS: &[Kind] = &[Kind::Package, Kind::Image, Kind::Technology];
const CARRIED: &[Kind] = &[
    Kind::Package,
    Kind::Image,
    Kind::Technology,
    Kind::Service,
    Kind::File,
    Kind::Config,
    Kind::Instance,
    Kind::Port,
    Kind::User,
    Kind::Group,
];

pub(super) fn propose(context: &Context<'_>) -> Vec<Vec<usize>> {
    let runs = |at: usize| matches!(context.kind(at), Kind::Image | Kind::Instance);
    let mut all = context.needed(runs);
    all.extend(same_image(context));
    all.extend(context.by_word(|at| CARRIED.contains(&context.kind(at))));
    all.extend(context.together(|at| context.kind(at) == Kind::Package));
    all
}

pub(super) fn tell(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let kinds = context.kinds(members);
    if kinds.len() == 1 && kinds.contains(&Kind::Instance) {
        return other_image(context, members);
    }
    if kinds.len() == 1 && kinds.contains(&Kind::Package) {
        return upgrade(context, members);
    }
    let linked = context.linked(members);
    if kinds.contains(&Kind::Image) && kinds.contains(&Kind::Instance) && linked > 0 {
        return Some(on_image(context, members, linked));
    }
    with_the_rest(context, members)
}

/// Copies of one thing that went from one image to another, host by host.
fn same_image(context: &Context<'_>) -> Vec<Vec<usize>> {
    let mut by: BTreeMap<(&str, String), Vec<usize>> = BTreeMap::new();
    for (at, draft) in context.drafts.iter().enumerate() {
        let Some(image) = image_field(&draft.fields) else { continue };
        let other = matches!(draft.mark.how, How::Changed | How::Replaced);
        if other && draft.mark.kind == Kind::Instance {
            by.entry((stem(&draft.mark.name), went(image))).or_default().push(at);
        }
    }
    by.into_values().collect()
}

fn image_field(fields: &[FieldChange]) -> Option<&FieldChange> {
    fields.iter().find(|field| field.path == Path::property("image"))
}

fn went(field: &FieldChange) -> String {
    format!("{} to {}", side(field.before.as_ref()), side(field.after.as_ref()))
}

fn other_image(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let image = image_field(&context.drafts[*members.first()?].fields)?;
    let name = stem(context.name(members[0]));
    let same = |at: &usize| {
        image_field(&context.drafts[*at].fields).is_some_and(|one| went(one) == went(image))
    };
    members.iter().all(same).then(|| Told {
        title: format!(
            "{} of {name} went from {}",
            count(members.len() as u64, "instance"),
            went(image)
        ),
        why: "they share a name but for its end, and went from the same image to the same image"
            .to_owned(),
        confidence: 85,
    })
}

fn upgrade(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let hosts = context.hosts(members).len() as u64;
    let upgraded = members.iter().filter(|at| context.how(**at) == How::Changed).count();
    (members.len() >= UPGRADE && upgraded > 0).then(|| Told {
        title: format!(
            "{} changed together on {}",
            count(members.len() as u64, "package"),
            count(hosts, "host")
        ),
        why: "they changed on exactly the same hosts at about the same time, as an upgrade does it"
            .to_owned(),
        confidence: if members.len() >= 2 * UPGRADE { 90 } else { 75 },
    })
}

fn on_image(context: &Context<'_>, members: &[usize], linked: usize) -> Told {
    let image = members.iter().copied().find(|at| context.kind(*at) == Kind::Image);
    let image = image.map_or("an image", |at| context.name(at));
    let instances = context.count(members, &[Kind::Instance]);
    Told {
        title: format!(
            "image {image} is another, and {} with it",
            count(instances as u64, "instance")
        ),
        why: format!("{} of the findings need another of them: what runs needs its image", linked),
        confidence: if linked >= instances { 95 } else { 75 },
    }
}

/// A package or image, and what bears its name besides.
fn with_the_rest(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let word = context.shared_word(members)?;
    let carriers = context.count(members, CARRIERS);
    let kinds = context.kinds(members);
    if carriers == 0 || kinds.len() < 2 {
        return None;
    }
    let running = context.count(members, &[Kind::Service, Kind::Instance]) > 0;
    let first = members.iter().copied().find(|at| CARRIERS.contains(&context.kind(*at)))?;
    let became = match context.how(first) {
        How::Created => "was installed",
        How::Deleted => "was removed",
        How::Changed | How::Moved | How::Replaced | How::Due => "was updated",
    };
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
    let hosts = context.hosts(members).len() as u64;
    Some(Told {
        title: format!("{word} {became} on {}", count(hosts, "host")),
        why: format!(
            "{} of the name {word} changed on exactly the same hosts at about the same time",
            kinds.join(", ")
        ),
        confidence: if running { 85 } else { 70 },
    })
}
