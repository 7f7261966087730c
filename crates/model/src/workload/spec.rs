//! What a person says should run.

use serde::{Deserialize, Serialize};

use super::{Affinity, Health, Lost, Packing, Rebalance, Resources, Restart, Spread, Update};
use crate::{
    InstanceSpec, Labels, MAX_LABELS, Problem, ProviderName, RestartPolicy, Selector, Span,
    WorkloadName,
};

/// The most copies of one workload.
pub const MAX_COPIES: u32 = 100_000;
/// The most constraints, affinities, spreads or named workloads of one spec.
const MAX_TERMS: usize = 32;

/// What should run, how many of it, and where it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Its name, unique in the fleet.
    pub name: WorkloadName,
    /// What people say about it.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Which provider runs it.
    pub provider: ProviderName,
    /// What each copy is. Its name and restart policy are not for it to say.
    pub instance: InstanceSpec,
    /// How many copies.
    #[serde(default)]
    pub run: Run,
    /// What must hold of a copy's host: selectors over facts and labels, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Selector>,
    /// What is better, or worse, in a host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affinity: Vec<Affinity>,
    /// Over what its copies are spread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spread: Vec<Spread>,
    /// Its copies only go where a copy of each of these is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<WorkloadName>,
    /// Its copies never go where a copy of one of these is; its own name means one copy a host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart_from: Vec<WorkloadName>,
    /// What each copy takes of its host. What is absent is what the instance's limits say, or
    /// nothing. Ports of the host are taken as the instance publishes them.
    #[serde(default)]
    pub resources: Resources,
    /// From 0 to 100: who comes first, and who may push whom aside.
    #[serde(default = "middle")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub priority: u8,
    /// Its share where workloads of one priority share what is scarce, from 1 to 1000.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub share: u32,
    /// Whether hosts are filled one after the other, or evenly.
    #[serde(default)]
    pub packing: Packing,
    /// What happens when a copy ends by itself.
    #[serde(default)]
    pub restart: Restart,
    /// How a copy is seen to be well; running is enough when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// How a change proceeds.
    #[serde(default)]
    pub update: Update,
    /// What happens to copies on a host that is lost.
    #[serde(default)]
    pub lost: Lost,
    /// Whether copies may be moved only because another host is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<Rebalance>,
    /// How long a copy has to stop before it is ended.
    #[serde(default = "ten_seconds")]
    pub stop_grace: Span,
}

/// How many copies run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Run {
    /// So many, for as long as the workload is there.
    Count(u32),
    /// One on every host that fits.
    EveryHost,
    /// Until so many have succeeded.
    ToCompletion {
        /// How many shall succeed.
        completions: u32,
        /// How many run at the same time, at most.
        #[serde(default = "one")]
        parallelism: u32,
    },
}

impl Default for Run {
    fn default() -> Self {
        Self::Count(1)
    }
}

const fn middle() -> u8 {
    50
}

const fn one() -> u32 {
    1
}

const fn ten_seconds() -> Span {
    Span::from_secs(10)
}

impl WorkloadSpec {
    /// A single copy of an instance, with nothing special about it.
    pub fn new(name: WorkloadName, provider: ProviderName, instance: InstanceSpec) -> Self {
        Self {
            name,
            labels: Labels::new(),
            provider,
            instance,
            run: Run::default(),
            constraints: Vec::new(),
            affinity: Vec::new(),
            spread: Vec::new(),
            with: Vec::new(),
            apart_from: Vec::new(),
            resources: Resources::default(),
            priority: middle(),
            share: one(),
            packing: Packing::default(),
            restart: Restart::default(),
            health: None,
            update: Update::default(),
            lost: Lost::default(),
            rebalance: None,
            stop_grace: ten_seconds(),
        }
    }

    /// Whether its copies are to end by themselves.
    pub const fn completes(&self) -> bool {
        matches!(self.run, Run::ToCompletion { .. })
    }

    /// Whether copies of `other` can go on as copies of this: they would be made the same way and
    /// kept the same way. How many there are and where they go may differ.
    pub fn same_template(&self, other: &Self) -> bool {
        self.provider == other.provider
            && self.instance == other.instance
            && self.restart == other.restart
            && self.health == other.health
            && self.stop_grace == other.stop_grace
            && self.lost.stop_after == other.lost.stop_after
            && self.completes() == other.completes()
            && self.resources.of(&self.instance) == other.resources.of(&other.instance)
    }

    /// Checks what can be checked without knowing the fleet. Fields are named by their paths.
    pub fn check(&self) -> Result<(), Problem> {
        if !self.name.as_str().is_ascii() {
            return Err(Problem::field("name", "technologies take only ASCII in names"));
        }
        if self.labels.len() > MAX_LABELS {
            return Err(Problem::field("labels", format!("more than {MAX_LABELS} of them")));
        }
        self.check_instance()?;
        self.check_run()?;
        self.check_terms()?;
        if self.priority > 100 {
            return Err(Problem::field("priority", "not between 0 and 100"));
        }
        if !(1..=1000).contains(&self.share) {
            return Err(Problem::field("share", "not between 1 and 1000"));
        }
        self.resources.check()?;
        self.restart.check()?;
        self.health.as_ref().map_or(Ok(()), Health::validate)?;
        self.update.check()?;
        self.rebalance.as_ref().map_or(Ok(()), Rebalance::check)
    }

    fn check_instance(&self) -> Result<(), Problem> {
        let inside = |problem: Problem| {
            let field = problem.field.clone().unwrap_or_default();
            problem.on(format!("instance.{field}"))
        };
        self.instance.clone().validate().map_err(inside)?;
        if self.instance.name.is_some() {
            return Err(Problem::field("instance.name", "each copy gets a name of its own")
                .remedy("leave it out: the names begin with the workload's"));
        }
        if self.instance.restart != RestartPolicy::No {
            return Err(Problem::field(
                "instance.restart",
                "the workload says when copies restart",
            )
            .remedy("leave it out, and write [restart] of the workload"));
        }
        Ok(())
    }

    fn check_run(&self) -> Result<(), Problem> {
        let (field, number) = match self.run {
            Run::EveryHost => return Ok(()),
            Run::Count(0) => return Ok(()),
            Run::Count(count) => ("run.count", count),
            Run::ToCompletion { completions: 0, .. } => ("run.to_completion.completions", 0),
            Run::ToCompletion { parallelism: 0, .. } => ("run.to_completion.parallelism", 0),
            Run::ToCompletion { completions, .. } => ("run.to_completion.completions", completions),
        };
        if number == 0 || number > MAX_COPIES {
            return Err(Problem::field(field, format!("not between 1 and {MAX_COPIES}")));
        }
        Ok(())
    }

    fn check_terms(&self) -> Result<(), Problem> {
        let lists = [
            ("constraints", self.constraints.len()),
            ("affinity", self.affinity.len()),
            ("spread", self.spread.len()),
            ("with", self.with.len()),
            ("apart_from", self.apart_from.len()),
        ];
        if let Some((field, length)) = lists.iter().find(|(_, length)| *length > MAX_TERMS) {
            return Err(Problem::field(*field, format!("{length} of them, more than {MAX_TERMS}")));
        }
        for (at, affinity) in self.affinity.iter().enumerate() {
            affinity.check(at)?;
        }
        for (at, spread) in self.spread.iter().enumerate() {
            spread.check(at)?;
        }
        if let Some(at) = self.with.iter().position(|other| *other == self.name) {
            return Err(Problem::field(format!("with[{at}]"), "a workload cannot wait for itself"));
        }
        match self.with.iter().position(|other| self.apart_from.contains(other)) {
            Some(at) => Err(Problem::field(
                format!("with[{at}]"),
                format!("{} is in apart_from too: no host can fit", self.with[at]),
            )
            .remedy("keep one of the two")),
            None => Ok(()),
        }
    }
}
