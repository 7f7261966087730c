//! The words by which findings of several kinds speak of one thing: package nginx, nginx.service,
//! /etc/nginx/nginx.conf and the port of the program nginx.

use std::collections::BTreeSet;

use super::super::gather::Draft;
use super::super::origin::{Origin, Ours};
use crate::resource::{Kind, Resource, Value};

/// Words that are in everything.
const COMMON: &[&str] = &["default", "conf", "config", "main", "local", "system", "root", "host"];
/// Properties that name something else.
const NAMING: &[&str] = &["processes", "interface", "device", "pool", "technology"];
/// Shorter words say too little.
const SHORTEST: usize = 3;

pub(super) fn words(draft: &Draft<'_>) -> BTreeSet<String> {
    let name = draft.mark.name.as_str();
    let mut words: Vec<&str> = match draft.mark.kind {
        Kind::Package => vec![name, begin(name, '-')],
        Kind::Service => vec![unit(name), begin(unit(name), '@')],
        Kind::File | Kind::Config | Kind::Certificate => of_path(path(draft)),
        Kind::Instance => vec![stem(name)],
        Kind::Image => vec![of_image(name)],
        Kind::Job => vec![unit(name)],
        Kind::System
        | Kind::User
        | Kind::Group
        | Kind::Port
        | Kind::Mount
        | Kind::Interface
        | Kind::Route
        | Kind::Resolver
        | Kind::Sysctl
        | Kind::Technology
        | Kind::Network
        | Kind::Volume
        | Kind::Pool
        | Kind::Checkpoint => vec![name],
    };
    words.extend(NAMING.iter().flat_map(|name| told(draft, name)));
    if let Origin::Ours { what: Ours::Workload, id, .. } = &draft.mark.origin {
        words.push(id);
    }
    let words = words.into_iter().map(str::to_lowercase);
    words.filter(|word| word.len() >= SHORTEST && !COMMON.contains(&word.as_str())).collect()
}

/// The name without what tells one copy from another: `web` of `web-2` and of `web-7f3k9`.
pub(super) fn stem(name: &str) -> &str {
    let Some((begin, end)) = name.rsplit_once(['-', '_', '.']) else {
        return name.trim_end_matches(|c: char| c.is_ascii_digit());
    };
    let numbered = !end.is_empty() && end.chars().all(|c| c.is_ascii_alphanumeric());
    if numbered && !begin.is_empty() && end.chars().any(|c| c.is_ascii_digit()) {
        stem(begin)
    } else {
        name
    }
}

/// The texts of a property of the first of its resources that has it.
fn told<'a>(draft: &Draft<'a>, name: &str) -> Vec<&'a str> {
    let sides = draft.parts.iter().flat_map(|(_, before, after)| after.iter().chain(before));
    let mut values = sides.copied().filter_map(|side: &'a Resource| side.properties.get(name));
    values.next().map_or_else(Vec::new, texts)
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Text(text) => vec![text],
        Value::List(all) => all.iter().flat_map(texts).collect(),
        Value::Set(all) => all.iter().flat_map(texts).collect(),
        Value::Bool(_) | Value::Int(_) | Value::Hidden(_) | Value::Map(_) => Vec::new(),
    }
}

fn path<'a>(draft: &'a Draft<'_>) -> &'a str {
    if draft.mark.id.is_empty() { &draft.mark.name } else { &draft.mark.id }
}

/// The folder below the one that all share, and the file without its ending.
fn of_path(path: &str) -> Vec<&str> {
    let mut steps = path.split('/').filter(|step| !step.is_empty());
    let file = path.rsplit('/').next().map(|file| begin(file, '.'));
    let below = match steps.next() {
        Some("etc" | "opt" | "srv") => steps.next(),
        Some("usr" | "var") => steps.nth(1),
        Some(_) | None => None,
    };
    below.into_iter().map(|below| begin(below, '.')).chain(file).collect()
}

/// `nginx` of `registry:5000/library/nginx:1.25`.
fn of_image(name: &str) -> &str {
    let last = name.rsplit('/').next().unwrap_or(name);
    begin(begin(last, '@'), ':')
}

fn unit(name: &str) -> &str {
    [".service", ".timer", ".socket", ".target"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name)
}

fn begin(text: &str, at: char) -> &str {
    match text.split_once(at) {
        Some(("", _)) | None => text,
        Some((begin, _)) => begin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_one_stem() {
        for (name, expected) in [
            ("web-2", "web"),
            ("web-1-7f3k9", "web"),
            ("web_api-12", "web_api"),
            ("db", "db"),
            ("db7", "db"),
            ("1", ""),
            ("my-app", "my-app"),
        ] {
            assert_eq!(stem(name), expected, "{name}");
        }
    }

    #[test]
    fn paths_say_whose_they_are() {
        assert_eq!(of_path("/etc/nginx/sites/a.conf"), ["nginx", "a"]);
        assert_eq!(of_path("/etc/hosts"), ["hosts", "hosts"]);
        assert_eq!(of_path("/var/lib/mysql/my.cnf"), ["mysql", "my"]);
        assert_eq!(of_image("reg:5000/library/nginx:1.25"), "nginx");
    }
}
