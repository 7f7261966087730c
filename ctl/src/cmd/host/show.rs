//! `tamerctl host show` for people.

use crate::contract::{Cordon, Drain, Host, ProviderStatus, Time};
use crate::output::{Cell, Line, Table, Tone, human, pairs};

/// Everything about `host`.
pub fn lines(host: &Host) -> Vec<Line> {
    let Host {
        id,
        name,
        state,
        os,
        arch,
        labels,
        agent_version,
        last_seen,
        addresses,
        distro,
        distro_version,
        kernel,
        hostname,
        cpus,
        memory_bytes,
        virtualization,
        providers,
        disks,
        state_since,
        joined_at,
        joined_by,
        certificate_ends,
        clock_ahead_ms,
        peer,
        join_code,
        provider_status,
        instances,
        devices,
        cordon,
        drain,
    } = host;
    let now = Time::now();
    let at =
        |time: &Option<Time>| Cell::from(time.map(|time| time.to_string()).unwrap_or_default());
    let past = |time: &Option<Time>| match time {
        Some(time) => Cell::from(format!("{time}  ({} ago)", human::ago(Some(*time), now))),
        None => Cell::from(""),
    };
    let or_empty = |text: &Option<String>| Cell::from(text.clone().unwrap_or_default());
    let listed = |texts: Vec<String>| Cell::from(texts.join(", "));
    let disks = disks.iter().map(|disk| {
        format!("{} ({}, {})", disk.mount, disk.filesystem, human::size(disk.total_bytes))
    });
    let providers = providers.iter().map(|hint| format!("{} ({})", hint.name, hint.found));
    let devices = devices.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let mut shown = vec![
        ("Name", name.as_str().into()),
        ("Id", id.as_str().into()),
        ("State", Cell::state(state)),
        ("Since", past(state_since)),
        ("Cordoned", cordoned(cordon.as_ref()).into()),
        ("Drained", drained(drain.as_ref()).into()),
        ("Last seen", past(last_seen)),
        ("Labels", human::labels(labels).into()),
        ("System", format!("{os} {arch}, {distro} {distro_version}").into()),
        ("Kernel", kernel.as_str().into()),
        ("Hostname", hostname.as_str().into()),
        ("Hardware", format!("{cpus} CPUs, {}", human::size(*memory_bytes)).into()),
        ("Runs in", virtualization.as_str().into()),
        ("Disks", listed(disks.collect())),
        ("Devices", listed(devices)),
        ("Addresses", listed(addresses.clone())),
        ("Found", listed(providers.collect())),
        ("Instances", instances.to_string().into()),
        ("Agent", agent_version.as_str().into()),
        ("Dialled from", or_empty(peer)),
        ("Joined", past(joined_at)),
        ("Joined by", or_empty(joined_by)),
        ("Certificate ends", at(certificate_ends)),
        ("Clock ahead", format!("{clock_ahead_ms} ms").into()),
    ];
    if join_code.is_some() {
        shown.push(("Join code", or_empty(join_code)));
    }
    let mut lines = pairs(shown);
    if !provider_status.is_empty() {
        lines.push(Line::default());
        lines.extend(table(provider_status).lines());
    }
    lines
}

/// Why it takes no new work; empty when it does.
fn cordoned(cordon: Option<&Cordon>) -> String {
    let Some(Cordon { by, at, reason }) = cordon else { return String::new() };
    match reason {
        Some(reason) => format!("by {by} at {at}: {reason}"),
        None => format!("by {by} at {at}"),
    }
}

/// Who drains it, and until when; empty when nobody does.
fn drained(drain: Option<&Drain>) -> String {
    let Some(Drain { by, at, deadline, keep_every_host }) = drain else { return String::new() };
    let deadline = deadline.map(|deadline| format!(", until {deadline}")).unwrap_or_default();
    let keeps = if *keep_every_host { ", keeps what runs on every host" } else { "" };
    format!("by {by} at {at}{deadline}{keeps}")
}

fn table(providers: &[ProviderStatus]) -> Table {
    let mut table = Table::new(["PROVIDER", "STATE", "VERSION", "ENDPOINT", "CAN"]);
    for status in providers {
        let (state, can) = match &status.problem {
            None => (Cell::toned(Tone::Good, "ready"), abilities(status)),
            Some(problem) => {
                let why = format!("{} [{}]", problem.message, problem.code.as_str());
                (Cell::toned(Tone::Bad, "away"), why)
            }
        };
        let cells: [Cell; 5] = [
            status.name.as_str().into(),
            state,
            status.version.as_str().into(),
            status.endpoint.as_str().into(),
            can.into(),
        ];
        table.row(cells);
    }
    table
}

/// What a provider can do, told by what is less: what it can, or what it cannot.
fn abilities(status: &ProviderStatus) -> String {
    let ProviderStatus { can, cannot, not_now, .. } = status;
    let lacks = cannot.keys().cloned();
    let lacks: Vec<_> =
        lacks.chain(not_now.iter().map(|(word, why)| format!("{word} (now: {why})"))).collect();
    match (can.len(), lacks.len()) {
        (_, 0) => "everything".to_owned(),
        (many, few) if few < many => format!("all but {}", lacks.join(", ")),
        (0, _) => "nothing".to_owned(),
        (_, _) => format!("only {}", can.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tamer_model::{Code, Problem};

    use super::*;

    fn status(name: &str, can: &[&str], cannot: &[&str], not_now: &[&str]) -> ProviderStatus {
        let why = |words: &[&str], why: &str| -> BTreeMap<String, String> {
            words.iter().map(|word| ((*word).to_owned(), why.to_owned())).collect()
        };
        ProviderStatus {
            name: name.to_owned(),
            available: true,
            version: "Engine 1.2".to_owned(),
            endpoint: "unix:///run/x.sock".to_owned(),
            problem: None,
            can: can.iter().map(|word| (*word).to_owned()).collect(),
            cannot: why(cannot, "it has no such thing"),
            not_now: why(not_now, "criu is missing"),
        }
    }

    #[test]
    fn providers_tell_what_they_can() {
        let away = ProviderStatus {
            version: String::new(),
            endpoint: String::new(),
            problem: Some(Problem::new(Code::ProviderUnavailable, "no socket")),
            ..status("podman", &[], &[], &[])
        };
        let told = [
            status("docker", &["list", "start", "stop"], &["checkpoint_disk"], &["pause"]),
            status("full", &["list"], &[], &[]),
            status("less", &["list"], &["start", "stop"], &[]),
            away,
        ];
        let lines = table(&told).lines_within(None);
        let lines: Vec<_> = lines.iter().map(Line::text).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        PROVIDER  STATE  VERSION     ENDPOINT            CAN
        docker    ready  Engine 1.2  unix:///run/x.sock  all but checkpoint_disk, pause (now: criu is missing)
        full      ready  Engine 1.2  unix:///run/x.sock  everything
        less      ready  Engine 1.2  unix:///run/x.sock  only list
        podman    away   -           -                   no socket [provider-unavailable]
        ");
    }
}
