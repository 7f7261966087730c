//! Schedules.

use serde::Serialize;
use tamer_model::{BatchSpec, Problem};
use tamer_proto::{Required, wire};
use tamer_schedule::{When, Zone};

use super::{BatchAction, Time, told};

/// A batch that is made when it is due.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Schedule {
    pub schedule: String,
    pub state: String,
    /// What it does; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<BatchAction>,
    /// The same in a few words.
    pub summary: String,
    /// Over hosts; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    pub timing: Timing,
    /// When it begins next, at most five times.
    pub next: Vec<Upcoming>,
    /// What was due, newest first; in lists the last one.
    pub past: Vec<Occurrence>,
    /// What was due then waits for the batch before it.
    pub waiting: Option<Time>,
    pub last_batch: Option<String>,
    pub created_by: String,
    pub created_at: Time,
    pub now: Time,
}

/// When it is due.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Timing {
    /// Once, then.
    pub at: Option<Time>,
    pub cron: Option<String>,
    pub zone: String,
    pub window: Option<String>,
    pub overlap: String,
    pub jitter_ms: u64,
    pub catch_up_ms: u64,
}

/// A time to come.
#[derive(Debug, Clone, Serialize)]
pub struct Upcoming {
    /// When it is due.
    pub due: Time,
    /// That and its jitter.
    pub begins: Time,
    /// `begins` by the clocks of the zone.
    pub local: String,
}

/// What came of something that was due.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Occurrence {
    pub due: Time,
    /// When it was seen to.
    pub at: Time,
    /// `batch`, `refused`, `missed`, `window`, `overlap` or `disabled`.
    pub what: String,
    pub batch: Option<String>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// The code of that reason.
    pub code: Option<String>,
    /// A person made it begin.
    pub by_hand: bool,
}

impl TryFrom<wire::Schedule> for Schedule {
    type Error = Problem;

    fn try_from(schedule: wire::Schedule) -> Result<Self, Problem> {
        let wire::Schedule {
            name,
            spec,
            timing,
            state,
            created_by,
            created_at,
            next,
            past,
            waiting,
            last_batch,
            summary,
            now,
        } = schedule;
        let timing: tamer_schedule::Timing = timing.required("timing")?.try_into()?;
        let zone = timing.zone.clone();
        // One that a newer tamerctl made may do what this one cannot read; its summary says what.
        let spec = spec.map(BatchSpec::try_from).and_then(Result::ok);
        Ok(Self {
            schedule: name,
            state,
            action: spec.as_ref().map(|spec| (&spec.action).into()),
            summary,
            selector: spec.map(|spec| spec.targets.selector),
            timing: timing.into(),
            next: next.into_iter().map(|next| upcoming(next, &zone)).collect(),
            past: past.into_iter().map(Into::into).collect(),
            waiting: waiting.map(Time::of),
            last_batch: told(last_batch),
            created_by,
            created_at: Time::of(created_at),
            now: Time::of(now),
        })
    }
}

impl From<tamer_schedule::Timing> for Timing {
    fn from(timing: tamer_schedule::Timing) -> Self {
        let tamer_schedule::Timing { when, zone, window, overlap, jitter_ms, catch_up_ms } = timing;
        let (at, cron) = match when {
            When::At(at) => (Some(Time::of(at.as_millis())), None),
            When::Cron(cron) => (None, Some(cron.into())),
        };
        Self {
            at,
            cron,
            zone: zone.into(),
            window: window.map(Into::into),
            overlap: overlap.as_str().to_owned(),
            jitter_ms,
            catch_up_ms,
        }
    }
}

impl From<wire::Occurrence> for Occurrence {
    fn from(occurrence: wire::Occurrence) -> Self {
        let wire::Occurrence { due, at, what, batch, problem, by_hand } = occurrence;
        let (reason, code) = problem.map(|problem| (problem.message, problem.code)).unzip();
        let (due, at) = (Time::of(due), Time::of(at));
        Self { due, at, what, batch: told(batch), reason, code, by_hand }
    }
}

fn upcoming(upcoming: wire::Upcoming, zone: &Zone) -> Upcoming {
    let upcoming = tamer_schedule::Upcoming::from(upcoming);
    let of = |at: tamer_model::Timestamp| Time::of(at.as_millis());
    let local = zone.show(upcoming.begins);
    Upcoming { due: of(upcoming.due), begins: of(upcoming.begins), local }
}
