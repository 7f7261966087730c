//! Doing what was decided: commit, show, tell.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tamer_model::{HostId, Placement, Problem, Timestamp, Workload, WorkloadName};
use tamer_scheduler::{Make, Stop, WorkloadStep};
use tamer_store::{Change, CommitError, Event, Key, Revision};
use tracing::{error, info};

use super::super::deed::Deed;
use super::super::group::{Grouped, turns};
use super::super::load;
use super::super::orders::Outbox;
use super::super::plan::Drawing;
use super::super::steps::{self, Stepped};
use super::super::trouble::Trouble;
use super::{CONFLICT, Controller};
use crate::clock;
use crate::state::{Unstorable, decode, keys};

impl Controller {
    /// Does what was planned. Returns whether there was anything that could be done.
    pub(super) async fn carry_out(
        &mut self,
        make: Vec<Make>,
        stop: Vec<Stop>,
        steps: Vec<WorkloadStep>,
        now: Timestamp,
    ) -> bool {
        let (skip, mut done) = self.step_workloads(steps, now).await;
        if let Err(problem) = self.learn(&make).await {
            error!(%problem, "what copies are made of cannot be read");
            self.store_failed();
            return false;
        }
        let deeds = {
            let board = self.workloads.read();
            let drawing = Drawing { board: &board, hosts: &self.hosts, now, skip: &skip };
            drawing.deeds(make, stop)
        };
        done |= !deeds.is_empty();
        self.perform(deeds).await;
        done
    }

    /// Does what is to become of workloads' records. Returns those that are planned anew, and
    /// whether anything was done.
    async fn step_workloads(
        &mut self,
        steps: Vec<WorkloadStep>,
        now: Timestamp,
    ) -> (BTreeSet<WorkloadName>, bool) {
        let (store, workloads, fleet) = (&self.store, &self.workloads, &self.fleet);
        let names: Vec<_> = steps.iter().map(|step| steps::name_of(step).clone()).collect();
        let at = |name: &WorkloadName| workloads.read().workload(name).map(|one| one.at);
        let before: Vec<_> = names.iter().map(at).collect();
        let steps = steps.into_iter();
        let results =
            join_all(steps.map(|step| steps::step(store, workloads, fleet, step, now))).await;
        let mut done = names.iter().map(at).ne(before);
        let mut skip = BTreeSet::new();
        workloads.changed(&names, []);
        for (name, result) in names.into_iter().zip(results) {
            match result {
                Ok(Stepped::Noted) => {}
                Ok(Stepped::Changed) => {
                    done = true;
                    skip.insert(name);
                }
                Err(refused) if refused.is_conflict() => {
                    self.conflict(&keys::workload(&name)).await;
                    skip.insert(name);
                }
                Err(failed) => {
                    let problem = failed.problem();
                    error!(%problem, workload = %name, "what is to become of a workload was not done");
                    self.store_failed();
                    skip.insert(name);
                }
            }
        }
        (skip, done)
    }

    /// Reads the versions that copies are to be made of, where the board does not have them.
    async fn learn(&self, make: &[Make]) -> Result<(), Problem> {
        let lacking: BTreeSet<_> = {
            let board = self.workloads.read();
            let lacking = make.iter().filter(|make| board.lacks(&make.workload, make.template));
            lacking.map(|make| (make.workload.clone(), make.template)).collect()
        };
        for (name, template) in lacking {
            self.learn_one(&name, template).await?;
        }
        Ok(())
    }

    async fn learn_one(&self, name: &WorkloadName, template: u32) -> Result<(), Problem> {
        if let Some(version) = load::version(&self.store, name, template).await? {
            self.workloads.write().put_template(name, template, version.spec.into());
        }
        Ok(())
    }

    /// Commits decisions, and then acts on them. What follows on something that was refused is not
    /// done: it is planned anew.
    pub(super) async fn perform(&mut self, deeds: Vec<Deed>) {
        if deeds.is_empty() {
            return;
        }
        for turn in turns(deeds) {
            if !self.commit(turn).await {
                return;
            }
        }
    }

    /// Whether all of it was stored.
    async fn commit(&mut self, turn: Vec<Grouped>) -> bool {
        let commits = turn.iter().map(|(commit, _)| self.store.commit(commit.clone()));
        let results = join_all(commits).await;
        let (all, mut stored) = (turn.len(), Vec::with_capacity(turn.len()));
        for ((_, deeds), result) in turn.into_iter().zip(results) {
            match result {
                Ok(at) => stored.push((at, deeds)),
                Err(problem) => self.refused(problem, &deeds).await,
            }
        }
        let done = stored.len() == all;
        self.stored(stored);
        done
    }

    /// Shows what was stored, and tells agents of it.
    fn stored(&mut self, stored: Vec<(Revision, Vec<Deed>)>) {
        if stored.is_empty() {
            return;
        }
        let (mut names, mut hosts) = (BTreeSet::new(), BTreeSet::new());
        let mut outbox = Outbox::default();
        let mut board = self.workloads.write();
        for (at, deed) in
            stored.into_iter().flat_map(|(at, deeds)| deeds.into_iter().map(move |deed| (at, deed)))
        {
            hosts.insert(deed.host());
            match deed {
                Deed::Make { placement, .. } => {
                    names.insert(placement.workload.clone());
                    outbox.put(&board, &placement);
                    board.put_placement(placement, at);
                }
                Deed::Stop { placement, .. } => {
                    names.insert(placement.workload.clone());
                    outbox.stop(&placement);
                    board.put_placement(placement, at);
                }
                Deed::Remove { id, .. } => {
                    names.extend(board.copy(id).map(|copy| copy.placement.workload.clone()));
                    board.remove_placement(id);
                }
                Deed::Told { id, status, .. } => {
                    names.extend(board.copy(id).map(|copy| copy.placement.workload.clone()));
                    board.put_status(id, status);
                }
                Deed::Trouble { host, trouble } => {
                    board.put_trouble(host, trouble);
                    self.touched.insert(host);
                }
            }
        }
        drop(board);
        (self.waited, self.again) = (std::time::Duration::ZERO, true);
        self.workloads.changed(&names, hosts);
        outbox.send(&self.sessions, &self.greeted);
    }

    /// A commit that failed changed nothing that is known. After a conflict, what it was made on is
    /// read again; after a failure, everything.
    async fn refused(&mut self, problem: CommitError, deeds: &[Deed]) {
        match problem {
            CommitError::Conflict { key } => self.conflict(&key).await,
            CommitError::Closed => self.stale = true,
            CommitError::Invalid(_)
            | CommitError::Full(_)
            | CommitError::Unavailable(_)
            | CommitError::OutcomeUnknown(_) => {
                error!(%problem, "what was decided of workloads could not be written");
                self.store_failed();
                self.begin_anew(deeds);
            }
        }
    }

    /// Agents tell all that they have, and hear all that they shall keep, when a session begins: so
    /// it does not matter what of a failed commit was stored or told.
    fn begin_anew(&self, deeds: &[Deed]) {
        let hosts: BTreeSet<HostId> = deeds.iter().map(Deed::host).collect();
        for live in hosts.into_iter().filter_map(|host| self.sessions.get(host)) {
            live.close("store-failed", "what was decided of placements could not be stored");
        }
    }

    /// Somebody else wrote first: what they wrote is taken in, and what was refused is planned anew.
    async fn conflict(&mut self, key: &Key) {
        info!(%key, "another writer was first; planning anew");
        self.hold = self.hold.max(Some(clock::now().plus(CONFLICT)));
        if let Err(problem) = self.read_again(key).await {
            error!(%problem, "what somebody else wrote cannot be read");
            self.store_failed();
        }
    }

    async fn read_again(&mut self, key: &Key) -> Result<(), Problem> {
        let entry = self.store.get(key).await.map_err(Unstorable::problem)?;
        let tail = keys::tail(key);
        if keys::workloads().contains(key) {
            let name: Option<WorkloadName> = tail.parse().ok();
            match (entry, name) {
                (Some(entry), _) => {
                    return self.show(&entry.key, &entry.value, entry.modified).await;
                }
                (None, Some(name)) => self.workloads.write().remove_workload(&name),
                (None, None) => {}
            }
        } else if keys::placements().contains(key) {
            let mut board = self.workloads.write();
            match (entry, tail.parse().ok()) {
                (Some(entry), _) => {
                    let placement: Placement = decode(&entry.key, &entry.value)?;
                    board.put_placement(placement, entry.modified);
                }
                (None, Some(id)) => board.remove_placement(id),
                (None, None) => {}
            }
        }
        // What changed of a host, its own watch brings.
        Ok(())
    }

    /// Takes in one change of a workload.
    pub(super) async fn take_in(&mut self, event: Event) -> Result<(), Problem> {
        match event.change {
            Change::Put(entry) => self.show(&entry.key, &entry.value, entry.modified).await,
            Change::Delete(key) => {
                let Ok(name) = keys::tail(&key).parse::<WorkloadName>() else { return Ok(()) };
                let known = self.workloads.read().workload(&name).map(|known| known.at);
                if known.is_some_and(|at| at < event.revision) {
                    self.workloads.write().remove_workload(&name);
                    self.workloads.changed([&name], []);
                }
                Ok(())
            }
        }
    }

    /// Puts a workload's record on the board, unless it has it.
    async fn show(&self, key: &Key, value: &[u8], at: Revision) -> Result<(), Problem> {
        let workload: Workload = decode(key, value)?;
        let (name, template) = (workload.spec.name.clone(), workload.template);
        let lacks = {
            let mut board = self.workloads.write();
            if board.workload(&name).is_some_and(|known| known.at >= at) {
                return Ok(());
            }
            board.put_workload(workload, at);
            board.lacks(&name, template)
        };
        if lacks {
            self.learn_one(&name, template).await?;
        }
        self.workloads.changed([&name], []);
        Ok(())
    }

    /// Sees to what no plan and no agent will: copies that are to stop on hosts that are no part of
    /// the fleet, what is remembered of such hosts, and copies of workloads that are not there.
    pub(super) async fn sweep(&mut self) {
        let gone = self.hosts.take_gone();
        let check = std::mem::take(&mut self.unchecked);
        if gone.is_empty() && !check {
            return;
        }
        let deeds: Vec<_> = {
            let board = self.workloads.read();
            let (now, skip) = (clock::now(), BTreeSet::new());
            let drawing = Drawing { board: &board, hosts: &self.hosts, now, skip: &skip };
            let mut deeds = if check { drawing.orphans() } else { Vec::new() };
            for host in gone {
                deeds.extend(drawing.forsaken(host));
                let trouble = board.trouble(host).map(|_| Trouble::default());
                deeds.extend(trouble.map(|trouble| Deed::Trouble { host, trouble }));
            }
            deeds
        };
        self.perform(deeds).await;
    }
}
