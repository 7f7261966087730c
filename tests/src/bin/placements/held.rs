//! What a slim host keeps of its placements, and what it tells of them when.

use std::collections::{BTreeMap, BTreeSet};

use tamer_proto::wire;

use crate::tally::Tally;

/// Reports of one message, as a real agent sends them.
const MOST: usize = 200;

/// A placement as this host has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Accepted,
    Running,
    Stopping,
    Gone,
}

/// The placements of one host; it outlives its sessions, as what is on a disk does.
#[derive(Debug, Default)]
pub struct Held {
    phases: BTreeMap<String, Phase>,
    /// Those to be told of next.
    changed: BTreeSet<String>,
    /// Those that the list which is being heard has named.
    named: Option<BTreeSet<String>>,
}

impl Held {
    /// Those that shall run.
    pub fn wanted(&self) -> impl Iterator<Item = &String> {
        let wanted = |phase: &Phase| matches!(phase, Phase::Accepted | Phase::Running);
        self.phases.iter().filter(move |(_, phase)| wanted(phase)).map(|(id, _)| id)
    }

    /// How all of them stand, as a session begins.
    pub fn tell_all(&mut self) -> Vec<wire::PlacementsTold> {
        self.changed.clear();
        self.named = None;
        let reports: Vec<_> = self.phases.iter().map(|(id, phase)| report(id, *phase)).collect();
        let mut pages: Vec<_> = reports.chunks(MOST).map(page).collect();
        if pages.is_empty() {
            pages.push(page(&[]));
        }
        if let Some(last) = pages.last_mut() {
            last.complete = true;
        }
        pages
    }

    /// Takes what is wanted.
    pub fn want(&mut self, wanted: wire::PlacementsWanted, tally: &Tally) {
        let wire::PlacementsWanted { begins, complete, put, keep, gone } = wanted;
        if begins {
            self.named = Some(BTreeSet::new());
        }
        for order in put {
            self.name(&order.id);
            let known = self.phases.insert(order.id.clone(), Phase::Accepted);
            tally.put(known.is_some());
            self.changed.insert(order.id);
        }
        for id in keep {
            self.name(&id);
            tally.keep(self.phases.get(&id) == Some(&Phase::Running));
        }
        for wire::PlacementGone { id, .. } in gone {
            self.name(&id);
            self.stop(id, tally);
        }
        if complete {
            self.drop_unnamed(tally);
            tally.listed();
        }
    }

    /// Whether there is anything to tell.
    pub fn has_news(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What is to be told now. Instances start and end at once, so what was told as accepted or
    /// stopping is told as running or gone the next time.
    pub fn tell(&mut self, tally: &Tally) -> Vec<wire::PlacementsTold> {
        let told = std::mem::take(&mut self.changed);
        let mut reports = Vec::with_capacity(told.len());
        for id in told {
            let Some(phase) = self.phases.get_mut(&id) else { continue };
            reports.push(report(&id, *phase));
            match *phase {
                Phase::Accepted => {
                    *phase = Phase::Running;
                    self.changed.insert(id);
                }
                Phase::Stopping => {
                    *phase = Phase::Gone;
                    self.changed.insert(id);
                }
                Phase::Running => tally.ran(),
                Phase::Gone => tally.ended(),
            }
        }
        reports.chunks(MOST).map(page).collect()
    }

    fn name(&mut self, id: &str) {
        if let Some(named) = &mut self.named {
            named.insert(id.to_owned());
        }
    }

    fn stop(&mut self, id: String, tally: &Tally) {
        tally.stop();
        // One that was never here is told as gone, or its record would stay.
        let phase = self.phases.entry(id.clone()).or_insert(Phase::Gone);
        if *phase != Phase::Gone {
            *phase = Phase::Stopping;
        }
        self.changed.insert(id);
    }

    /// What a whole list did not name is not wanted; what is gone already is forgotten.
    fn drop_unnamed(&mut self, tally: &Tally) {
        let Some(named) = self.named.take() else { return };
        self.phases.retain(|id, phase| *phase != Phase::Gone || named.contains(id));
        let unnamed: Vec<_> =
            self.phases.keys().filter(|id| !named.contains(*id)).cloned().collect();
        unnamed.into_iter().for_each(|id| self.stop(id, tally));
    }
}

fn page(reports: &[wire::PlacementReport]) -> wire::PlacementsTold {
    wire::PlacementsTold { complete: false, reports: reports.to_vec() }
}

fn report(id: &str, phase: Phase) -> wire::PlacementReport {
    // As long as a container's id is.
    let instance = format!("{:a>64}", id.trim_start_matches("p-"));
    let (phase, instance) = match phase {
        Phase::Accepted => ("accepted", String::new()),
        Phase::Running => ("running", instance),
        Phase::Stopping => ("stopping", instance),
        Phase::Gone => ("gone", String::new()),
    };
    let status = wire::PlacementStatus {
        phase: phase.to_owned(),
        since: crate::tally::wall_ms(),
        instance,
        ..Default::default()
    };
    wire::PlacementReport { id: id.to_owned(), status: Some(status) }
}
