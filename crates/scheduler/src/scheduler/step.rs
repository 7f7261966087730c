//! The step: what is to be done now.

use std::collections::BTreeMap;

use tamer_model::{Rebalance, Span, Timestamp, WorkloadName};

use super::{Fleet, Scheduler};
use crate::desire::Desire;
use crate::place::{Balance, Draft, Frame, Placer, Waiting, explain, moves};
use crate::state::WorkloadIx;
use crate::{Plan, Stop, Unplaced};

/// For so long a person's wish to balance holds: what is not well by then is not moved for it.
const ASKED_FOR: Span = Span::from_secs(3600);

/// What was worked out for one workload.
struct Look {
    ix: WorkloadIx,
    desire: Desire,
    moved: bool,
    balanced: bool,
}

impl Scheduler {
    /// What is to be done now: for workloads that something happened to, or that are due. At most
    /// `limit` placements are made; `more` says whether that was too few. The state is as before
    /// until the caller tells what it stored.
    pub fn step(&mut self, now: Timestamp, limit: usize) -> Plan {
        if self.stepped_at != now {
            self.forget_idle();
            self.stepped_at = now;
        }
        self.rouse(now);
        let mut looks = self.looks(now);
        let mut plan = Plan::default();
        let mut draft = Draft::new(&self.fleet, now);
        for look in &looks {
            let workload = &self.fleet.workloads.get(look.ix).name;
            for (placement, cause) in &look.desire.stops {
                if let Some(slot) = self.fleet.placements.find(*placement) {
                    draft.part(slot, false);
                }
                let (placement, cause) = (*placement, *cause);
                plan.stop.push(Stop { placement, workload: workload.clone(), cause });
            }
            plan.workloads.extend(look.desire.step.clone());
        }
        let mut placer = Placer::new(draft, limit);
        let waiting = looks.iter_mut().filter(|look| !look.desire.demands.is_empty());
        let waiting =
            waiting.map(|look| Waiting { ix: look.ix, demands: look.desire.demands.clone() });
        placer.place(self.queue, waiting.collect());
        for look in &mut looks {
            self.fleet.balance(look, &mut placer, limit);
        }
        let told = placer.unplaced.iter();
        let told = told.map(|(ix, copies)| (*ix, explain(&placer.draft, *ix, *copies)));
        let mut told: BTreeMap<_, _> = told.collect();
        let Placer { make, stop, unplaced, more, .. } = placer;
        plan.stop.extend(stop);
        (plan.make, plan.more) = (make, more);
        self.note(&looks, &unplaced, &mut told, now);
        let told =
            self.starved.iter().filter_map(|ix| self.fleet.workloads.get(*ix).unplaced.clone());
        plan.unplaced = told.collect();
        plan.unplaced.sort_by(|left, right| left.workload.cmp(&right.workload));
        let due = self.due.first().map(|(at, _)| *at);
        plan.wake = due.into_iter().chain(self.aside.first().map(|(at, _)| *at)).min();
        plan
    }

    /// What time alone brings, and what hosts that opened bring to those who wait.
    fn rouse(&mut self, now: Timestamp) {
        while let Some((at, ix)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, ix));
            self.fleet.workloads.get_mut(ix).due = None;
            self.touched.insert(ix);
        }
        while let Some((at, host)) = self.aside.first().copied().filter(|(at, _)| *at <= now) {
            self.aside.remove(&(at, host));
            self.opened.insert(host);
            self.touched.extend(&self.everywhere);
        }
        let opened = std::mem::take(&mut self.opened);
        if opened.is_empty() || self.starved.is_empty() {
            return;
        }
        let draft = Draft::new(&self.fleet, now);
        for ix in &self.starved {
            let template = self.fleet.workloads.get(*ix).workload.as_ref().map(|w| w.template);
            let frame = template.and_then(|template| Frame::new(&self.fleet, *ix, template));
            // A host may do that could be had from others, or for a copy of another version:
            // only what no change of copies can bring keeps one waiting.
            let open = frame.map(|frame| frame.open(&draft));
            if open.is_some_and(|open| opened.iter().any(|host| open.has(*host))) {
                self.touched.insert(*ix);
            }
        }
    }

    fn looks(&self, now: Timestamp) -> Vec<Look> {
        let mut touched: Vec<(&WorkloadName, WorkloadIx)> =
            self.touched.iter().map(|ix| (&self.fleet.workloads.get(*ix).name, *ix)).collect();
        // By name: places in the tables hang on who was told of first.
        touched.sort_unstable();
        let looks = touched.into_iter().filter_map(|(_, ix)| {
            let desire = self.fleet.desire(ix, now)?;
            Some(Look { ix, desire, moved: false, balanced: false })
        });
        looks.collect()
    }

    /// Remembers who waits, who is done with, and when to look again.
    fn note(
        &mut self,
        looks: &[Look],
        unplaced: &BTreeMap<WorkloadIx, u32>,
        told: &mut BTreeMap<WorkloadIx, Option<Unplaced>>,
        now: Timestamp,
    ) {
        self.idle.clear();
        for look in looks {
            let ix = look.ix;
            let copies = unplaced.get(&ix).copied().unwrap_or_default();
            match copies {
                0 => self.starved.remove(&ix),
                _ => self.starved.insert(ix),
            };
            let idle = look.desire.stops.is_empty() && look.desire.step.is_none() && !look.moved;
            if idle && look.desire.demands.len() == copies as usize {
                self.idle.insert(ix);
            }
            let record = self.fleet.workloads.get_mut(ix);
            record.unplaced = told.remove(&ix).flatten();
            if look.balanced {
                record.balanced = Some(now);
            }
            let again = record.balance_due(look.desire.wake);
            if let Some(before) = std::mem::replace(&mut record.due, again) {
                self.due.remove(&(before, ix));
            }
            self.due.extend(again.map(|at| (at, ix)));
        }
        let there = |ix: &WorkloadIx| self.fleet.workloads.get(*ix).workload.is_some();
        self.touched.retain(there);
    }
}

impl crate::state::WorkloadRecord {
    /// The next time at which it is looked at though nothing happens.
    fn balance_due(&self, wake: Option<Timestamp>) -> Option<Timestamp> {
        let policy = self.workload.as_ref().and_then(|workload| workload.spec.rebalance);
        let balance =
            policy.and_then(|policy| Some(self.balanced?.plus(policy.cooldown.duration())));
        wake.into_iter().chain(balance).min()
    }

    /// Whether, and how, it may be balanced now.
    fn balance(&self, spare: u32, now: Timestamp) -> Option<Balance> {
        let workload = self.workload.as_ref()?;
        let policy = workload.spec.rebalance;
        let open = |at: &Timestamp| {
            self.balanced.is_none_or(|balanced| balanced < *at)
                && now < at.plus(ASKED_FOR.duration())
        };
        let asked = workload.rebalance_at.filter(|at| *at <= now).filter(open);
        let due = policy.is_some_and(|policy| {
            self.balanced.is_none_or(|balanced| balanced.plus(policy.cooldown.duration()) <= now)
        });
        (asked.is_some() || due).then(|| Balance::of(policy.unwrap_or_default(), spare, asked, now))
    }
}

impl Fleet {
    /// Moves copies of a workload that wants nothing else and whose copies are all well.
    fn balance(&self, look: &mut Look, placer: &mut Placer<'_>, limit: usize) {
        let Some(balance) =
            self.workloads.get(look.ix).balance(look.desire.spare, placer.draft.now)
        else {
            return;
        };
        if !self.is_settled(look.ix, &look.desire) {
            return;
        }
        let left = limit - placer.make.len();
        let balance = balance.at_most(left);
        let moves = moves(&mut placer.draft, look.ix, balance, self.hosts.told().count() as u32);
        (look.moved, look.balanced) = (!moves.is_empty(), moves.is_empty() && balance.moves > 0);
        for (make, stop) in moves {
            placer.make.push(make);
            placer.stop.extend(stop);
        }
    }

    /// What balancing would move now, if a person asked for it.
    pub(super) fn rebalance(&self, ix: WorkloadIx, now: Timestamp, plan: &mut Plan) {
        let desire = self.desire(ix, now).filter(|desire| self.is_settled(ix, desire));
        let Some(desire) = desire else { return };
        let record = self.workloads.get(ix);
        let policy = record.workload.as_ref().and_then(|workload| workload.spec.rebalance);
        let policy: Rebalance = policy.unwrap_or_default();
        let balance = Balance::of(policy, desire.spare, Some(now), now);
        let mut draft = Draft::new(self, now);
        for (make, stop) in moves(&mut draft, ix, balance, self.hosts.told().count() as u32) {
            plan.make.push(make);
            plan.stop.extend(stop);
        }
    }

    /// Whether nothing is wanted, every copy is well, and none is in the making: one wave of moves
    /// ends before the next begins.
    fn is_settled(&self, ix: WorkloadIx, desire: &Desire) -> bool {
        let workload = self.workloads.get(ix).workload.as_ref();
        desire.demands.is_empty()
            && desire.stops.is_empty()
            && desire.step.is_none()
            && desire.counts.well >= desire.counts.wanted
            && desire.counts.stopping == 0
            && workload.is_some_and(|workload| desire.spare >= workload.spec.update.max_in_flight)
    }
}
