//! Which points there are, and dying at many of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::fleet::{Fleet, HOSTS, Victim};
use super::scenario::Scenario;

/// After so many failures the rest would tell no more.
const ENOUGH: usize = 3;

/// One death: in which batch, who, and at which passing of which point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kill {
    /// The batch.
    pub scenario: Scenario,
    /// Who.
    pub victim: Victim,
    /// `NAME:N`.
    pub point: String,
    /// The place of an agent that dies at the same moment.
    pub with: Option<usize>,
    /// `NAME:N` of the next life of the victim, at which that dies too.
    pub again: Option<String>,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, victim, point, with, again } = self;
        write!(f, "{scenario:?}: {victim} at {point}")?;
        again.as_ref().map_or(Ok(()), |point| write!(f, ", and again at {point}"))?;
        with.map_or(Ok(()), |place| write!(f, ", with host{}", place + 1))
    }
}

/// What came of many deaths.
#[derive(Debug, Default)]
pub struct Campaign {
    /// Points at which somebody died.
    pub died: BTreeSet<Kill>,
    /// Points that were not passed as often this time: what comes together differs.
    pub missed: Vec<Kill>,
    /// What was broken, and by which death.
    pub broken: Vec<String>,
}

/// Every passing of every point in one undisturbed batch of each kind; those of the coordinator
/// once more with an agent that dies too, which `draws` chooses.
///
/// # Panics
/// When an undisturbed batch breaks a promise.
pub fn points(fleet: &mut Fleet, draws: &mut fastrand::Rng) -> Vec<Kill> {
    let mut kills = Vec::new();
    for scenario in Scenario::ALL {
        let run = fleet.run(scenario, None).unwrap_or_else(|why| panic!("{scenario:?}: {why}"));
        for (victim, passed) in run.passed {
            for point in passed.into_iter().collect::<BTreeSet<_>>() {
                let kill = Kill { scenario, victim, point, with: None, again: None };
                if victim == Victim::Coordinator {
                    kills.push(Kill { with: Some(draws.usize(..HOSTS)), ..kill.clone() });
                }
                kills.push(kill);
            }
        }
    }
    kills
}

/// Every passing of every point in the life after a death, for so many deaths that `draws` chooses
/// among these: who was killed can be killed while it mends what the first death left.
///
/// # Panics
/// When one of these deaths breaks a promise.
pub fn points_of_second_lives(
    fleet: &mut Fleet,
    kills: &[Kill],
    draws: &mut fastrand::Rng,
    deaths: usize,
) -> Vec<Kill> {
    let alone: Vec<&Kill> = kills.iter().filter(|kill| kill.with.is_none()).collect();
    let (coordinators, agents): (Vec<&Kill>, Vec<&Kill>) =
        alone.into_iter().partition(|kill| kill.victim == Victim::Coordinator);
    let mut twice = Vec::new();
    for number in 0..deaths {
        let first = draws.choice(if number % 2 == 0 { &coordinators } else { &agents });
        let first = *first.expect("there are points");
        // No point has this name, so that the second life lives on.
        let traced = Kill { again: Some("none".to_owned()), ..first.clone() };
        let run =
            fleet.run(first.scenario, Some(&traced)).unwrap_or_else(|w| panic!("{first}: {w}"));
        // Nobody lives twice when the point was not passed this time.
        if run.died == 0 {
            continue;
        }
        let passed = run.passed.into_iter().find(|(whose, _)| *whose == first.victim);
        let passed: BTreeSet<_> = passed.into_iter().flat_map(|(_, passed)| passed).collect();
        twice.extend(passed.into_iter().map(|again| Kill { again: Some(again), ..first.clone() }));
    }
    twice
}

impl Kill {
    /// How many die.
    fn deaths(&self) -> usize {
        1 + usize::from(self.with.is_some()) + usize::from(self.again.is_some())
    }
}

impl Campaign {
    /// Dies at every one of these points.
    pub fn run(&mut self, fleet: &mut Fleet, kills: impl IntoIterator<Item = Kill>) {
        for kill in kills {
            match fleet.run(kill.scenario, Some(&kill)) {
                Ok(run) if run.died == kill.deaths() => drop(self.died.insert(kill)),
                Ok(_) => self.missed.push(kill),
                Err(why) => self.broken.push(format!("{kill}\n{why}")),
            }
            if self.broken.len() >= ENOUGH {
                return;
            }
        }
    }

    /// Takes in another one.
    pub fn add(&mut self, other: Self) {
        let Self { died, missed, broken } = other;
        self.died.extend(died);
        self.missed.extend(missed);
        self.broken.extend(broken);
    }

    /// How many died in which batch, and who.
    pub fn table(&self) -> BTreeMap<String, usize> {
        let mut table = BTreeMap::new();
        for Kill { scenario, victim, point: _, with, again } in &self.died {
            let who = match (victim, with, again) {
                (Victim::Coordinator, None, None) => "coordinator",
                (Victim::Coordinator, Some(_), _) => "both",
                (Victim::Coordinator, None, Some(_)) => "coordinator twice",
                (Victim::Agent(_), _, None) => "agent",
                (Victim::Agent(_), _, Some(_)) => "agent twice",
            };
            *table.entry(format!("{scenario:?} {who}")).or_default() += 1;
        }
        table
    }
}
