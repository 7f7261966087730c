//! A world to roll out in: it performs plans, lets time pass, and remembers everything.

use tamer_model::{Amount, Rollout, Stand, Timestamp, Unsent};
use tamer_rollout::{Attempt, Control, End, Phase, Plan, Reach, Target, step};

/// Draws numbers; the same seed, the same numbers (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub struct World {
    pub spec: Rollout,
    pub targets: Vec<Target>,
    pub reach: Vec<Reach>,
    pub control: Control,
    pub begun: Timestamp,
    pub now: Timestamp,
    /// How often each target got an end: once, or the world is wrong.
    pub ended: Vec<u32>,
    /// The most targets that were in flight at once.
    pub most_in_flight: usize,
}

impl World {
    pub fn new(spec: Rollout, targets: usize) -> Self {
        let begun = Timestamp::from_millis(1_000_000);
        Self {
            spec,
            targets: vec![Target::default(); targets],
            reach: vec![Reach::Ready; targets],
            control: Control::default(),
            begun,
            now: begun,
            ended: vec![0; targets],
            most_in_flight: 0,
        }
    }

    pub fn plan(&self) -> Plan {
        let reach = |place: usize| self.reach[place];
        let plan = || step(&self.spec, &self.targets, &reach, &self.control, self.begun, self.now);
        let first = plan();
        assert_eq!(first, plan(), "the same inputs, the same plan");
        first
    }

    /// Performs a plan, checking what must hold of any.
    pub fn perform(&mut self, plan: &Plan) {
        for ending in &plan.end {
            let target = &mut self.targets[ending.place];
            assert!(target.end.is_none(), "{} ends twice", ending.place);
            assert_ne!(target.phase(), Phase::InFlight, "{} ends in flight", ending.place);
            target.end = Some((ending.end, self.now));
            self.ended[ending.place] += 1;
        }
        if !plan.send.is_empty() {
            self.check_budgets();
        }
        for sending in &plan.send {
            let target = &mut self.targets[sending.place];
            assert_eq!(target.phase(), Phase::Waiting, "{} is sent to", sending.place);
            assert_eq!(self.reach[sending.place], Reach::Ready, "{} is sent to", sending.place);
            if let Some((end, _)) = target.last_end() {
                let again = end.retryable().is_some_and(|end| self.spec.retry.on.contains(&end));
                assert!(again, "{} is tried again after {end:?}", sending.place);
            }
            target.attempts.push(Attempt { sent_at: self.now, end: None });
            assert_eq!(target.attempts.len(), sending.attempt as usize);
            assert!(sending.attempt <= self.spec.retry.attempts);
        }
        if let Some(free) = self.control.free {
            assert!(plan.send.len() <= free, "{} sent, {free} places", plan.send.len());
        }
        let in_flight = self.in_flight().len();
        self.most_in_flight = self.most_in_flight.max(in_flight);
        if let Some(most) = self.spec.max_in_flight {
            let most = most.size_of(self.targets.len() as u32).max(1) as usize;
            assert!(in_flight <= most, "{in_flight} in flight, {most} allowed");
        }
    }

    /// Counted the plain way, and only where nobody let a tripped batch go on.
    fn check_budgets(&self) {
        if self.control.marks.iter().any(|(_, resumed)| *resumed) {
            return;
        }
        let total = self.targets.len() as u32;
        let count = |of: fn(End) -> bool| {
            self.targets.iter().filter_map(|t| t.end).filter(|(end, _)| of(*end)).count() as u32
        };
        let within = |count: u32, budget: Option<Amount>, what: &str| {
            let allowed = budget.map_or(u32::MAX, |budget| budget.budget_of(total));
            assert!(count <= allowed, "sent although {count} {what}, {allowed} allowed");
        };
        within(count(End::is_failure), self.spec.max_failed, "failed");
        within(count(End::is_unreachable), self.spec.max_unreachable, "unreachable");
    }

    pub fn in_flight(&self) -> Vec<usize> {
        let phases = self.targets.iter().enumerate();
        phases.filter(|(_, t)| t.phase() == Phase::InFlight).map(|(place, _)| place).collect()
    }

    /// The attempt under way at a target comes to this end now.
    pub fn end(&mut self, place: usize, end: End) {
        let attempt = self.targets[place].attempts.last_mut().expect("it was tried");
        assert!(attempt.end.is_none());
        attempt.end = Some((end, self.now));
    }

    pub fn pass(&mut self, ms: u64) {
        self.now = Timestamp::from_millis(self.now.as_millis() + ms);
    }
}

/// A stand in a few words.
pub fn words(stand: &Stand) -> String {
    match stand {
        Stand::Wave { wave, of } => format!("wave {wave} of {of}"),
        Stand::Between { wave, until: None, .. } => {
            format!("waits to be told to begin wave {wave}")
        }
        Stand::Between { wave, until: Some(_), .. } => format!("waits before wave {wave}"),
        Stand::Paused => "paused".to_owned(),
        Stand::Tripped(why) => format!("tripped: {why}"),
        Stand::Ending(why) => format!("ending: {why}"),
        Stand::Done => "done".to_owned(),
    }
}

/// An end in a word or two.
pub fn word(end: End) -> &'static str {
    match end {
        End::Succeeded => "succeeded",
        End::Failed => "failed",
        End::TimedOut => "timed out",
        End::Cancelled => "cancelled",
        End::Refused => "refused",
        End::Interrupted => "interrupted",
        End::NeverStarted(Unsent::Unreachable) => "never started: unreachable",
        End::NeverStarted(Unsent::Deadline) => "never started: deadline",
        End::NeverStarted(Unsent::Tripped) => "never started: tripped",
        End::NeverStarted(Unsent::Cancelled) => "never started: cancelled",
    }
}
