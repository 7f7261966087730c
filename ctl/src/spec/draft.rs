//! A batch as it is asked for, before the files of this machine are read.

use std::path::{Path, PathBuf};

use tamer_model::{
    Action, BatchId, BatchSpec, Content, Lease, OnTrip, Order, Parse, Problem, Rollout,
};

use super::rollout::RolloutArgs;
use super::step::Step;
use super::targets::{Meant, TargetArgs};
use super::words::{Span, TripWord};

/// A batch before the files of this machine are read.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) targets: TargetArgs,
    pub(super) steps: Vec<Step>,
    pub(super) undo: Option<Step>,
    pub(super) rollout: RolloutArgs,
    pub(super) leases: Vec<Lease>,
    pub(super) parse: Option<Parse>,
    pub(super) lost_wait: Option<Span>,
    pub(super) allow_empty: bool,
}

/// A batch that can be asked for, but for the id of the newest one.
#[derive(Debug, Clone)]
pub struct Ready {
    /// What is asked for.
    pub spec: BatchSpec,
    /// Whether its targets are of the newest batch, whose id is still to be put in.
    pub last: bool,
}

impl Draft {
    /// The files of this machine that it needs.
    pub fn files(&self) -> Vec<PathBuf> {
        let steps = self.steps.iter().chain(&self.undo);
        let mut files: Vec<_> = steps.filter_map(Step::file).map(Path::to_owned).collect();
        files.sort();
        files.dedup();
        files
    }

    /// What is asked for. `content` tells what a file of this machine holds.
    pub fn ready(
        self,
        content: &dyn Fn(&Path) -> Result<Content, Problem>,
    ) -> Result<Ready, Problem> {
        self.spec(content).map_err(helped)
    }

    fn spec(self, content: &dyn Fn(&Path) -> Result<Content, Problem>) -> Result<Ready, Problem> {
        let Self { targets, steps, undo, mut rollout, leases, parse, lost_wait, allow_empty } =
            self;
        let on_instances = targets.on_instances();
        let action = |step: &Step| step.action(on_instances, content);
        let mut actions = steps.iter().map(action).collect::<Result<Vec<_>, _>>()?;
        let action_of_all = match actions.len() {
            0 => {
                return Err(Problem::field("command", "nothing says what to do").remedy(
                    "write a command after `--`, or give --script, --push, --fetch or --file",
                ));
            }
            1 => actions.swap_remove(0),
            _ => Action::Sequence(actions),
        };
        let undo = undo.as_ref().map(action).transpose()?;
        if undo.is_some() {
            rollout.on_trip.get_or_insert(TripWord(OnTrip::Undo));
        }
        let Meant { targets, last } = targets.meant()?;
        let seed = rollout.seed;
        let mut spec = BatchSpec::new(action_of_all, targets);
        spec.rollout = checked(rollout)?;
        spec.rollout.seed = seed.unwrap_or_else(|| drawn(&spec));
        spec.undo = undo.map(Box::new);
        spec.leases = leases;
        spec.parse = parse;
        spec.lost_wait_ms = lost_wait.map(Span::millis);
        spec.allow_empty = allow_empty;
        Ok(Ready { spec: spec.validate()?, last })
    }
}

impl Ready {
    /// The spec, when the newest batch has this id.
    pub fn with_last(mut self, last: BatchId) -> BatchSpec {
        if let (true, Some(earlier)) = (self.last, &mut self.spec.targets.earlier) {
            earlier.batch = last;
        }
        self.spec
    }
}

/// The rollout, as far as it can be judged before the targets are known.
pub(super) fn checked(rollout: RolloutArgs) -> Result<Rollout, Problem> {
    let rollout = Rollout::from(rollout);
    rollout.check(u32::MAX).map_err(helped)?;
    Ok(rollout)
}

/// A problem of a spec, which knows of no command line, with a way to go on.
pub(super) fn helped(problem: Problem) -> Problem {
    let remedy = match problem.field.as_deref() {
        Some("undo") => "say what undoes it: --undo COMMAND, or [undo] in the file",
        Some("steps") => "leave out some of them, or do the others in a batch of their own",
        Some("lease") => "name each lease once: --lease NAME:PLACES",
        Some(_) | None => "see `tamerctl run --help` for how it is written",
    };
    Problem { remedy: problem.remedy.or_else(|| Some(remedy.to_owned())), ..problem }
}

/// A seed where something is drawn; without, none, so that the same spec is the same text.
pub(super) fn drawn(spec: &BatchSpec) -> u64 {
    let Rollout { order, jitter_ms, .. } = &spec.rollout;
    let draws = spec.targets.sample.is_some() || *order == Order::Random || *jitter_ms > 0;
    if draws { fastrand::u64(..) } else { 0 }
}
