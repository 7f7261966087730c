//! A finding in one plain sentence.

use super::gather::Draft;
use super::show::{count, names, short, side, value};
use super::words::How;
use crate::diff::{FieldChange, Path};
use crate::resource::{Kind, Value};

/// The most hosts that a title names.
const NAMED: usize = 2;
/// The most fields that a title names.
const FIELDS: usize = 3;

pub(super) fn title(draft: &Draft<'_>) -> String {
    let what = format!("{} {}", noun(draft.mark.kind), called(draft));
    format!("{what} {} {}", became(draft), place(draft))
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
    match draft.mark.how {
        How::Created => created(draft.mark.kind).to_owned(),
        How::Deleted => deleted(draft.mark.kind).to_owned(),
        How::Changed => changed(&draft.fields),
        How::Moved => match draft.fields.first() {
            Some(field) => format!(
                "moved from {} to {}",
                side(field.before.as_ref()),
                side(field.after.as_ref())
            ),
            None => "moved".to_owned(),
        },
        How::Replaced => replaced(&draft.fields),
        How::Due => match draft.fields.first().and_then(|field| field.after.as_ref()) {
            Some(Value::Int(end)) => {
                let end = tamer_model::Timestamp::from_millis(u64::try_from(*end).unwrap_or(0));
                format!("ends at {}", super::show::time(end))
            }
            Some(_) | None => "ends soon".to_owned(),
        },
    }
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
            None => format!("changed in {}", paths(many)),
        },
    }
}

fn replaced(fields: &[FieldChange]) -> String {
    match fields {
        [] => "was replaced by another of its name".to_owned(),
        many => format!("was replaced by another of its name, with another {}", paths(many)),
    }
}

/// `went from 3.0.11 to 3.0.14`; the field is named unless it is the version or the only value.
fn went(field: &FieldChange) -> String {
    let plain = [Path::property("version"), Path::property("value")].contains(&field.path);
    let of = if plain { String::new() } else { format!("{} ", short(&field.path.to_string())) };
    match (&field.before, &field.after) {
        (Some(before), Some(after)) if plain => {
            format!("went from {} to {}", value(before), value(after))
        }
        (Some(before), Some(after)) => {
            format!("changed: {of}went from {} to {}", value(before), value(after))
        }
        (None, after) => format!("changed: {of}was added ({})", side(after.as_ref())),
        (Some(before), None) => format!("changed: {of}was removed ({})", value(before)),
    }
}

fn paths(fields: &[FieldChange]) -> String {
    let paths: Vec<_> = fields.iter().map(|field| short(&field.path.to_string())).collect();
    names(paths.iter().map(String::as_str), FIELDS)
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
