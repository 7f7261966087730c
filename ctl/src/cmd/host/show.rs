//! `tamerctl host show` for people.

use crate::contract::{Host, Time};
use crate::output::{Cell, Line, human, pairs};

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
    let mut shown = vec![
        ("Name", name.as_str().into()),
        ("Id", id.as_str().into()),
        ("State", Cell::state(state)),
        ("Since", past(state_since)),
        ("Last seen", past(last_seen)),
        ("Labels", human::labels(labels).into()),
        ("System", format!("{os} {arch}, {distro} {distro_version}").into()),
        ("Kernel", kernel.as_str().into()),
        ("Hostname", hostname.as_str().into()),
        ("Hardware", format!("{cpus} CPUs, {}", human::size(*memory_bytes)).into()),
        ("Runs in", virtualization.as_str().into()),
        ("Disks", listed(disks.collect())),
        ("Addresses", listed(addresses.clone())),
        ("Providers", listed(providers.collect())),
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
    pairs(shown)
}
