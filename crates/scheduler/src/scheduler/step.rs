//! The step: what is to be done now.

use tamer_model::Timestamp;

use super::Scheduler;
use crate::{Plan, Stop};

impl Scheduler {
    /// What is to be done now: for workloads that something happened to, or that are due. At most
    /// `limit` placements are made; `more` says whether that was too few. The state is as before
    /// until the caller tells what it stored.
    pub fn step(&mut self, now: Timestamp, _limit: usize) -> Plan {
        let mut plan = Plan::default();
        for ix in &self.touched {
            let Some(desire) = self.fleet.desire(*ix, now) else { continue };
            let name = &self.fleet.workloads.get(*ix).name;
            plan.stop.extend(desire.stops.into_iter().map(|(placement, cause)| Stop {
                placement,
                workload: name.clone(),
                cause,
            }));
            plan.workloads.extend(desire.step);
        }
        plan
    }
}
