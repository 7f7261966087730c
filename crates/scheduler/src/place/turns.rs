//! Whose turn it is, among workloads of one priority.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use tamer_model::{Timestamp, WorkloadName};

use super::level::Waiting;
use crate::Queue;
use crate::desire::Demand;
use crate::scheduler::Fleet;
use crate::state::{DeviceIx, List, Need, WorkloadIx};

/// The turns of one priority.
#[derive(Debug)]
pub struct Turns<'w> {
    queue: Queue,
    lines: Vec<Line<'w>>,
    next: BinaryHeap<Reverse<(Key, &'w WorkloadName, usize)>>,
    total: Amounts,
}

/// Who has the lower one comes first.
type Key = (u64, Timestamp);

/// One workload and its copies that wait.
#[derive(Debug)]
struct Line<'w> {
    name: &'w WorkloadName,
    demands: &'w [Demand],
    at: usize,
    placed: u64,
    share: u32,
    /// When its last copy was placed, or when it was applied.
    since: Timestamp,
    takes: &'w Need,
    held: Amounts,
}

/// Amounts of everything that can be scarce.
#[derive(Debug, Clone, Default)]
struct Amounts {
    cpu: i64,
    memory: i64,
    disk: i64,
    devices: BTreeMap<DeviceIx, i64>,
}

/// How many copies of each workload come first, if every one finds its host.
pub fn quotas(queue: Queue, fleet: &Fleet, level: &[Waiting], left: usize) -> Vec<usize> {
    if level.iter().map(|one| one.demands.len()).sum::<usize>() <= left {
        return level.iter().map(|one| one.demands.len()).collect();
    }
    let mut turns = Turns::new(queue, fleet, level);
    let mut quotas = vec![0; level.len()];
    for _ in 0..left {
        let Some((at, _)) = turns.next() else { break };
        quotas[at] += 1;
        turns.went(at, true);
    }
    quotas
}

impl<'w> Turns<'w> {
    /// Nobody had a turn yet.
    pub fn new(queue: Queue, fleet: &'w Fleet, level: &'w [Waiting]) -> Self {
        let lines: Vec<_> = level.iter().map(|one| Line::new(queue, fleet, one)).collect();
        let total = match queue {
            Queue::FairShare => Amounts::of_hosts(fleet),
            Queue::RoundRobin | Queue::FirstCome => Amounts::default(),
        };
        let mut turns = Self { queue, lines, next: BinaryHeap::new(), total };
        for at in 0..turns.lines.len() {
            turns.queue_up(at);
        }
        turns
    }

    /// Who is next, and with which copy. It stands in the queue again once it is told how it went.
    pub fn next(&mut self) -> Option<(usize, &'w Demand)> {
        let Reverse((_, _, at)) = self.next.pop()?;
        let line = &mut self.lines[at];
        let demand = &line.demands[line.at];
        line.at += 1;
        Some((at, demand))
    }

    /// How it went.
    pub fn went(&mut self, at: usize, placed: bool) {
        let line = &mut self.lines[at];
        if placed {
            line.placed += 1;
            line.held.add(line.takes, 1);
        }
        self.queue_up(at);
    }

    fn queue_up(&mut self, at: usize) {
        let line = &self.lines[at];
        if line.at < line.demands.len() {
            let key = match self.queue {
                Queue::RoundRobin => (line.placed, line.since),
                Queue::FirstCome => (0, line.since),
                Queue::FairShare => (line.dominant(&self.total), line.since),
            };
            self.next.push(Reverse((key, line.name, at)));
        }
    }
}

impl<'w> Line<'w> {
    fn new(queue: Queue, fleet: &'w Fleet, one: &'w Waiting) -> Self {
        let record = fleet.workloads.get(one.ix);
        let workload = record.workload.as_deref();
        let applied = workload.map_or_else(Timestamp::default, |workload| workload.created_at);
        let since = match queue {
            Queue::RoundRobin => last_placed(fleet, one.ix).unwrap_or(applied),
            Queue::FirstCome | Queue::FairShare => applied,
        };
        let mut held = Amounts::default();
        for (need, copies) in &record.held {
            held.add(fleet.needs.get(*need), i64::from(*copies));
        }
        let first = one.demands.first().and_then(|demand| record.need(demand.template));
        static NOTHING: Need =
            Need { cpu: 0, memory: 0, disk: 0, devices: Vec::new(), ports: Vec::new() };
        Self {
            name: &record.name,
            demands: &one.demands,
            at: 0,
            placed: 0,
            share: workload.map_or(1, |workload| workload.spec.share),
            since,
            takes: first.map_or(&NOTHING, |need| fleet.needs.get(need)),
            held,
        }
    }

    /// What it has of what it has most of, for each unit of its share, in parts of 2^40.
    fn dominant(&self, total: &Amounts) -> u64 {
        let part = |held: i64, total: i64| match total {
            ..=0 => 0,
            total => ((i128::from(held) << 40) / i128::from(total)) as u64,
        };
        let devices =
            self.held.devices.iter().map(|(kind, held)| {
                part(*held, total.devices.get(kind).copied().unwrap_or_default())
            });
        let plain = [
            part(self.held.cpu, total.cpu),
            part(self.held.memory, total.memory),
            part(self.held.disk, total.disk),
        ];
        devices.chain(plain).max().unwrap_or_default() / u64::from(self.share.max(1))
    }
}

impl Amounts {
    fn add(&mut self, need: &Need, times: i64) {
        self.cpu += times * need.cpu;
        self.memory += times * need.memory;
        self.disk += times * need.disk;
        for (kind, count) in &need.devices {
            *self.devices.entry(*kind).or_default() += times * i64::from(*count);
        }
    }

    /// All that the hosts have, which is what is left and what is taken.
    fn of_hosts(fleet: &Fleet) -> Self {
        let mut total = Self::default();
        for (ix, _) in fleet.hosts.told() {
            let usage = fleet.hosts.usage(ix);
            total.cpu += usage.total.0;
            total.memory += usage.total.1;
            total.disk += usage.total_disk;
            for (kind, count) in usage.all_devices() {
                *total.devices.entry(kind).or_default() += count;
            }
        }
        total
    }
}

fn last_placed(fleet: &Fleet, ix: WorkloadIx) -> Option<Timestamp> {
    let seats = fleet.placements.of(List::Workload, fleet.workloads.get(ix).head);
    seats.map(|(_, seat)| seat.made_at).max()
}
