//! What keeps failing on a host, and for how long it gets nothing new. Pure.
//!
//! Copies of one workload that fail on a host set the host aside for that workload, for longer each
//! time; several workloads that fail there at once set it aside for all. A copy that does well there
//! ends both.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tamer_model::{Timestamp, WorkloadName};

/// For how long a host is set aside at first. Each further failure doubles it.
const FIRST: Duration = Duration::from_secs(30);
/// For how long at most.
const LONGEST: Duration = Duration::from_secs(3600);
/// A failure this long after the host was let in again counts as the first.
const MEMORY: Duration = Duration::from_secs(3600);
/// So many workloads …
const SEVERAL: usize = 3;
/// … that failed within so long set the host aside for all.
const TOGETHER: Duration = Duration::from_secs(600);
/// Workloads that are remembered for one host, at most: what failed longest ago goes first.
const MOST: usize = 64;

/// What fails on a host. Its record is there while there is something to remember.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// By workload.
    pub failing: BTreeMap<WorkloadName, Failing>,
    /// How often the host was set aside for all, without a success since.
    #[serde(default)]
    pub rounds: u32,
    /// Until when it is set aside for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// How copies of one workload fail on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// How often, without a success since.
    pub times: u32,
    /// When last.
    pub at: Timestamp,
    /// Until when the host gets no further copy of it.
    pub until: Timestamp,
}

impl Trouble {
    /// A copy of `workload` failed.
    pub fn failed(&mut self, workload: &WorkloadName, now: Timestamp) {
        self.forget(now);
        let times = self.failing.get(workload).map_or(0, |failing| failing.times) + 1;
        let failing = Failing { times, at: now, until: now.plus(backoff(times)) };
        self.failing.insert(workload.clone(), failing);
        if self.failing.len() > MOST {
            let oldest = self.failing.iter().min_by_key(|(_, failing)| failing.at);
            let oldest = oldest.map(|(name, _)| name.clone());
            oldest.and_then(|name| self.failing.remove(&name));
        }
        let together = self.failing.values().filter(|one| now.since(one.at) <= TOGETHER).count();
        if together >= SEVERAL && self.until.is_none_or(|until| until <= now) {
            self.rounds += 1;
            self.until = Some(now.plus(backoff(self.rounds)));
        }
    }

    /// A copy of `workload` was well for long enough: so the host is not to blame.
    pub fn succeeded(&mut self, workload: &WorkloadName) {
        self.failing.remove(workload);
        (self.rounds, self.until) = (0, None);
    }

    /// Forgets what is long over.
    pub fn forget(&mut self, now: Timestamp) {
        let over = |until: Timestamp| until <= now && now.since(until) > MEMORY;
        self.failing.retain(|_, failing| !over(failing.until));
        if self.until.is_some_and(over) {
            (self.rounds, self.until) = (0, None);
        }
    }

    /// Whether there is nothing to remember.
    pub fn is_over(&self) -> bool {
        self.failing.is_empty() && self.until.is_none()
    }

    /// Until when the host gets nothing new, if it is set aside now.
    pub fn set_aside(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }

    /// The same, for single workloads.
    pub fn set_aside_for(&self, now: Timestamp) -> BTreeMap<WorkloadName, Timestamp> {
        let aside = self.failing.iter().filter(|(_, failing)| failing.until > now);
        aside.map(|(name, failing)| (name.clone(), failing.until)).collect()
    }
}

/// The wait after so many failures.
fn backoff(times: u32) -> Duration {
    let doubled = 1u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST.saturating_mul(doubled).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> WorkloadName {
        text.parse().expect("a name")
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_an_hour() {
        let (mut trouble, web) = (Trouble::default(), name("web"));
        let mut waits = Vec::new();
        let mut now = at(1000);
        for _ in 0..10 {
            trouble.failed(&web, now);
            let until = trouble.set_aside_for(now)[&web];
            waits.push(until.since(now).as_secs());
            now = until;
            assert!(trouble.set_aside_for(now).is_empty(), "it is over when it is over");
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!(trouble.set_aside(now), None, "one workload is no trouble of the host");
        assert_eq!(backoff(u32::MAX), LONGEST);
    }

    #[test]
    fn three_workloads_at_once_set_the_host_aside() {
        let mut trouble = Trouble::default();
        trouble.failed(&name("a"), at(0));
        trouble.failed(&name("b"), at(1));
        trouble.failed(&name("b"), at(2));
        assert_eq!(trouble.set_aside(at(2)), None);
        trouble.failed(&name("c"), at(600));
        assert_eq!(trouble.set_aside(at(600)), Some(at(630)));
        trouble.failed(&name("c"), at(610));
        assert_eq!(trouble.set_aside(at(610)), Some(at(630)), "it is aside already");
        // `b` is too long ago by now; `a` and `d` fail again.
        trouble.failed(&name("a"), at(640));
        assert_eq!(trouble.set_aside(at(640)), None.or(trouble.set_aside(at(640))));
        trouble.failed(&name("d"), at(650));
        assert_eq!(
            trouble.set_aside(at(650)).map(|until| until.since(at(650)).as_secs() >= 50),
            Some(true)
        );
    }

    #[test]
    fn a_success_and_time_forget() {
        let mut trouble = Trouble::default();
        for workload in ["a", "b", "c"] {
            trouble.failed(&name(workload), at(0));
        }
        let mut succeeded = trouble.clone();
        succeeded.succeeded(&name("a"));
        assert_eq!((succeeded.set_aside(at(1)), succeeded.failing.len()), (None, 2));
        assert!(!succeeded.is_over());
        trouble.forget(at(3600));
        assert!(!trouble.is_over());
        trouble.forget(at(3631));
        assert!(trouble.is_over());
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut trouble = Trouble::default();
        for number in 0..200 {
            trouble.failed(&name(&format!("w{number}")), at(number));
        }
        assert_eq!(trouble.failing.len(), MOST);
        assert!(trouble.failing.contains_key(&name("w199")));
    }
}
