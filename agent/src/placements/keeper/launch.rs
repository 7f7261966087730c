//! Having things done, and what comes of them.

use std::time::Duration;

use tamer_model::{Availability, PlacementId, Timestamp};
use tamer_provider::{Fault, FaultKind};
use tokio_util::sync::CancellationToken;

use super::Placements;
use super::copy::UnderWay;
use crate::placements::decide::{Seen, Step};
use crate::placements::health::{Answer, Target, ask};
use crate::placements::kept::{Ended, Note};
use crate::placements::step::{Done, perform};
use crate::placements::words;

/// Steps of one lane that are under way at once. A provider has turns for 32 calls.
const LANE: usize = 8;
/// Checks that are under way at once. Those in instances take places of a provider's 64 streams.
const CHECKS: usize = 16;
/// When a technology that went away in the middle is tried again; when it is back it says so.
const AWAY: Duration = Duration::from_secs(2);
/// When something that could not be stopped, removed or resumed is tried again.
const AGAIN: Duration = Duration::from_secs(5);
const BROKE: &str = "the provider failed in a way that it should not; the agent's log has more";

/// The end of a step.
pub(super) type Stepped = (PlacementId, Done);
/// The answer of a check, and of which run.
pub(super) type Checked = (PlacementId, u64, Answer);

/// How many steps are under way. Images take long to fetch, and a stop must not wait for them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    making: usize,
    ending: usize,
    looking: usize,
}

impl Lanes {
    fn of(&mut self, step: &Step) -> &mut usize {
        match step {
            Step::Run { .. } => &mut self.making,
            Step::Stop(_) | Step::Clear { .. } => &mut self.ending,
            Step::Resume(_) | Step::Explain(_) => &mut self.looking,
        }
    }
}

impl Placements {
    /// Begins what there are lanes for.
    pub(super) fn launch(&mut self) {
        let mut waiting = std::mem::take(&mut self.wants);
        waiting.retain(|id, step| {
            let lane = self.lanes.of(step);
            if *lane >= LANE {
                return true;
            }
            let Some(copy) = self.copies.get_mut(id) else { return false };
            let Ok(provider) = self.registry.get(&copy.kept.order.provider) else { return false };
            *lane += 1;
            let cancel = CancellationToken::new();
            if let Step::Run { made: None, .. } = step {
                // Until it is seen, or known not to be there.
                copy.unsure = true;
            }
            tracing::debug!(placement = %id, step = step.as_str(), "it is being done");
            copy.under_way = Some(UnderWay { step: step.clone(), cancel: cancel.clone() });
            let (provider, order) = (provider.clone(), copy.kept.order.clone());
            let (id, step) = (*id, step.clone());
            self.steps.spawn(async move { (id, perform(provider, order, step, cancel).await) });
            false
        });
        self.wants = waiting;
    }

    pub(super) fn stepped(&mut self, (id, done): Stepped) {
        let Some(copy) = self.copies.get_mut(&id) else { return };
        let Some(UnderWay { step, .. }) = copy.under_way.take() else { return };
        *self.lanes.of(&step) -= 1;
        copy.hold = None;
        self.dirty.insert(id);
        let provider = copy.kept.order.provider.clone();
        match done {
            Done::Up(instance) => {
                copy.unsure = false;
                copy.kept.instance = Some(instance.native);
                if copy.kept.wanted() {
                    self.note(id, Note::Up);
                }
            }
            Done::Cleared => copy.unsure = false,
            Done::Stopped => {
                copy.kept.stopped();
                self.disk.unsaved = true;
            }
            Done::Explained(text) => {
                copy.kept.explained(text);
                self.disk.unsaved = true;
            }
            Done::Resumed | Done::Cancelled => {}
            Done::Fault(fault) => self.faulted(id, &step, &fault),
            Done::Broke => self.broke(id, &step),
        }
        // What came of it is in the view before its caller knows.
        self.look(&provider);
    }

    fn faulted(&mut self, id: PlacementId, step: &Step, fault: &Fault) {
        let why = words::bounded(fault.to_string());
        match (step, fault.kind) {
            (_, FaultKind::Unavailable) => self.hold(id, AWAY, why),
            // It is gone; whether that is so, the next look tells.
            (Step::Run { made: Some(_), .. }, FaultKind::NotFound) => self.hold(id, AWAY, why),
            (Step::Run { .. }, FaultKind::InvalidSpec | FaultKind::Unsupported) => {
                self.note_if_wanted(id, Note::Failed { why });
            }
            (Step::Run { .. }, _) => self.ended(id, why),
            (Step::Resume(_) | Step::Stop(_) | Step::Clear { .. } | Step::Explain(_), _) => {
                self.hold(id, AGAIN, why);
            }
        }
    }

    fn broke(&mut self, id: PlacementId, step: &Step) {
        match step {
            Step::Run { .. } => self.ended(id, BROKE.to_owned()),
            Step::Resume(_) | Step::Stop(_) | Step::Clear { .. } => {
                self.hold(id, AGAIN, BROKE.to_owned());
            }
            Step::Explain(_) => {
                if let Some(copy) = self.copies.get_mut(&id) {
                    copy.kept.explained(String::new());
                    self.disk.unsaved = true;
                }
            }
        }
    }

    /// It could not be started.
    fn ended(&mut self, id: PlacementId, why: String) {
        let at = self.clock.now();
        let ended = Ended { at, why, exit_code: None, stop: false, logged: false };
        self.note_if_wanted(id, Note::Ended(ended));
    }

    fn note_if_wanted(&mut self, id: PlacementId, note: Note) {
        if self.copies.get(&id).is_some_and(|copy| copy.kept.wanted()) {
            self.note(id, note);
        }
    }

    fn hold(&mut self, id: PlacementId, wait: Duration, why: String) {
        let until = self.clock.now().plus(wait);
        if let Some(copy) = self.copies.get_mut(&id) {
            copy.hold = Some((until, why));
        }
    }

    /// Asks those whose time has come how they are.
    pub(super) fn check(&mut self) {
        let now = self.clock.now();
        let due = self.copies.iter().filter(|(_, copy)| {
            copy.pulse.as_ref().and_then(|pulse| pulse.due()).is_some_and(|due| due <= now)
        });
        let due: Vec<_> = due.map(|(id, _)| *id).collect();
        for id in due {
            if self.checks.len() >= CHECKS {
                return;
            }
            self.ask(id, now);
        }
    }

    /// When the next one is to be asked; none while no more can be: the end of a check is an event.
    pub(super) fn check_due(&self) -> Option<Timestamp> {
        if self.checks.len() >= CHECKS {
            return None;
        }
        self.copies.values().filter_map(|copy| copy.pulse.as_ref()?.due()).min()
    }

    fn ask(&mut self, id: PlacementId, now: Timestamp) {
        let Some(copy) = self.copies.get_mut(&id) else { return };
        let Some(health) = copy.kept.order.health.clone() else { return };
        let seen = copy.seen();
        let Some(pulse) = &mut copy.pulse else { return };
        pulse.asked();
        let provider = self.registry.get(&copy.kept.order.provider).ok().filter(|provider| {
            matches!(provider.status().borrow().availability, Availability::Available { .. })
        });
        let (Some(provider), Seen::Ours(instance)) = (provider, seen) else {
            // Nobody could act on the answer.
            pulse.heard(&health, now, Answer::Unasked);
            return;
        };
        let target = Target::new(&instance, &copy.kept.order.instance.networks);
        let (provider, run) = (provider.clone(), copy.run);
        self.checks.spawn(async move { (id, run, ask(provider, target, health).await) });
    }

    pub(super) fn checked(&mut self, (id, run, answer): Checked) {
        let now = self.clock.now();
        let Some(copy) = self.copies.get_mut(&id) else { return };
        let Some(health) = copy.kept.order.health.clone() else { return };
        if copy.run == run
            && let Some(pulse) = &mut copy.pulse
        {
            pulse.heard(&health, now, answer);
            self.dirty.insert(id);
        }
    }
}
