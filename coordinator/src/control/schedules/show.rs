//! How schedules are told.

use tamer_model::Timestamp;
use tamer_proto::wire;
use tamer_schedule::{Timing, When};

use crate::schedules::{CameOf, Occurrence, Schedule};

/// How many of the times that come next are told.
const NEXT: usize = 5;

/// Everything of it, as it stands at `now`.
pub fn whole(schedule: Schedule, now: Timestamp) -> wire::Schedule {
    tell(schedule, now, NEXT)
}

/// What a list shows: its spec and most of its past stay at home.
pub fn brief(mut schedule: Schedule, now: Timestamp) -> wire::Schedule {
    schedule.past.truncate(1);
    let mut told = tell(schedule, now, 1);
    told.spec = None;
    told
}

/// When it is due, in one line for the audit.
pub fn timing_in_words(timing: &Timing) -> String {
    let when = match &timing.when {
        When::At(at) => format!("at={}", timing.zone.show(*at)),
        When::Cron(cron) => format!("cron={:?} zone={}", cron.as_str(), timing.zone),
    };
    match &timing.window {
        Some(window) => format!("{when} window={:?}", window.as_str()),
        None => when,
    }
}

fn tell(schedule: Schedule, now: Timestamp, next: usize) -> wire::Schedule {
    let upcoming = match schedule.enabled {
        // From what was seen to, not from now: what is due may have its jitter still to go.
        true => schedule.timing.upcoming(&schedule.name, schedule.settled, next),
        false => Vec::new(),
    };
    let pending = schedule.making.or(schedule.waiting).is_some();
    let state = match (schedule.enabled, upcoming.is_empty() && !pending) {
        (true, true) => "done",
        (true, false) => "enabled",
        (false, _) => "disabled",
    };
    let Schedule {
        name,
        spec,
        timing,
        enabled: _,
        created_by,
        created_at,
        settled: _,
        making: _,
        waiting,
        last_batch,
        past,
    } = schedule;
    wire::Schedule {
        name: name.to_string(),
        summary: spec.action.summary(),
        spec: Some(spec.into()),
        timing: Some(timing.into()),
        state: state.to_owned(),
        created_by: created_by.to_string(),
        created_at: created_at.as_millis(),
        next: upcoming.into_iter().map(Into::into).collect(),
        past: past.into_iter().map(occurrence).collect(),
        waiting: waiting.map(Timestamp::as_millis),
        last_batch: last_batch.map(|id| id.to_string()).unwrap_or_default(),
        now: now.as_millis(),
    }
}

fn occurrence(occurrence: Occurrence) -> wire::Occurrence {
    let Occurrence { due, at, came_of, by_hand } = occurrence;
    let (what, batch, problem) = match came_of {
        CameOf::Batch(batch) => ("batch", batch.to_string(), None),
        CameOf::Passed(why) => (why.as_str(), String::new(), None),
        CameOf::Refused(problem) => ("refused", String::new(), Some(problem.into())),
    };
    let (due, at) = (due.as_millis(), at.as_millis());
    wire::Occurrence { due, at, what: what.to_owned(), batch, problem, by_hand }
}
