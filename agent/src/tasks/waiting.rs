//! Who waits for a place among those that are worked on, each kind of work for its own. Pure.
//!
//! Nothing is written of them: who is not told otherwise finds that they are not held, and sends
//! them again.

use std::collections::VecDeque;

use tamer_model::{TaskId, Work};

use super::{MAX_EXECS, MAX_ORDERS, MAX_RUNNING};
use crate::work::MAX_TRANSFERS;

/// Which bound a task counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// [`MAX_RUNNING`], and nobody waits.
    Command,
    /// [`MAX_ORDERS`].
    Order,
    /// [`MAX_EXECS`].
    Exec,
    /// [`MAX_TRANSFERS`]. The transfers that scripts and sequences need have places of their own.
    Transfer,
    /// None: an end is written, and that is all.
    End,
}

/// Who waits, in the order in which they came; at most `MAX_ORDERED` of them, which the owner of the
/// tasks sees to.
#[derive(Debug, Default)]
pub struct Waiting(VecDeque<(TaskId, Place, Work)>);

impl Waiting {
    /// One more, at the end of the row.
    pub fn push(&mut self, task: TaskId, place: Place, work: Work) {
        self.0.push_back((task, place, work));
    }

    /// Takes the first one that waits for this place.
    pub fn next(&mut self, place: Place) -> Option<(TaskId, Work)> {
        let at = self.0.iter().position(|(_, waits, _)| *waits == place)?;
        self.0.remove(at).map(|(task, _, work)| (task, work))
    }

    /// Whether this task waits.
    pub fn contains(&self, task: TaskId) -> bool {
        self.0.iter().any(|(waiting, ..)| *waiting == task)
    }

    /// It waits no more.
    pub fn remove(&mut self, task: TaskId) {
        self.0.retain(|(waiting, ..)| *waiting != task);
    }

    /// Nobody waits any more.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Place {
    /// Those that are waited for.
    pub const WAITED: [Self; 3] = [Self::Order, Self::Exec, Self::Transfer];

    /// Where this work belongs.
    pub fn of(work: &Work) -> Self {
        match work {
            Work::Command(_) | Work::Script(_) => Self::Command,
            Work::Instance(_) => Self::Order,
            Work::Exec { .. } => Self::Exec,
            Work::Push(_) | Work::Fetch(_) => Self::Transfer,
            // One on instances waits: a host may have a thousand of them.
            Work::Sequence(steps) => {
                let all =
                    |places: &[Self]| steps.iter().all(|step| places.contains(&Self::of(step)));
                match (all(&[Self::Order]), all(&[Self::Order, Self::Exec])) {
                    (true, _) => Self::Order,
                    (false, true) => Self::Exec,
                    (false, false) => Self::Command,
                }
            }
        }
    }

    /// How many at once.
    pub const fn bound(self) -> usize {
        match self {
            Self::Command => MAX_RUNNING,
            Self::Order => MAX_ORDERS,
            Self::Exec => MAX_EXECS,
            Self::Transfer => MAX_TRANSFERS,
            Self::End => usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{BatchId, CommandSpec, ExecSpec, FetchFile, HostId, InstanceExec};
    use tamer_model::{InstanceOrder, InstanceRef, PullImage};

    use super::*;

    fn task(item: u16) -> TaskId {
        let first = TaskId::of_host(BatchId::from_bytes([1; 10]), HostId::from_bytes([2; 10]));
        TaskId { item, ..first }
    }

    fn fetch() -> Work {
        Work::Fetch(FetchFile { path: "/x".to_owned(), limit: 1, timeout_ms: None })
    }

    fn pull() -> Work {
        let provider = "p".parse().expect("a name");
        Work::Instance(InstanceOrder::Pull(PullImage { provider, reference: "x".to_owned() }))
    }

    fn exec() -> Work {
        let instance = InstanceRef {
            provider: "p".parse().expect("a name"),
            native: "x".parse().expect("an id"),
        };
        let exec =
            InstanceExec { spec: ExecSpec::new(["true"]), timeout_ms: None, output_limit: 1 };
        Work::Exec { instance, exec }
    }

    #[test]
    fn each_waits_for_its_own_place_in_turn() {
        let mut waiting = Waiting::default();
        waiting.push(task(0), Place::Order, pull());
        waiting.push(task(1), Place::Transfer, fetch());
        waiting.push(task(2), Place::Transfer, fetch());
        waiting.push(task(3), Place::Transfer, fetch());
        waiting.remove(task(1));
        assert_eq!(waiting.next(Place::Transfer), Some((task(2), fetch())));
        assert_eq!(waiting.next(Place::Exec), None);
        assert!(waiting.contains(task(3)) && !waiting.contains(task(2)));
        waiting.clear();
        assert_eq!((waiting.len(), waiting.next(Place::Order)), (0, None));
    }

    #[test]
    fn a_sequence_on_instances_waits_and_one_on_the_host_does_not() {
        let command = || Work::Command(CommandSpec::new(["true"]));
        for (steps, place) in [
            (vec![pull(), pull()], Place::Order),
            (vec![pull(), exec()], Place::Exec),
            (vec![pull(), command()], Place::Command),
            (vec![fetch()], Place::Command),
        ] {
            assert_eq!(Place::of(&Work::Sequence(steps)), place);
        }
    }
}
