//! What agents are told of the copies that they shall keep.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost::Message as _;
use tamer_model::{
    HostId, InstanceSpec, Phase, Placement, PlacementId, PlacementOrder, Wish, WorkloadSpec,
};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message;
use tracing::error;

use super::board::{Board, Copy};
use crate::session::{Live, Sessions};

/// The minor version of `tamer.v1` that brought placements.
pub const SPOKEN_SINCE: u32 = 4;
/// Bytes of one message: a quarter of what an agent takes, since the last order in it may be long.
const CHUNK: usize = tamer_proto::MAX_MESSAGE / 4;
/// Entries of one message.
const ENTRIES: usize = 1000;

/// Changes that agents have yet to be told, by host. One pass fills it and one send empties it.
#[derive(Default)]
pub struct Outbox(BTreeMap<HostId, Vec<Entry>>);

/// One entry of what an agent is told.
pub enum Entry {
    Put(Box<wire::PlacementOrder>),
    Keep(PlacementId),
    Gone(PlacementId, &'static str),
}

impl Outbox {
    /// A copy shall run.
    pub fn put(&mut self, board: &Board, placement: &Placement) {
        if let Some(order) = order_of(board, placement) {
            self.add(placement.host, Entry::Put(Box::new(order)));
        }
    }

    /// A copy shall stop.
    pub fn stop(&mut self, placement: &Placement) {
        if let Wish::Stop { cause, .. } = placement.wish {
            self.gone(placement.host, placement.id, cause.as_str());
        }
    }

    /// A copy shall go.
    pub fn gone(&mut self, host: HostId, id: PlacementId, cause: &'static str) {
        self.add(host, Entry::Gone(id, cause));
    }

    /// Sends everything to those hosts whose session has heard the whole list; the others hear the
    /// whole list later, and this in it.
    pub fn send(self, sessions: &Sessions, greeted: &HashMap<HostId, u64>) {
        for (host, entries) in self.0 {
            let live = sessions.get(host);
            let live = live.filter(|live| greeted.get(&host) == Some(&live.number));
            if let Some(live) = live {
                chunks(entries).into_iter().for_each(|wanted| tell(&live, wanted));
            }
        }
    }

    fn add(&mut self, host: HostId, entry: Entry) {
        self.0.entry(host).or_default().push(entry);
    }
}

/// Tells an agent all that its host shall keep. `held`: what it said that it has on disk.
pub fn greet(board: &Board, host: HostId, held: &[PlacementId], live: &Live) {
    let held: BTreeSet<_> = held.iter().copied().collect();
    let entries = board.copies_on(host).filter_map(|copy| entry_of(board, copy, &held));
    let mut all = chunks(entries.collect());
    if all.is_empty() {
        all.push(wire::PlacementsWanted::default());
    }
    if let Some(first) = all.first_mut() {
        first.begins = true;
    }
    if let Some(last) = all.last_mut() {
        last.complete = true;
    }
    all.into_iter().for_each(|wanted| tell(live, wanted));
}

fn tell(live: &Live, wanted: wire::PlacementsWanted) {
    live.send(Message::Placements(wanted));
}

fn entry_of(board: &Board, copy: &Copy, held: &BTreeSet<PlacementId>) -> Option<Entry> {
    let placement = &copy.placement;
    let ended = copy.status.as_ref().is_some_and(|status| match status.phase {
        Phase::Failed | Phase::Completed | Phase::Gone => true,
        Phase::Accepted
        | Phase::Preparing
        | Phase::Running
        | Phase::Waiting
        | Phase::CutOff
        | Phase::Stopping => false,
    });
    match placement.wish {
        Wish::Stop { cause, .. } => Some(Entry::Gone(placement.id, cause.as_str())),
        Wish::Run if held.contains(&placement.id) => Some(Entry::Keep(placement.id)),
        // An agent that lost its memory must not run again what has ended.
        Wish::Run if ended => Some(Entry::Gone(placement.id, "it has ended")),
        Wish::Run => Some(Entry::Put(Box::new(order_of(board, placement)?))),
    }
}

/// A copy as its agent is told of it, made of the version that it was decided to be made of.
fn order_of(board: &Board, placement: &Placement) -> Option<wire::PlacementOrder> {
    let applied = board.workload(&placement.workload);
    let spec = applied.and_then(|applied| applied.templates.get(&placement.template));
    let Some(spec) = spec else {
        let (id, workload) = (placement.id, &placement.workload);
        error!(placement = %id, %workload, template = placement.template,
            "a copy cannot be told to its host: the version that it is made of is not kept");
        return None;
    };
    Some(order(placement, spec).into())
}

fn order(placement: &Placement, spec: &WorkloadSpec) -> PlacementOrder {
    // The name of a workload is ASCII, and so short that a name of an instance holds it.
    let name = placement.instance_name().parse().ok();
    PlacementOrder {
        id: placement.id,
        workload: placement.workload.clone(),
        index: placement.index,
        template: placement.template,
        provider: spec.provider.clone(),
        instance: Box::new(InstanceSpec { name, ..spec.instance.clone() }),
        completes: spec.completes(),
        restart: spec.restart,
        health: spec.health.clone(),
        stop_after: spec.lost.stop_after,
        stop_grace: spec.stop_grace,
    }
}

/// Puts entries into messages that an agent accepts.
fn chunks(entries: Vec<Entry>) -> Vec<wire::PlacementsWanted> {
    let mut all: Vec<wire::PlacementsWanted> = Vec::new();
    let (mut bytes, mut count) = (0, 0);
    for entry in entries {
        let size = match &entry {
            Entry::Put(order) => order.encoded_len() + 16,
            Entry::Keep(_) | Entry::Gone(..) => 128,
        };
        if all.is_empty() || bytes + size > CHUNK || count == ENTRIES {
            all.push(wire::PlacementsWanted::default());
            (bytes, count) = (0, 0);
        }
        (bytes, count) = (bytes + size, count + 1);
        let Some(wanted) = all.last_mut() else { continue };
        match entry {
            Entry::Put(order) => wanted.put.push(*order),
            Entry::Keep(id) => wanted.keep.push(id.to_string()),
            Entry::Gone(id, cause) => wanted
                .gone
                .push(wire::PlacementGone { id: id.to_string(), cause: cause.to_owned() }),
        }
    }
    all
}
