//! A schedule as it is remembered, and what it remembers of what it did.

use serde::{Deserialize, Serialize};
use tamer_model::{
    BatchId, BatchSpec, Origin, Problem, Rollout, ScheduleName, Timestamp, UserName,
};
use tamer_schedule::{Passed, Timing};

use crate::batch::Order;
use crate::batch::make::By;

/// The most schedules of a fleet: each is in the keeper's memory.
pub const MAX_SCHEDULES: usize = 1000;
/// How many occurrences are remembered, whatever came of them.
const MAX_PAST: usize = 16;

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub name: ScheduleName,
    /// What is done.
    pub spec: BatchSpec,
    /// When.
    pub timing: Timing,
    pub enabled: bool,
    /// Its batches are made in this name.
    pub created_by: UserName,
    /// Tells it from an earlier one of the same name, too.
    pub created_at: Timestamp,
    /// Everything that was due until then has been seen to.
    pub settled: Timestamp,
    /// The batch for what was due then is being made. Written before it is, so that nothing is
    /// forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub making: Option<Timestamp>,
    /// What was due then waits for the batch before it to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Timestamp>,
    /// The batch that it made last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_batch: Option<BatchId>,
    /// What was due, newest first.
    #[serde(default)]
    pub past: Vec<Occurrence>,
}

/// Something that was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    pub due: Timestamp,
    /// When it was seen to.
    pub at: Timestamp,
    pub came_of: CameOf,
    /// It was not due: a person made it begin.
    #[serde(default)]
    pub by_hand: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameOf {
    /// This batch.
    Batch(BatchId),
    /// It was left out.
    Passed(Passed),
    /// Its batch was refused.
    Refused(Problem),
}

impl Schedule {
    /// One that begins to count now.
    pub fn new(
        name: ScheduleName,
        spec: BatchSpec,
        timing: Timing,
        by: UserName,
        now: Timestamp,
    ) -> Self {
        Self {
            name,
            spec,
            timing,
            enabled: true,
            created_by: by,
            created_at: now,
            settled: now,
            making: None,
            waiting: None,
            last_batch: None,
            past: Vec::new(),
        }
    }

    /// Notes what came of what was due.
    pub fn close(&mut self, due: Timestamp, came_of: CameOf, now: Timestamp) {
        self.waiting = self.waiting.filter(|waiting| *waiting != due);
        self.making = self.making.filter(|making| *making != due);
        self.settled = self.settled.max(due);
        self.note(Occurrence { due, at: now, came_of, by_hand: false });
    }

    /// Notes a batch that a person asked for, once.
    pub fn ran(&mut self, batch: BatchId, now: Timestamp) {
        if self.past.iter().all(|past| past.came_of != CameOf::Batch(batch)) {
            let came_of = CameOf::Batch(batch);
            self.note(Occurrence { due: now, at: now, came_of, by_hand: true });
        }
    }

    /// Lets what was due wait, in the place of what waited before.
    pub fn hold(&mut self, due: Timestamp, now: Timestamp) {
        if let Some(before) = self.waiting {
            self.close(before, CameOf::Passed(Passed::Overlap), now);
        }
        self.waiting = Some(due);
        self.settled = self.settled.max(due);
    }

    /// Lets it be, or lets it go on: what was due in between is left out.
    pub fn enable(&mut self, enabled: bool, now: Timestamp) {
        if let Some(waiting) = self.waiting.filter(|_| !enabled) {
            self.close(waiting, CameOf::Passed(Passed::Disabled), now);
        }
        if enabled && !self.enabled {
            self.settled = self.settled.max(now);
        }
        self.enabled = enabled;
    }

    /// The batch to make for what was due. The end of the window is its deadline: nothing of it
    /// begins later, and what runs then is ended. What it draws it draws anew each time: a sample
    /// is of other hosts every night.
    pub fn order(&self, due: Timestamp, closes: Option<Timestamp>, now: Timestamp) -> Order {
        let open_ms = closes.map(|closes| closes.as_millis().saturating_sub(now.as_millis()));
        let deadline_ms = [self.spec.rollout.deadline_ms, open_ms].into_iter().flatten().min();
        let seed = self.spec.rollout.seed.wrapping_add(due.as_millis());
        let rollout = Rollout { deadline_ms, seed, ..self.spec.rollout.clone() };
        Order {
            spec: BatchSpec { rollout, ..self.spec.clone() },
            origin: Some(Origin::Schedule { name: self.name.clone(), due }),
            request_id: self.request_id(due),
            expect: None,
        }
    }

    /// The id of the one request that makes the batch for what was due.
    pub fn request_id(&self, due: Timestamp) -> String {
        // A request's id is ASCII; no name begins with a dot.
        let name = if self.name.as_str().is_ascii() {
            self.name.to_string()
        } else {
            format!(".{}", data_encoding::HEXLOWER.encode(self.name.as_str().as_bytes()))
        };
        format!("due-{name}-{:x}-{:x}", self.created_at.as_millis(), due.as_millis())
    }

    /// In whose name its batches are made.
    pub fn by(&self) -> By {
        By {
            name: self.created_by.clone(),
            who: format!("user/{}", self.created_by),
            from: format!("schedule/{}", self.name),
        }
    }

    fn note(&mut self, occurrence: Occurrence) {
        if let CameOf::Batch(batch) = occurrence.came_of {
            self.last_batch = Some(batch);
        }
        self.past.insert(0, occurrence);
        self.past.truncate(MAX_PAST);
    }
}
