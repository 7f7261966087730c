//! A finding in one plain sentence.

use super::gather::Draft;
use super::show::{count, names, short, side, value};
use super::words::How;
use crate::diff::{FieldChange, Part, Path, Root};
use crate::resource::{Kind, Value};

/// The most hosts that a title names.
const NAMED: usize = 2;
/// The most fields that a title names.
const FIELDS: usize = 3;

pub(super) fn title(draft: &Draft<'_>) -> String {
    let what = format!("{} {}", noun(draft.mark.kind), called(draft));
    let became = became(draft);
    if is_between_hosts(draft) {
        return format!("{what} {became}");
    }
    format!("{what} {became} {}", place(draft))
}

/// The kind as one says it.
pub(super) const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Sysctl => "kernel setting",
        Kind::Mount => "mounted file system",
        Kind::Config => "configuration",
        Kind::Interface => "network interface",
        Kind::Pool => "storage pool",
        Kind::System
        | Kind::Package
        | Kind::Service
        | Kind::User
        | Kind::Group
        | Kind::Port
        | Kind::Route
        | Kind::Resolver
        | Kind::Job
        | Kind::Certificate
        | Kind::File
        | Kind::Technology
        | Kind::Instance
        | Kind::Image
        | Kind::Network
        | Kind::Volume
        | Kind::Checkpoint => kind.as_str(),
    }
}

/// The name, and of what came or went what else says which it is.
fn called(draft: &Draft<'_>) -> String {
    let name = short(&draft.mark.name);
    let whole = matches!(draft.mark.how, How::Created | How::Deleted);
    let told = |property: &str| {
        let path = Path::property(property);
        let field = draft.fields.iter().find(|field| whole && field.path == path)?;
        field.after.as_ref().or(field.before.as_ref()).map(value)
    };
    let more = match draft.mark.kind {
        Kind::Package => told("version"),
        Kind::User => told("uid").map(|uid| format!("(uid {uid})")),
        Kind::Port => told("processes").map(|one| format!("of {one}")),
        Kind::Instance => told("image").map(|image| format!("of {image}")),
        Kind::Mount => told("device").map(|device| format!("of {device}")),
        Kind::System
        | Kind::Service
        | Kind::Group
        | Kind::Interface
        | Kind::Route
        | Kind::Resolver
        | Kind::Sysctl
        | Kind::Job
        | Kind::Certificate
        | Kind::File
        | Kind::Config
        | Kind::Technology
        | Kind::Image
        | Kind::Network
        | Kind::Volume
        | Kind::Pool
        | Kind::Checkpoint => None,
    };
    more.map_or_else(|| name.clone(), |more| format!("{name} {more}"))
}

fn became(draft: &Draft<'_>) -> String {
    let first = draft.fields.first();
    match draft.mark.how {
        How::Created => created(draft.mark.kind).to_owned(),
        How::Deleted => deleted(draft.mark.kind).to_owned(),
        How::Changed => changed(&draft.fields),
        How::Moved if is_between_hosts(draft) => {
            let before = side(first.and_then(|field| field.before.as_ref()));
            let after = side(first.and_then(|field| field.after.as_ref()));
            format!("moved from {before} to {after}")
        }
        How::Moved => {
            format!("was moved from {}", side(first.and_then(|field| field.before.as_ref())))
        }
        How::Replaced => replaced(&draft.fields),
        How::Due => match first.and_then(|field| field.after.as_ref()) {
            Some(Value::Int(end)) => {
                let end = tamer_model::Timestamp::from_millis(u64::try_from(*end).unwrap_or(0));
                format!("ends at {}", super::show::time(end))
            }
            Some(_) | None => "ends soon".to_owned(),
        },
    }
}

fn is_between_hosts(draft: &Draft<'_>) -> bool {
    draft.members.iter().any(|member| member.before_host.is_some())
}

const fn created(kind: Kind) -> &'static str {
    match kind {
        Kind::Package => "was installed",
        Kind::Port => "was opened",
        Kind::Mount => "was mounted",
        Kind::System
        | Kind::Service
        | Kind::User
        | Kind::Group
        | Kind::Interface
        | Kind::Route
        | Kind::Resolver
        | Kind::Sysctl
        | Kind::Job
        | Kind::Certificate
        | Kind::File
        | Kind::Config
        | Kind::Technology
        | Kind::Instance
        | Kind::Image
        | Kind::Network
        | Kind::Volume
        | Kind::Pool
        | Kind::Checkpoint => "appeared",
    }
}

const fn deleted(kind: Kind) -> &'static str {
    match kind {
        Kind::Package => "was removed",
        Kind::Port => "was closed",
        Kind::Mount => "was unmounted",
        Kind::System
        | Kind::Service
        | Kind::User
        | Kind::Group
        | Kind::Interface
        | Kind::Route
        | Kind::Resolver
        | Kind::Sysctl
        | Kind::Job
        | Kind::Certificate
        | Kind::File
        | Kind::Config
        | Kind::Technology
        | Kind::Instance
        | Kind::Image
        | Kind::Network
        | Kind::Volume
        | Kind::Pool
        | Kind::Checkpoint => "is gone",
    }
}

fn changed(fields: &[FieldChange]) -> String {
    match fields {
        [] => "changed".to_owned(),
        [one] => went(one),
        many => match many.iter().find(|field| field.path == Path::property("version")) {
            Some(version) => went(version),
            None => match paths(many).as_str() {
                "" => "changed in what it needs".to_owned(),
                paths => format!("changed in {paths}"),
            },
        },
    }
}

fn replaced(fields: &[FieldChange]) -> String {
    match paths(fields).as_str() {
        "" => "was replaced by another of its name".to_owned(),
        paths => format!("was replaced by another of its name, with another {paths}"),
    }
}

/// `went from 3.0.11 to 3.0.14`; the field is named unless it is the version or the only value.
fn went(field: &FieldChange) -> String {
    let plain = [Path::property("version"), Path::property("value")].contains(&field.path);
    let of = short(&whole(&field.path).to_string());
    match (&field.before, &field.after) {
        (Some(before), Some(after)) if plain => {
            format!("went from {} to {}", value(before), value(after))
        }
        (Some(before), Some(after)) => {
            format!("changed: {of} went from {} to {}", value(before), value(after))
        }
        (None, after) if is_member(&field.path) => {
            format!("changed: {} was added to {of}", side(after.as_ref()))
        }
        (Some(before), None) if is_member(&field.path) => {
            format!("changed: {} was removed from {of}", value(before))
        }
        (None, after) => format!("changed: {of} was added ({})", side(after.as_ref())),
        (Some(before), None) => format!("changed: {of} was removed ({})", value(before)),
    }
}

/// The fields, a set once for all its members. What a thing needs is told where nothing else is.
fn paths(fields: &[FieldChange]) -> String {
    let mut paths: Vec<String> = Vec::new();
    for field in fields.iter().filter(|field| field.path.root != Root::DependsOn) {
        let path = short(&whole(&field.path).to_string());
        if paths.last() != Some(&path) {
            paths.push(path);
        }
    }
    names(paths.iter().map(String::as_str), FIELDS)
}

fn is_member(path: &Path) -> bool {
    matches!(path.parts.last(), Some(Part::Member(_)))
}

/// The set that a member is of; any other field itself.
fn whole(path: &Path) -> Path {
    let mut path = path.clone();
    if is_member(&path) {
        path.parts.pop();
    }
    path
}

fn place(draft: &Draft<'_>) -> String {
    let mut hosts: Vec<_> = draft.members.iter().map(|member| member.name.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    if hosts.len() <= NAMED {
        return format!("on {}", hosts.join(" and "));
    }
    format!("on {}", count(u64::try_from(hosts.len()).unwrap_or(u64::MAX), "host"))
}
