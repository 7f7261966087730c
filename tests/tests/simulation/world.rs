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
    // Which run of each is at work.
    let mut working = std::collections::BTreeMap::<NativeId, u64>::new();
    // The sender lives as long as the machine; what was lost is seen by the next look.
    while !matches!(happens.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
        ledger.look(&machine);
        while at_work.try_join_next().is_some() {}
        let now = machine.technology.behind();
        for instance in now.iter().filter(|one| runs(one) && works(one)) {
            let run = ledger.runs_of(&machine, &instance.native);
            if working.insert(instance.native.clone(), run) != Some(run) {
                let (machine, ledger) = (machine.clone(), ledger.clone());
                let (id, takes) = (instance.native.clone(), random.u64(1500..12_000));
                let well = random.u8(..8) > 0;
                at_work.spawn(async move {
                    sleep(Duration::from_millis(takes)).await;
                    end(&machine, &ledger, &id, if well { End::Well } else { End::Told });
                });
            }
        }
    }
}

/// How an instance ends that no agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It did what it had to do.
    Well,
    /// It failed.
    Told,
    /// It failed, and its technology tells nobody: whoever looks sees it.
    Silent,
    /// A person on the host removed it.
    Removed,
}

/// An instance ends, if it runs.
pub fn end(machine: &Machine, ledger: &Ledger, id: &NativeId, end: End) {
    let technology = &machine.technology;
    let all = technology.behind();
    let Some(instance) = all.iter().find(|one| one.native == *id && runs(one)) else { return };
    ledger.excuse(machine, id);
    if let Some(copy) = placement_of(instance).filter(|_| end == End::Well) {
        ledger.finish(machine, copy);
    }
    match end {
        End::Well => technology.exit(id, 0, "done"),
        End::Told => technology.change(id, InstanceState::Failed),
        End::Silent => technology.change_silently(id, InstanceState::Failed),
        End::Removed => technology.vanish(id),
    };
    ledger.look(machine);
}

fn works(instance: &Instance) -> bool {
    placement_of(instance).is_some()
        && instance.labels.get(WORKLOAD).is_some_and(|workload| workload == WORK)
}
