//! Something was set up otherwise: files, settings and the services that read them.

use super::super::show::count;
use super::context::Context;
use super::story::Told;
use crate::resource::Kind;

const SETTINGS: &[Kind] = &[Kind::File, Kind::Config, Kind::Sysctl, Kind::System];
const READERS: &[Kind] =
    &[Kind::Service, Kind::Job, Kind::Certificate, Kind::Technology, Kind::Instance];

pub(super) fn propose(context: &Context<'_>) -> Vec<Vec<usize>> {
    let pass = |at: usize| {
        let kind = context.kind(at);
        SETTINGS.contains(&kind) || READERS.contains(&kind)
    };
    let mut all = context.by_word(pass);
    all.extend(context.together(|at| context.kind(at) == Kind::Sysctl));
    all
}

pub(super) fn tell(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let settings = context.count(members, SETTINGS);
    let hosts = count(context.hosts(members).len() as u64, "host");
    if settings == 0 {
        return None;
    }
    if context.count(members, &[Kind::Sysctl]) == members.len() {
        return Some(Told {
            title: format!(
                "{} changed together on {hosts}",
                count(members.len() as u64, "kernel setting")
            ),
            why: "they changed on exactly the same hosts at about the same time".to_owned(),
            confidence: 65,
        });
    }
    let word = context.shared_word(members)?;
    let readers = context.count(members, READERS);
    Some(Told {
        title: format!("{word} was set up otherwise on {hosts}"),
        why: format!(
            "{} and {} speak of {word}, on exactly the same hosts and at about the same time",
            count(settings as u64, "setting"),
            count(readers as u64, "thing that reads it")
        ),
        confidence: if readers > 0 { 80 } else { 65 },
    })
}
