//! What is to be known about a plan, though it stops nothing.

use tamer_model::{Host, Resources, Run, UserName, WorkloadSpec};

use super::apply::Next;
use super::words;
use crate::fleet::View;
use crate::state::Applying;

/// The notes of a plan, each beginning with the name of its workload.
pub fn notes(view: &View, next: &[Next], by: &UserName) -> Vec<String> {
    let mut notes = Vec::new();
    for next in next {
        let about = about(view, next, by);
        notes.extend(about.into_iter().map(|note| format!("{}: {note}", next.after.spec.name)));
    }
    notes
}

fn about(view: &View, next: &Next, by: &UserName) -> Vec<String> {
    let mut notes = Vec::new();
    let old = next.before.as_ref().map(|(old, _)| old);
    if let Some(old) = old.filter(|old| old.owner != *by) {
        notes.push(format!("belongs to {}: applying needs --take-over", old.owner));
    }
    if old.is_some_and(|old| old.removing) {
        notes.push("is being removed: applying brings it back".to_owned());
    }
    if old.is_some_and(|old| old.stopped) {
        notes.push("is stopped: none of it runs until it is started".to_owned());
    }
    if next.what != Applying::Created && next.what != Applying::Unchanged && !next.replaces_copies()
    {
        notes.push("its copies stay as they are".to_owned());
    }
    if next.what != Applying::Unchanged {
        notes.extend(impossible(view, &next.after.spec));
    }
    notes
}

/// What no host of this fleet can give, so that copies wait.
fn impossible(view: &View, spec: &WorkloadSpec) -> Vec<String> {
    let hosts: Vec<_> = view
        .hosts()
        .filter(|member| {
            spec.constraints.iter().all(|one| one.matches(&(&member.host, member.status.state)))
        })
        .map(|member| &member.host)
        .collect();
    if view.hosts().next().is_none() {
        return vec!["the fleet has no hosts yet: its copies wait".to_owned()];
    }
    if hosts.is_empty() {
        return vec!["no host meets its constraints: its copies wait".to_owned()];
    }
    let mut notes = Vec::new();
    let served =
        |host: &&&Host| view.providers(host.id).iter().any(|status| status.name == spec.provider);
    if hosts.iter().find(served).is_none() {
        notes.push(format!("no host has the provider {}: its copies wait", spec.provider));
    }
    notes.extend(too_much(&spec.resources.of(&spec.instance), &hosts));
    notes.extend(one_a_host(spec, hosts.len()));
    notes
}

/// What one copy asks for beyond what the largest host has.
fn too_much(asked: &Resources, hosts: &[&Host]) -> Vec<String> {
    let most = |of: &dyn Fn(&Host) -> u64| hosts.iter().map(|host| of(host)).max().unwrap_or(0);
    let disk = |host: &Host| {
        host.facts.disks.iter().map(|disk| disk.total_bytes).fold(0, u64::saturating_add)
    };
    let cpus = most(&|host| u64::from(host.facts.cpus).saturating_mul(1000));
    let all = [
        ("cpu", asked.cpu.map(tamer_model::Cpu::millis), cpus),
        ("memory", asked.memory.map(tamer_model::Size::bytes), most(&|h| h.facts.memory_bytes)),
        ("disk", asked.disk.map(tamer_model::Size::bytes), most(&disk)),
    ];
    let over = all.into_iter().filter(|(_, asked, most)| asked.is_some_and(|asked| asked > *most));
    let over = over.map(|(what, ..)| what.to_owned());
    let devices = asked.devices.iter().filter(|(name, count)| {
        hosts.iter().all(|host| host.facts.devices.get(*name).is_none_or(|has| has < *count))
    });
    let devices = devices.map(|(name, _)| format!("of the device {name}"));
    over.chain(devices)
        .map(|what| format!("asks for more {what} than any host has: its copies wait"))
        .collect()
}

/// Copies that cannot share a host, when there are more of them than hosts.
fn one_a_host(spec: &WorkloadSpec, hosts: usize) -> Option<String> {
    let copies = match spec.run {
        Run::Count(count) => count,
        Run::ToCompletion { parallelism, .. } => parallelism,
        Run::EveryHost => return None,
    };
    let why = match spec.instance.ports.iter().find_map(|port| Some((port.host?, port.protocol))) {
        Some((number, protocol)) => {
            format!("each takes {} of its host", words::port(number, protocol))
        }
        None if spec.apart_from.contains(&spec.name) => "it goes apart from itself".to_owned(),
        None => return None,
    };
    (copies as usize > hosts).then(|| format!("{copies} copies for {hosts} hosts, and {why}"))
}
