//! The scheduler with what is stored, as the coordinator would tell it.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, ensure};
use tamer_model::{
    HostId, HostState, Lost, Patience, Phase, Placement, PlacementId, PlacementStatus, Span,
    Timestamp, Wish,
};
use tamer_scheduler::{HostView, Make, Queue, Scheduler};

use crate::fleet;

/// How large the fleet is.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    pub hosts: u32,
    pub workloads: u32,
    pub copies: u32,
    /// How many times as much as usual a copy takes.
    pub times: u32,
}

impl Scale {
    /// How many copies there are in all.
    pub const fn all(self) -> u32 {
        self.workloads * self.copies
    }
}

/// What is stored.
pub struct Stored {
    pub scheduler: Scheduler,
    /// The placements that were made, in their order.
    pub ids: Vec<PlacementId>,
    /// The hosts, as they were told at first.
    pub hosts: Vec<HostView>,
    /// Hosts that got copies.
    used: BTreeSet<HostId>,
    drawn: u64,
    now: u64,
}

impl Stored {
    /// Hosts and workloads, and no placement yet.
    pub fn new(scale: Scale) -> Result<Self> {
        let hosts = (0..scale.hosts).map(fleet::host).collect::<Result<Vec<_>>>()?;
        let mut scheduler = Scheduler::new(1, Queue::FairShare);
        hosts.iter().for_each(|host| scheduler.put_host(host.clone()));
        for number in 0..scale.workloads {
            let mut workload = fleet::workload(number, (scale.copies, scale.times))?;
            // Whoever is lost is replaced at once: it is the decision that is timed, not patience.
            let replace_after = Patience::After(Span::from_secs(0));
            workload.spec.lost = Lost { replace_after, ..Lost::default() };
            scheduler.put_workload(Arc::new(workload));
        }
        Ok(Self {
            scheduler,
            ids: Vec::new(),
            hosts,
            used: BTreeSet::new(),
            drawn: 0,
            now: 1_000_000,
        })
    }

    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    /// A second later.
    pub fn later(&mut self) {
        self.now += 1000;
    }

    /// Stores a placement that runs since a while.
    pub fn make(&mut self, make: Make) {
        self.drawn += 1;
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let made_at = Timestamp::from_millis(self.now - 600_000);
        let placement = Placement {
            id: PlacementId::from_bytes(bytes),
            workload: make.workload,
            index: make.index,
            template: make.template,
            host: make.host,
            made_at,
            why: make.why,
            replaces: None,
            wish: Wish::Run,
        };
        let status = PlacementStatus {
            phase: Phase::Running,
            healthy: None,
            since: made_at,
            restarts: 0,
            reason: None,
            instance: None,
            exit_code: None,
        };
        self.ids.push(placement.id);
        self.used.insert(placement.host);
        self.scheduler.put_placement(placement, Some(status));
    }

    /// The places of hosts that got copies.
    pub fn used(&self) -> Vec<usize> {
        let hosts = self.hosts.iter().enumerate();
        let used = hosts.filter(|(_, view)| self.used.contains(&view.host.id));
        used.map(|(at, _)| at).collect()
    }

    /// A host is lost since now, or is back.
    pub fn put_host(&mut self, at: usize, state: HostState) {
        let view = HostView { state, since: self.at(), ..self.hosts[at].clone() };
        self.scheduler.put_host(view);
    }

    /// Looks at everything, and finds nothing to do.
    pub fn rest(&mut self) -> Result<()> {
        self.scheduler.touch_all();
        let plan = self.scheduler.step(self.at(), 1000);
        ensure!(plan.make.is_empty() && plan.stop.is_empty(), "it is not at rest");
        Ok(())
    }
}
