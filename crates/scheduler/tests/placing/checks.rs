//! What holds for every plan, checked by what is stored alone.

use std::collections::BTreeMap;

use tamer_model::{HostState, Placement, PlacementId, Run, StopCause, WorkloadName, WorkloadSpec};
use tamer_scheduler::{HostView, Make, Plan};

use crate::world::World;

/// No copy goes where it must not, given what is stored and what the plan did before it.
pub fn plan(world: &World, plan: &Plan) {
    for (at, make) in plan.make.iter().enumerate() {
        let view = &world.hosts[&make.host];
        let spec = &world.workloads[&make.workload].spec;
        let told = || format!("{make:?} in {plan:#?}");
        assert!(may_go(world, spec, view), "closed to it: {}", told());
        room(world, plan, make, view);
        let there = there(world, plan, at, make);
        for (other, wanted) in &there {
            let names = |spec: &WorkloadSpec, name: &WorkloadName| spec.apart_from.contains(name);
            let apart = names(spec, other)
                || world.workloads.get(other).is_some_and(|w| names(&w.spec, &make.workload));
            assert!(!apart, "beside {other}: {}", told());
            let twice = matches!(spec.run, Run::EveryHost) && *other == make.workload && *wanted;
            assert!(!twice, "twice: {}", told());
        }
        // A copy that is moved in the same plan is still there when its follower is placed.
        let moved = |other: &WorkloadName| {
            world.copies.values().any(|(one, _)| {
                one.workload == *other && one.host == make.host && freed(plan, one.id)
            })
        };
        for other in spec.with.iter().filter(|other| !moved(other)) {
            assert!(there.contains(&(other.clone(), true)), "without {other}: {}", told());
        }
    }
    for stop in plan.stop.iter().filter(|stop| stop.cause == StopCause::Preempted) {
        let priority = |name: &WorkloadName| world.workloads[name].spec.priority;
        let host = world.copies[&stop.placement].0.host;
        let for_whom = plan.make.iter().filter(|make| make.host == host);
        let higher = for_whom.map(|make| priority(&make.workload)).max();
        assert!(higher > Some(priority(&stop.workload)), "pushed aside in vain: {plan:#?}");
    }
}

/// Whether a host would do for a workload if it were empty.
pub fn may_go(world: &World, spec: &WorkloadSpec, view: &HostView) -> bool {
    let host = &*view.host;
    view.state == HostState::Ready
        && host.cordon.is_none()
        && host.drain.is_none()
        && view.set_aside.is_none_or(|until| until <= world.now)
        && view.set_aside_for.get(&spec.name).is_none_or(|until| *until <= world.now)
        && view.providers.contains(&spec.provider)
        && spec.constraints.iter().all(|selector| selector.matches(&(host, view.state)))
}

/// Copies that stop in favour of what the plan makes: their room counts as free.
fn freed(plan: &Plan, id: PlacementId) -> bool {
    plan.stop.iter().any(|stop| {
        let replaced = plan.make.iter().any(|make| make.replaces == Some(id));
        stop.placement == id && (stop.cause == StopCause::Preempted || replaced)
    })
}

/// The workloads with copies on the host of a make, and whether those shall run.
fn there(world: &World, plan: &Plan, at: usize, make: &Make) -> Vec<(WorkloadName, bool)> {
    let stops = |id| plan.stop.iter().any(|stop| stop.placement == id);
    let stored = world.copies.values().map(|(placement, _)| placement);
    let stored = stored.filter(|one| one.host == make.host && !freed(plan, one.id));
    let stored = stored.map(|one| (one.workload.clone(), one.wanted() && !stops(one.id)));
    let made = plan.make[..at].iter().filter(|one| one.host == make.host);
    stored.chain(made.map(|one| (one.workload.clone(), true))).collect()
}

/// A host that gets a copy has room for all that is there then.
fn room(world: &World, plan: &Plan, make: &Make, view: &HostView) {
    let facts = &view.host.facts;
    let stored = world.copies.values().map(|(placement, _)| placement);
    let stored: Vec<&Placement> =
        stored.filter(|one| one.host == make.host && !freed(plan, one.id)).collect();
    let made = plan.make.iter().filter(|one| one.host == make.host);
    let names = stored.iter().map(|one| &one.workload).chain(made.map(|one| &one.workload));
    let (mut cpu, mut memory, mut disk) = (0, 0, 0);
    let mut devices = BTreeMap::new();
    let mut ports = Vec::new();
    let mut last = (0, 0, 0);
    for spec in names.filter_map(|name| Some(&world.workloads.get(name)?.spec)) {
        let takes = spec.resources.of(&spec.instance);
        last = (
            takes.cpu.map_or(0, |cpu| cpu.millis()),
            takes.memory.map_or(0, |memory| memory.bytes()),
            takes.disk.map_or(0, |disk| disk.bytes()),
        );
        cpu += last.0;
        memory += last.1;
        disk += last.2;
        for (name, count) in takes.devices {
            *devices.entry(name).or_insert(0) += count;
        }
        ports.extend(spec.instance.ports.iter().filter_map(|p| Some((p.host?, p.protocol))));
    }
    let told = || format!("{make:?} on {facts:?} in {plan:#?}");
    let _ = last;
    let spec = &world.workloads[&make.workload].spec.resources;
    assert!(spec.cpu.is_none() || cpu <= u64::from(facts.cpus) * 1000, "cpu: {}", told());
    assert!(spec.memory.is_none() || memory <= facts.memory_bytes, "memory: {}", told());
    let largest = facts.disks.iter().map(|disk| disk.total_bytes).max().unwrap_or_default();
    assert!(spec.disk.is_none() || disk <= largest, "disk: {}", told());
    for name in spec.devices.keys() {
        assert!(devices[name] <= facts.devices.get(name).copied().unwrap_or(0), "{}", told());
    }
    let mine = &world.workloads[&make.workload].spec.instance.ports;
    for port in mine.iter().filter_map(|port| Some((port.host?, port.protocol))) {
        let takers = ports.iter().filter(|taken| **taken == port).count();
        assert!(takers == 1 && !view.taken.contains(&port), "port {port:?}: {}", told());
    }
}
