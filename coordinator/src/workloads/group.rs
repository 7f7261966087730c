//! Putting decisions into commits that a store accepts.

use std::collections::BTreeSet;

use tamer_store::{Commit, Key, MAX_COMMIT_BYTES, Write};

use super::deed::Deed;

/// Preconditions to a commit, and writes to a commit, of 128 that a store accepts each.
const OPS: usize = 120;
/// What a key and its place in a commit take, at most, in bytes.
const OVERHEAD: usize = 256;

/// A commit being put together.
#[derive(Default)]
struct Group {
    commit: Commit,
    deeds: Vec<Deed>,
    given: BTreeSet<Key>,
    writes: usize,
    bytes: usize,
}

/// A commit, and the decisions that it holds.
pub type Grouped = (Commit, Vec<Deed>);

/// Puts decisions into commits, and those into turns: what is in one turn is stored in any order, what
/// is in the next only when all of the turn before it was. What is made may take the room of what
/// stops, so it is stored with that, or after it.
pub fn turns(deeds: Vec<Deed>) -> Vec<Vec<Grouped>> {
    let is_made = |deed: &Deed| matches!(deed, Deed::Make { .. });
    let stops = deeds.iter().any(|deed| matches!(deed, Deed::Stop { .. } | Deed::Remove { .. }));
    let all = group(deeds);
    if all.len() < 2 || !stops {
        return vec![all];
    }
    let deeds = all.into_iter().flat_map(|(_, deeds)| deeds);
    let (made, others): (Vec<_>, Vec<_>) = deeds.partition(is_made);
    [others, made].map(group).into_iter().filter(|turn| !turn.is_empty()).collect()
}

/// Puts decisions into commits, each with what it holds, in their order. A precondition that several
/// decisions of one commit share is in it once.
fn group(deeds: Vec<Deed>) -> Vec<Grouped> {
    let mut done = Vec::new();
    let mut group = Group::default();
    for deed in deeds {
        let writes = deed.writes();
        let bytes: usize = writes.iter().map(size).sum();
        let bytes = bytes + deed.given().len() * OVERHEAD;
        let full = group.writes + writes.len() > OPS
            || group.given.len() + deed.given().len() > OPS
            || group.bytes + bytes > MAX_COMMIT_BYTES;
        if full && !group.deeds.is_empty() {
            let Group { commit, deeds, .. } = std::mem::take(&mut group);
            done.push((commit, deeds));
        }
        group.add(deed, writes, bytes);
    }
    if !group.deeds.is_empty() {
        done.push((group.commit, group.deeds));
    }
    done
}

impl Group {
    fn add(&mut self, deed: Deed, writes: Vec<Write>, bytes: usize) {
        let mut commit = std::mem::take(&mut self.commit);
        for (key, at) in deed.given() {
            if self.given.insert(key.clone()) {
                commit = commit.modified_at(key.clone(), *at);
            }
        }
        self.writes += writes.len();
        self.bytes += bytes;
        self.commit = writes.into_iter().fold(commit, Commit::write);
        self.deeds.push(deed);
    }
}

fn size(write: &Write) -> usize {
    OVERHEAD
        + match write {
            Write::Put(_, value) => value.len(),
            Write::Delete(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    use tamer_model::{Cause, HostId, Placement, PlacementId, StopCause, Timestamp, Why, Wish};
    use tamer_store::Revision;

    use super::*;
    use crate::state::keys;

    fn copy(number: u8, wish: Wish) -> Placement {
        Placement {
            id: PlacementId::from_bytes([number; 10]),
            workload: "web".parse().expect("a name"),
            index: u32::from(number),
            template: 1,
            host: HostId::from_bytes([1; 10]),
            made_at: Timestamp::default(),
            why: Why { cause: Cause::Missing, score: 0, fitting: 1, hosts: 1 },
            replaces: None,
            wish,
        }
    }

    /// So many that stop, and as many that are made where they were.
    fn moved(count: u8) -> Vec<Deed> {
        let wish = Wish::Stop { at: Timestamp::default(), cause: StopCause::Preempted };
        let stop = |number| {
            let placement = copy(number, wish);
            let key = keys::placement(placement.host, placement.id);
            Deed::Stop { placement, given: vec![(key, Revision::ZERO)] }
        };
        let make = |number| Deed::Make { placement: copy(number, Wish::Run), given: Vec::new() };
        (0..count).map(stop).chain((0..count).map(make)).collect()
    }

    fn shape(deeds: Vec<Deed>) -> Vec<Vec<usize>> {
        let turns = turns(deeds);
        turns.iter().map(|turn| turn.iter().map(|(_, deeds)| deeds.len()).collect()).collect()
    }

    #[test]
    fn what_is_made_is_stored_with_what_gives_it_room_or_after_it() {
        assert_eq!(shape(moved(60)), [[120]], "one commit holds all");
        assert_eq!(shape(moved(100)), [[100], [100]], "one after the other");
        assert_eq!(shape(moved(200)), [[120, 80], [120, 80]]);
        let makes = moved(200).split_off(200);
        assert_eq!(shape(makes), [[120, 80]], "who waits for nothing is not held up");
    }
}
