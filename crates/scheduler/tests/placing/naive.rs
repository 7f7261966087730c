//! The plainest way to place one workload: for each copy, every host is filtered and scored.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{AffinityTo, HostId, HostState, Packing, Subject, WorkloadSpec};
use tamer_scheduler::HostView;

use crate::checks::may_go;
use crate::world::World;

/// A host and how good it is, in points of a thousand.
pub type Scored = (HostId, f64);

/// What the plain way knows: where the copies are.
pub struct Naive<'a> {
    world: &'a World,
    spec: &'a WorkloadSpec,
    copies: Vec<(HostId, &'a WorkloadSpec)>,
}

impl<'a> Naive<'a> {
    pub fn new(world: &'a World, spec: &'a WorkloadSpec) -> Self {
        let copies = world
            .copies
            .values()
            .map(|(placement, _)| (placement.host, &world.workloads[&placement.workload].spec));
        Self { world, spec, copies: copies.collect() }
    }

    pub fn place(&mut self, host: HostId) {
        self.copies.push((host, self.spec));
    }

    /// The hosts that fit but for the skew, and those that fit with their points.
    pub fn fitting(&self) -> (usize, Vec<Scored>) {
        let open = |view: &&HostView| may_go(self.world, self.spec, view);
        let open: Vec<_> = self.world.hosts.values().filter(open).collect();
        let fits: Vec<_> = open.iter().filter(|view| self.takes(view)).collect();
        let scored = fits.iter().filter_map(|view| Some((view.host.id, self.points(&open, view)?)));
        (fits.len(), scored.collect())
    }

    fn on(&self, host: HostId) -> impl Iterator<Item = &'a WorkloadSpec> {
        self.copies.iter().filter(move |(at, _)| *at == host).map(|(_, spec)| *spec)
    }

    fn takes(&self, view: &HostView) -> bool {
        let id = view.host.id;
        let names = || self.on(id).map(|spec| &spec.name);
        let apart = self.on(id).any(|other| {
            self.spec.apart_from.contains(&other.name) || other.apart_from.contains(&self.spec.name)
        });
        let with = self.spec.with.iter().all(|with| names().any(|name| name == with));
        let (cpu, memory, disk) = self.used(id);
        let takes = self.spec.resources.of(&self.spec.instance);
        let facts = &view.host.facts;
        let enough = |asked: Option<u64>, used: u64, total: u64| {
            asked.is_none_or(|asked| asked == 0 || used + asked <= total)
        };
        let port = |spec: &WorkloadSpec| -> BTreeSet<_> {
            spec.instance.ports.iter().filter_map(|p| Some((p.host?, p.protocol))).collect()
        };
        let mine = port(self.spec);
        let taken: BTreeSet<_> =
            self.on(id).flat_map(port).chain(view.taken.iter().copied()).collect();
        let devices = takes.devices.iter().all(|(kind, count)| {
            let used: u32 = self
                .on(id)
                .map(|spec| spec.resources.devices.get(kind).copied().unwrap_or(0))
                .sum();
            used + count <= facts.devices.get(kind).copied().unwrap_or(0)
        });
        let largest = facts.disks.iter().map(|disk| disk.total_bytes).max().unwrap_or(0);
        !apart
            && with
            && devices
            && mine.is_disjoint(&taken)
            && enough(takes.cpu.map(|cpu| cpu.millis()), cpu, u64::from(facts.cpus) * 1000)
            && enough(takes.memory.map(|size| size.bytes()), memory, facts.memory_bytes)
            && enough(takes.disk.map(|size| size.bytes()), disk, largest)
    }

    fn used(&self, host: HostId) -> (u64, u64, u64) {
        self.on(host).fold((0, 0, 0), |(cpu, memory, disk), spec| {
            let takes = spec.resources.of(&spec.instance);
            (
                cpu + takes.cpu.map_or(0, |cpu| cpu.millis()),
                memory + takes.memory.map_or(0, |size| size.bytes()),
                disk + takes.disk.map_or(0, |size| size.bytes()),
            )
        })
    }

    fn points(&self, open: &[&HostView], view: &HostView) -> Option<f64> {
        let host = &*view.host;
        let affinity: f64 =
            self.spec.affinity.iter().map(|one| f64::from(one.weight.unsigned_abs())).sum();
        let spread: f64 = self.spec.spread.iter().map(|one| f64::from(one.weight)).sum();
        let unit = 1000.0 / (100.0 + affinity + spread);
        let mut points = 100.0 * self.room(view);
        for one in &self.spec.affinity {
            let matched = match &one.to {
                AffinityTo::Hosts(selector) => selector.matches(&(host, HostState::Ready)),
                AffinityTo::Workload(name) => self.on(host.id).any(|spec| spec.name == *name),
            };
            if matched == (one.weight > 0) {
                points += f64::from(one.weight.unsigned_abs());
            }
        }
        for one in &self.spec.spread {
            let value = |view: &HostView| {
                (&*view.host, HostState::Ready).value(&one.over).map(|value| value.into_owned())
            };
            let mut counts: BTreeMap<Option<String>, u32> = BTreeMap::new();
            for (at, _) in self.copies.iter().filter(|(_, spec)| spec.name == self.spec.name) {
                *counts.entry(value(&self.world.hosts[at])).or_default() += 1;
            }
            let count = |view: &HostView| counts.get(&value(view)).copied().unwrap_or_default();
            let fewest = open.iter().map(|view| count(view)).min().unwrap_or_default();
            let more = count(view).saturating_sub(fewest);
            if one.max_skew.is_some_and(|most| more >= most) {
                return None;
            }
            points += f64::from(one.weight) / (1.0 + f64::from(more));
        }
        Some(points * unit)
    }

    fn room(&self, view: &HostView) -> f64 {
        let (cpu, memory, _) = self.used(view.host.id);
        let takes = self.spec.resources.of(&self.spec.instance);
        let facts = &view.host.facts;
        let part = |used: u64, total: u64| match total {
            0 => 1.0,
            total => (used as f64 / total as f64).min(1.0),
        };
        let cpu = part(cpu + takes.cpu.map_or(0, |cpu| cpu.millis()), u64::from(facts.cpus) * 1000);
        let memory = part(memory + takes.memory.map_or(0, |size| size.bytes()), facts.memory_bytes);
        let copies = self.on(view.host.id).count() as f64;
        let used = 0.4 * (cpu + memory) + 0.2 * copies / (copies + 16.0);
        match self.spec.packing {
            Packing::Even => 1.0 - used,
            Packing::Tight => used,
        }
    }
}
