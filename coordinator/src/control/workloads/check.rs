//! What is wrong with workloads by themselves and with each other, whatever hosts there are.
//!
//! What only no host of this fleet can take is no error: it waits, and `plan` says for what.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{Problem, Protocol, Selector, WorkloadName, WorkloadSpec};

/// Specs by their names: those of the file over those that are there.
type Specs<'a> = BTreeMap<&'a WorkloadName, &'a WorkloadSpec>;

/// Checks the workloads of a file among all those of the fleet.
pub fn check(file: &[WorkloadSpec], there: &[&WorkloadSpec]) -> Result<(), Problem> {
    let all: Specs<'_> = there.iter().copied().chain(file).map(|spec| (&spec.name, spec)).collect();
    for (at, spec) in file.iter().enumerate() {
        let place = |problem: Problem| {
            let field = problem.field.clone().unwrap_or_default();
            problem.on(format!("workloads[{at}].{field}"))
        };
        one(spec, &all).map_err(place)?;
    }
    // Whoever is with a workload that is changed may be at odds with it now.
    let named: BTreeSet<_> = file.iter().map(|spec| &spec.name).collect();
    let others = there.iter().filter(|spec| !named.contains(&spec.name));
    for spec in others.filter(|spec| spec.with.iter().any(|other| named.contains(other))) {
        together(spec, &all).map_err(|problem| problem.on("workloads"))?;
    }
    Ok(())
}

fn one(spec: &WorkloadSpec, all: &Specs<'_>) -> Result<(), Problem> {
    if let Some(at) = spec.with.iter().position(|other| !all.contains_key(other)) {
        let message = format!("there is no workload {}", spec.with[at]);
        return Err(Problem::field(format!("with[{at}]"), message)
            .remedy("write it into this file too, or apply it first"));
    }
    if let Some(cycle) = cycle(spec, all) {
        let message = format!("they wait for each other: {}", cycle.join(" with "));
        return Err(Problem::field("with", message).remedy("leave out one `with` of them"));
    }
    if let Some(terms) = Selector::clash(&spec.constraints) {
        let message = format!("no host can satisfy {terms}");
        return Err(Problem::field("constraints", message).remedy("leave one of them out"));
    }
    together(spec, all)
}

/// All that have to be on one host with a copy of `spec` must be able to be there together.
fn together(spec: &WorkloadSpec, all: &Specs<'_>) -> Result<(), Problem> {
    let company = company(spec, all);
    if company.len() == 1 {
        return Ok(());
    }
    let names: Vec<_> = company.iter().map(|one| one.name.as_str()).collect();
    let names = names.join(", ");
    let on_one = format!("copies of {names} have to be on one host");
    let wrong = |what: String| {
        Err(Problem::field("with", format!("{on_one}, but {what}"))
            .remedy("change one of them, or leave it out of `with`"))
    };
    for one in &company {
        if let Some(other) = company.iter().find(|other| one.apart_from.contains(&other.name)) {
            return wrong(format!("{} goes apart from {}", one.name, other.name));
        }
    }
    if let Some(terms) = Selector::clash(company.iter().flat_map(|one| &one.constraints)) {
        return wrong(format!("no host can satisfy {terms}"));
    }
    match twice(company.iter().flat_map(|one| host_ports(one))) {
        Some((port, protocol)) => {
            wrong(format!("port {port}/{} of the host is asked for twice", protocol.as_str()))
        }
        None => Ok(()),
    }
}

/// A spec and all that it is with, near and far.
fn company<'a>(spec: &'a WorkloadSpec, all: &Specs<'a>) -> Vec<&'a WorkloadSpec> {
    let mut company = vec![spec];
    let mut at = 0;
    while let Some(one) = company.get(at).copied() {
        for other in one.with.iter().filter_map(|name| all.get(name)) {
            if company.iter().all(|known| known.name != other.name) {
                company.push(other);
            }
        }
        at += 1;
    }
    company
}

/// The names of a cycle that `spec` is in, its own at both ends. Workloads are looked at once each.
fn cycle<'a>(spec: &'a WorkloadSpec, all: &Specs<'a>) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&WorkloadName, &WorkloadSpec> = BTreeMap::new();
    let mut next = vec![spec];
    while let Some(one) = next.pop() {
        for name in &one.with {
            if *name == spec.name {
                return Some(path(spec, one, &came_from));
            }
            if let Some(other) = all.get(name)
                && came_from.insert(name, one).is_none()
            {
                next.push(other);
            }
        }
    }
    None
}

fn path<'a>(
    spec: &'a WorkloadSpec,
    last: &'a WorkloadSpec,
    came_from: &BTreeMap<&WorkloadName, &'a WorkloadSpec>,
) -> Vec<&'a str> {
    let mut path = vec![spec.name.as_str()];
    let mut at = last;
    while at.name != spec.name {
        path.push(at.name.as_str());
        let Some(before) = came_from.get(&at.name) else { break };
        at = before;
    }
    path.push(spec.name.as_str());
    path.reverse();
    path
}

fn host_ports(spec: &WorkloadSpec) -> impl Iterator<Item = (u16, Protocol)> {
    spec.instance.ports.iter().filter_map(|port| Some((port.host?, port.protocol)))
}

fn twice(ports: impl Iterator<Item = (u16, Protocol)>) -> Option<(u16, Protocol)> {
    let mut seen = BTreeSet::new();
    ports.into_iter().find(|port| !seen.insert(*port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(text: &str) -> Vec<WorkloadSpec> {
        let one = |line: &str| {
            let (name, rest) = line.trim().split_once(':').expect("name: fields");
            let instance = match rest.contains("instance") {
                true => "",
                false => r#","instance":{"image":"x"}"#,
            };
            let rest = rest.trim();
            let comma = if rest.is_empty() { "" } else { "," };
            let json = format!(r#"{{"name":"{name}","provider":"docker"{instance}{comma}{rest}}}"#);
            serde_json::from_str(&json).expect("a spec")
        };
        text.lines().filter(|line| !line.trim().is_empty()).map(one).collect()
    }

    /// `file` over `there`: what is wrong, as `field: message`; empty when nothing is.
    #[track_caller]
    fn check_file(file: &str, there: &str, wanted: &str) {
        let (file, there) = (specs(file), specs(there));
        let there: Vec<_> = there.iter().collect();
        let told = match check(&file, &there) {
            Ok(()) => String::new(),
            Err(problem) => format!("{}: {problem}", problem.field.as_deref().unwrap_or_default()),
        };
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_cycle_is_named() {
        check_file(
            "a: \"with\":[\"b\"]\nb: \"with\":[\"c\"]\nc: \"with\":[\"d\",\"a\"]\nd:",
            "",
            "workloads[0].with: they wait for each other: a with b with c with a",
        );
        check_file(
            "a: \"with\":[\"b\"]",
            "b: \"with\":[\"a\"]",
            "workloads[0].with: they wait for each other: a with b with a",
        );
        check_file("a: \"with\":[\"b\",\"c\"]\nb: \"with\":[\"c\"]\nc:", "", "");
    }

    #[test]
    fn a_company_has_to_be_there() {
        check_file("a: \"with\":[\"b\"]", "", "workloads[0].with[0]: there is no workload b");
        check_file("a: \"with\":[\"b\"]", "b:", "");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        check_file(
            "a: \"constraints\":[\"os=linux\",\"os=windows\"]",
            "",
            "workloads[0].constraints: no host can satisfy os=linux and os=windows",
        );
    }

    #[test]
    fn those_on_one_host_must_be_able_to_be_there() {
        check_file(
            "a: \"with\":[\"b\"],\"constraints\":[\"os=linux\"]",
            "b: \"constraints\":[\"os=windows\"]",
            "workloads[0].with: copies of a, b have to be on one host, but no host can satisfy \
             os=linux and os=windows",
        );
        check_file(
            "a: \"with\":[\"b\",\"c\"]\nb: \"apart_from\":[\"c\"]\nc:",
            "",
            "workloads[0].with: copies of a, b, c have to be on one host, but b goes apart from c",
        );
        let port = "\"instance\":{\"image\":\"x\",\"ports\":[{\"instance\":80,\"host\":80}]}";
        check_file(
            &format!("a: {port}"),
            &format!("b: \"with\":[\"a\"],{port}"),
            "workloads: copies of b, a have to be on one host, but port 80/tcp of the host is \
             asked for twice",
        );
    }
}
