//! A batch as it is asked for.

use serde::{Deserialize, Serialize};

use crate::{
    Action, Amount, BatchId, Lease, MAX_LEASES, OnTrip, Outcome, Parse, Problem, Rollout,
    TargetKind, TaskEnd, Unsent,
};

/// The most hosts or instances that a request names one by one.
pub const MAX_NAMED: usize = 100_000;

/// What is asked for: an action, on what, and how. A schedule keeps one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSpec {
    /// What is done.
    pub action: Action,
    /// On what.
    pub targets: TargetSpec,
    /// How it proceeds.
    #[serde(default)]
    pub rollout: Rollout,
    /// What is done on the targets that had succeeded, when a budget is overspent and the rollout
    /// says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<Action>>,
    /// The leases that its tasks hold while they are in flight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<Lease>,
    /// How what its commands print is read as data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parse: Option<Parse>,
    /// How long a host that has the task may stay lost before the task's end is given up, in
    /// milliseconds; ten minutes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_wait_ms: Option<u64>,
    /// Whether it succeeds when nothing is meant.
    #[serde(default)]
    pub allow_empty: bool,
    /// Whether instances that Tamer did not make may be removed.
    #[serde(default)]
    pub foreign: bool,
}

/// Which hosts or instances are meant: all that fit everything that is given. For instances,
/// `selector` and `hosts` are about their hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetSpec {
    /// A selector over hosts; empty: all.
    pub selector: String,
    /// Only these hosts: names or ids. One that is not of the fleet is an error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// For hosts: only those that have such an instance. For instances: only these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<InstanceTerms>,
    /// Only targets of an earlier batch that ended so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Earlier>,
    /// Only so many of them, drawn with the rollout's seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Amount>,
}

/// Which instances are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceTerms {
    /// A selector over instances; empty: all.
    pub selector: String,
    /// Ids, `HOST/NAME`, or names that only one has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
}

/// Targets of an earlier batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Which.
    pub batch: BatchId,
    /// That ended in one of these ways.
    pub ends: Vec<EndKind>,
}

/// The ends by which targets are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the ends")]
pub enum EndKind {
    Succeeded,
    Failed,
    TimedOut,
    Cancelled,
    Refused,
    Interrupted,
    NeverStarted,
    /// Of those that never started: those that could not be reached.
    Unreachable,
}

impl BatchSpec {
    /// An action on targets, with nothing special about it.
    pub fn new(action: Action, targets: TargetSpec) -> Self {
        Self {
            action,
            targets,
            rollout: Rollout::default(),
            undo: None,
            leases: Vec::new(),
            parse: None,
            lost_wait_ms: None,
            allow_empty: false,
            foreign: false,
        }
    }

    /// Checks what a peer sent, as a whole; the parts were checked when they were read. Whether
    /// the rollout fits its targets shows when they are known: [`Rollout::check`].
    pub fn validate(mut self) -> Result<Self, Problem> {
        self.action = self.action.validate()?;
        if let Some(undo) = self.undo.take() {
            let undo = undo.validate()?;
            if undo.on() != self.action.on() {
                return Err(Problem::field("undo", "it is for another kind of target"));
            }
            self.undo = Some(Box::new(undo));
        }
        match (self.rollout.on_trip, &self.undo) {
            (OnTrip::Undo, None) => {
                return Err(Problem::field(
                    "undo",
                    "a tripped batch is to be undone, and no undo is declared",
                ));
            }
            (OnTrip::Stop | OnTrip::Pause, Some(_)) => {
                return Err(Problem::field(
                    "undo",
                    "an undo is declared, and nothing would run it",
                )
                .remedy("say what happens when it trips: on_trip = \"undo\""));
            }
            (OnTrip::Undo, Some(_)) | (OnTrip::Stop | OnTrip::Pause, None) => {}
        }
        let names = self.leases.iter().map(|lease| &lease.name);
        let distinct: std::collections::BTreeSet<_> = names.collect();
        if self.leases.len() > MAX_LEASES || distinct.len() < self.leases.len() {
            return Err(Problem::field("lease", format!("at most {MAX_LEASES}, each named once")));
        }
        let named = self.targets.instances.as_ref().map_or(0, |terms| terms.named.len());
        if self.targets.hosts.len().max(named) > MAX_NAMED {
            return Err(Problem::field("hosts", format!("more than {MAX_NAMED} names")));
        }
        if self.action.on() == TargetKind::Instance && self.targets.instances.is_none() {
            return Err(Problem::field(
                "instances",
                "the action is for instances, and none are selected",
            ));
        }
        if matches!(self.targets.sample, Some(Amount::Count(0) | Amount::Share(0))) {
            return Err(Problem::field("sample", "it holds no target"));
        }
        if self.targets.earlier.as_ref().is_some_and(|earlier| earlier.ends.is_empty()) {
            return Err(Problem::field("ends", "no end of the earlier batch is named"));
        }
        Ok(self)
    }
}

impl EndKind {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Refused,
        Self::Interrupted,
        Self::NeverStarted,
        Self::Unreachable,
    ];

    /// What people mean by failed: it was tried, and it is not known to have succeeded.
    pub const NOT_DONE: [Self; 4] =
        [Self::Failed, Self::TimedOut, Self::Refused, Self::Interrupted];

    /// The word of flags, files and the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
            Self::NeverStarted => "never_started",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether a task ended so.
    pub fn is(self, end: &TaskEnd) -> bool {
        match self {
            Self::Succeeded => end.outcome == Outcome::Succeeded,
            Self::Failed => matches!(end.outcome, Outcome::Failed { .. }),
            Self::TimedOut => end.outcome == Outcome::TimedOut,
            Self::Cancelled => end.outcome == Outcome::Cancelled,
            Self::Refused => end.outcome == Outcome::Refused,
            Self::Interrupted => end.outcome == Outcome::Interrupted,
            Self::NeverStarted => end.outcome == Outcome::NeverStarted,
            Self::Unreachable => end.unsent == Some(Unsent::Unreachable),
        }
    }
}

impl std::str::FromStr for EndKind {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|end| end.as_str() == text).ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|end| end.as_str()).collect();
            Problem::field("ends", format!("{text:?} is no end of a task"))
                .remedy(format!("use {}", words.join(", ")))
        })
    }
}
