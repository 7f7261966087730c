//! One placement and what is known of it now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tamer_model::{Instance, InstanceState, NativeId, PlacementStatus, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::placements::decide::{Seen, Shown, Step};
use crate::placements::health::Pulse;
use crate::placements::kept::{Kept, Stand, Told, Wish};
use crate::placements::ours::Relation;
use crate::placements::words;

/// How long after its grace a copy that does not stop is waited for by those that are new.
const PATIENCE: Duration = Duration::from_secs(60);

/// One placement.
#[derive(Debug)]
pub(super) struct Copy {
    /// What is on the disk, or soon will be.
    pub kept: Kept,
    /// Whether it was ever on the disk.
    pub saved: bool,
    /// The instances that are its own or have its name.
    pub instances: BTreeMap<NativeId, (Relation, Arc<Instance>)>,
    /// What is being done.
    pub under_way: Option<UnderWay>,
    /// Until when what could not be done is not tried again, and why.
    pub hold: Option<(Timestamp, String)>,
    /// Its checks, while it runs.
    pub pulse: Option<Pulse>,
    /// Counts its runs, so that an answer of an earlier one is known as such.
    pub run: u64,
    /// Whether an instance may be there that is not seen.
    pub unsure: bool,
    /// With which message of a coordinator it came.
    pub batch: u64,
    /// When to decide again though nothing happens.
    pub wake: Option<Timestamp>,
}

/// A step under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub step: Step,
    pub cancel: CancellationToken,
}

impl Copy {
    /// One that was just ordered.
    pub fn new(kept: Kept, batch: u64) -> Self {
        Self {
            kept,
            saved: false,
            instances: BTreeMap::new(),
            under_way: None,
            hold: None,
            pulse: None,
            run: 0,
            unsure: false,
            batch,
            wake: None,
        }
    }

    /// One that an earlier life of the agent kept.
    pub fn resumed(kept: Kept) -> Self {
        // Whether that life made its instance before it ended, nobody wrote down.
        let unsure = kept.begun && kept.instance.is_none();
        Self { saved: true, unsure, ..Self::new(kept, 0) }
    }

    /// Whether it is to be looked at again by now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.wake.is_some_and(|at| at <= now)
    }

    /// Whether it is gone, and nothing is done about it any more.
    pub fn is_gone(&self) -> bool {
        matches!(self.kept.wish, Wish::Go { gone: true, .. }) && self.under_way.is_none()
    }

    /// With which message it was told to go, and until when new ones wait for it; none when it is
    /// not to go, or is gone.
    pub fn leaving(&self, batch: u64, now: Timestamp) -> Option<(u64, Timestamp)> {
        match self.kept.wish {
            Wish::Go { gone: false, .. } => {
                Some((batch, now.plus(self.kept.order.stop_grace.duration() + PATIENCE)))
            }
            Wish::Go { gone: true, .. } | Wish::Run => None,
        }
    }

    /// The instance to look at: its own before others, and the one that runs before those that do
    /// not.
    pub fn seen(&self) -> Seen {
        let ours = self.instances.values().filter(|(relation, _)| *relation == Relation::Ours);
        let rank = |instance: &Instance| instance.state != InstanceState::Running;
        match ours.map(|(_, instance)| instance).min_by_key(|instance| rank(instance)) {
            Some(instance) => Seen::Ours(instance.clone()),
            None if self.instances.is_empty() => Seen::Nothing,
            None => Seen::Foreign,
        }
    }

    /// Begins or ends its checks, by what is seen of it.
    pub fn feel(&mut self, seen: &Seen, now: Timestamp) {
        let runs = match seen {
            Seen::Ours(instance) => instance.state == InstanceState::Running,
            Seen::Nothing | Seen::Foreign => false,
            // As it was, as far as anybody knows.
            Seen::Away(_) | Seen::NoProvider(_) => return,
        };
        let checked = self.kept.wanted() && self.kept.stand == Stand::Up;
        if !runs || !checked || self.kept.order.health.is_none() {
            self.pulse = None;
        } else if self.pulse.is_none() {
            // Of its first run in this life of the agent, the one before may know something.
            let before = self.kept.told.and_then(|told| told.healthy);
            let before = before.filter(|well| *well && self.run == 0 && self.saved);
            self.run += 1;
            self.pulse = Some(Pulse::new(now, before));
        }
    }

    /// What is told of it. Whether that is new to the disk comes with it.
    pub fn status(&mut self, shown: Shown) -> (PlacementStatus, bool) {
        let Shown { phase, healthy, reason } = shown;
        let same = |told: &Told| told.phase == phase && told.healthy == healthy;
        let before = self.kept.told.filter(same);
        let told = before.unwrap_or_else(|| Told { phase, healthy, since: clock::now() });
        self.kept.told = Some(told);
        let status = PlacementStatus {
            phase,
            healthy,
            since: told.since,
            restarts: self.kept.restarts,
            reason: reason.map(words::bounded),
            instance: self.kept.instance.clone(),
            exit_code: self.kept.exit_code,
        };
        (status, before.is_none())
    }
}
