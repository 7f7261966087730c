//! What goes on in a host's technology: it is followed, and work that ends by itself ends.

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{Instance, InstanceState, NativeId};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ledger::{Ledger, placement_of, runs};
use super::machine::Machine;

/// The label by which the workload of an instance is known.
const WORKLOAD: &str = "tamer.workload";
/// The workload whose copies end by themselves.
pub const WORK: &str = "work";

/// Follows a host's instances until it is dropped.
pub async fn follow(machine: Arc<Machine>, ledger: Ledger, seed: u64) {
    let mut happens = machine.technology.overhear();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut at_work: JoinSet<()> = JoinSet::new();
    let mut working = std::collections::BTreeSet::<NativeId>::new();
    // The sender lives as long as the machine; what was lost is seen by the next look.
    while !matches!(happens.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
        ledger.look(&machine);
        while at_work.try_join_next().is_some() {}
        let now = machine.technology.behind();
        working.retain(|id| now.iter().any(|one| one.native == *id && runs(one)));
        for instance in now.iter().filter(|one| runs(one) && works(one)) {
            if working.insert(instance.native.clone()) {
                let (machine, ledger) = (machine.clone(), ledger.clone());
                let (id, takes) = (instance.native.clone(), random.u64(1500..12_000));
                let well = random.u8(..8) > 0;
                at_work.spawn(async move {
                    sleep(Duration::from_millis(takes)).await;
                    let state = if well { InstanceState::Stopped } else { InstanceState::Failed };
                    end(&machine, &ledger, &id, state);
                });
            }
        }
    }
}

/// An instance ends by itself, if it runs.
pub fn end(machine: &Machine, ledger: &Ledger, id: &NativeId, state: InstanceState) {
    let all = machine.technology.behind();
    if all.iter().any(|one| one.native == *id && runs(one)) {
        ledger.excuse(machine, id);
        machine.technology.change(id, state);
    }
}

fn works(instance: &Instance) -> bool {
    placement_of(instance).is_some()
        && instance.labels.get(WORKLOAD).is_some_and(|workload| workload == WORK)
}
