//! Single steps of a fleet at rest, each timed by itself.

use std::time::Instant;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use tamer_model::HostState;

use crate::stored::Stored;

/// The most that one step makes here.
const LIMIT: usize = 1000;

/// Takes copies away, one after the other, and times the step that places each again, in
/// nanoseconds.
pub fn gone(stored: &mut Stored, times: u32) -> Result<Histogram<u64>> {
    let mut taken = Histogram::new(3)?;
    let ids = stored.ids.clone();
    // A prime step: each is another copy, of another workload.
    for turn in 0..(times as usize).min(ids.len()) {
        let id = ids[(turn * 7919) % ids.len()];
        stored.later();
        stored.scheduler.remove_placement(id);
        let began = Instant::now();
        let plan = stored.scheduler.step(stored.at(), LIMIT);
        taken.record(began.elapsed().as_nanos() as u64)?;
        ensure!(!plan.make.is_empty(), "one copy was gone, and none is made");
        for make in plan.make {
            stored.make(make);
        }
    }
    Ok(taken)
}

/// What a lost host costs.
pub struct Lost {
    /// The word of it and the step that replaces its copies, in nanoseconds.
    pub taken: Histogram<u64>,
    /// How many copies were replaced for all of the hosts.
    pub copies: u64,
}

/// Loses hosts that have copies, one after the other, and times the word of it with the step that
/// replaces what was there. Each host is back before the next is lost, and nothing of the plans is stored.
pub fn lost(stored: &mut Stored, times: u32) -> Result<Lost> {
    let mut lost = Lost { taken: Histogram::new(3)?, copies: 0 };
    let hosts = stored.used();
    for turn in 0..(times as usize).min(hosts.len()) {
        let at = hosts[(turn * 7919) % hosts.len()];
        stored.later();
        let began = Instant::now();
        stored.put_host(at, HostState::Lost);
        let plan = stored.scheduler.step(stored.at(), LIMIT);
        lost.taken.record(began.elapsed().as_nanos() as u64)?;
        let id = stored.hosts[at].host.id;
        ensure!(plan.make.iter().all(|make| make.host != id), "a lost host gets copies");
        lost.copies += plan.make.len() as u64;
        stored.put_host(at, HostState::Ready);
        stored.later();
        let plan = stored.scheduler.step(stored.at(), LIMIT);
        ensure!(plan.make.is_empty() && plan.stop.is_empty(), "it is not at rest");
    }
    Ok(lost)
}

/// Times steps before which nothing happened but time, in nanoseconds.
pub fn idle(stored: &mut Stored, times: u32) -> Result<Histogram<u64>> {
    let mut taken = Histogram::new(3)?;
    for _ in 0..times {
        stored.later();
        let began = Instant::now();
        let plan = stored.scheduler.step(stored.at(), LIMIT);
        taken.record(began.elapsed().as_nanos() as u64)?;
        ensure!(plan.make.is_empty() && plan.stop.is_empty(), "it is not at rest");
    }
    Ok(taken)
}
