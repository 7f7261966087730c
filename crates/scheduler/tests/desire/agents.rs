//! What the hosts do: they start and stop copies, fail, are cut off and come back.

use tamer_model::{HostId, Phase, PlacementId, Timestamp};
use tamer_scheduler::desire::Told;

use crate::world::{Copy, Dice, Nature, World};

impl World {
    /// Something happens to a copy on its host, which the coordinator hears when it hears the host.
    pub fn real(&mut self, id: PlacementId, phase: Phase, healthy: Option<bool>) {
        let since = self.now;
        let copy = self.copies.get_mut(&id).expect("it is there");
        copy.real = Some(Told { phase, healthy, since });
        if phase == Phase::Completed {
            self.done.push((copy.record.index, copy.record.template));
        }
        self.hear(id);
    }

    /// One step in the life of a copy, as its nature is.
    pub fn live(&mut self, id: PlacementId) {
        let copy = &self.copies[&id];
        let phase = copy.real.map(|real| real.phase);
        let completes = self.workload.spec.completes();
        let checked = self.workload.spec.health.is_some();
        match (phase, self.nature(copy.record.template)) {
            _ if !copy.record.wanted() => self.end(id),
            (None, _) => self.real(id, Phase::Preparing, None),
            (Some(Phase::Preparing | Phase::Waiting), Nature::Good) => {
                self.real(id, Phase::Running, Some(true));
            }
            (Some(Phase::Preparing | Phase::Waiting), Nature::Unwell) if checked => {
                self.real(id, Phase::Running, Some(false));
            }
            (Some(Phase::Preparing), Nature::Unwell) => self.real(id, Phase::Waiting, None),
            (Some(Phase::Preparing | Phase::Waiting), Nature::Fails) => {
                self.real(id, Phase::Failed, None);
            }
            (Some(Phase::Running), Nature::Good) if completes => {
                self.real(id, Phase::Completed, None);
            }
            (Some(Phase::Running), Nature::Good) if !self.well(id) => {
                self.real(id, Phase::Waiting, None);
            }
            (Some(_), _) => {}
        }
    }

    pub fn well(&self, id: PlacementId) -> bool {
        let Some(real) = self.copies[&id].real else { return false };
        let checked = self.workload.spec.health.is_some();
        real.phase == Phase::Running && (!checked || real.healthy == Some(true))
    }

    /// A misfortune of a copy that runs or is about to.
    pub fn trouble(&mut self, id: PlacementId, dice: &mut Dice) {
        let Some(real) = self.copies[&id].real else { return };
        match (real.phase, dice.below(4)) {
            (Phase::Running, 0) => self.real(id, Phase::Failed, None),
            (Phase::Running, 1) => self.real(id, Phase::Waiting, None),
            (Phase::Running, 2) => self.real(id, Phase::Running, Some(false)),
            (Phase::Running | Phase::Preparing, _) => self.real(id, Phase::Gone, None),
            (_, _) => {}
        }
    }

    fn end(&mut self, id: PlacementId) {
        self.real(id, Phase::Gone, None);
        self.bury();
    }

    /// The coordinator hears of a copy, if it hears its host.
    fn hear(&mut self, id: PlacementId) {
        let copy = self.copies.get_mut(&id).expect("it is there");
        let host = self.hosts.get(&copy.record.host);
        if host.is_some_and(|host| host.lost.is_none() && !host.gone) {
            copy.told = copy.real;
        }
    }

    /// Records go when their copies are known to be gone, or their hosts are.
    pub fn bury(&mut self) {
        let hosts = &self.hosts;
        self.copies.retain(|_, copy| {
            let gone = copy.told.is_some_and(|told| told.phase == Phase::Gone);
            let here = hosts.get(&copy.record.host).is_some_and(|host| !host.gone);
            copy.record.wanted() || (here && !gone)
        });
    }

    pub fn lose(&mut self, id: HostId, now: Timestamp) {
        let host = self.hosts.get_mut(&id).expect("it is there");
        host.lost.get_or_insert(now);
    }

    /// A host is heard again, and has told how its copies stand.
    pub fn find(&mut self, id: HostId) {
        self.hosts.get_mut(&id).expect("it is there").lost = None;
        let there = |copy: &&mut Copy| copy.record.host == id;
        self.copies.values_mut().filter(there).for_each(|copy| copy.told = copy.real);
        self.bury();
    }

    pub fn remove_host(&mut self, id: HostId) {
        self.hosts.get_mut(&id).expect("it is there").gone = true;
        self.bury();
    }

    /// All copies on hosts that run take a step.
    pub fn tick(&mut self) {
        for id in self.copies.keys().copied().collect::<Vec<_>>() {
            let on = self.copies.get(&id).and_then(|copy| self.hosts.get(&copy.record.host));
            if on.is_some_and(|host| !host.gone) {
                self.live(id);
            }
        }
        self.bury();
    }
}
