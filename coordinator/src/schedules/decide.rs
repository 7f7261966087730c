//! What becomes of what is due. Pure.

use tamer_model::Timestamp;
use tamer_schedule::{MAX_CATCH_UP, Opening, Overlap, Passed, Step};

use super::Schedule;

/// What to do for a schedule now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing, until then or until something changes.
    Rest { until: Option<Timestamp> },
    /// Find out whether the batch for this was made: its making was cut short.
    LookUp { due: Timestamp },
    /// Make the batch. It has to end when the window closes.
    Make { due: Timestamp, closes: Option<Timestamp> },
    /// Let it wait for the batch before it, which is to be cancelled or not.
    Hold { due: Timestamp, cancel: bool },
    /// Leave it out.
    Pass { due: Timestamp, why: Passed },
}

/// What to do at `now`. `busy`: the batch before has not ended.
pub fn decide(schedule: &Schedule, busy: bool, now: Timestamp) -> Act {
    if let Some(due) = schedule.making {
        return Act::LookUp { due };
    }
    if !schedule.enabled {
        return Act::Rest { until: None };
    }
    match schedule.waiting {
        Some(due) => waiting(schedule, due, busy, now),
        None => next(schedule, busy, now),
    }
}

/// What was due waits; meanwhile more may become due.
fn waiting(schedule: &Schedule, due: Timestamp, busy: bool, now: Timestamp) -> Act {
    let given_up = due.plus(MAX_CATCH_UP);
    if now > given_up {
        return Act::Pass { due, why: Passed::Overlap };
    }
    if !busy {
        return match schedule.timing.opening(now) {
            Opening::Closed => Act::Pass { due, why: Passed::Window },
            Opening::Until(closes) => Act::Make { due, closes: Some(closes) },
            Opening::Always => Act::Make { due, closes: None },
        };
    }
    match next(schedule, busy, now) {
        Act::Rest { until } => {
            let given_up = Timestamp::from_millis(given_up.as_millis() + 1);
            Act::Rest { until: Some(until.map_or(given_up, |until| until.min(given_up))) }
        }
        act @ (Act::LookUp { .. } | Act::Make { .. } | Act::Hold { .. } | Act::Pass { .. }) => act,
    }
}

/// The next occurrence by the clock.
fn next(schedule: &Schedule, busy: bool, now: Timestamp) -> Act {
    match schedule.timing.step(&schedule.name, schedule.settled, now) {
        Step::Never => Act::Rest { until: None },
        Step::Wait(until) => Act::Rest { until: Some(until) },
        Step::Pass { due, why } => Act::Pass { due, why },
        Step::Begin { due, closes } if !busy => Act::Make { due, closes },
        Step::Begin { due, closes } => match schedule.timing.overlap {
            Overlap::Allow => Act::Make { due, closes },
            Overlap::Skip => Act::Pass { due, why: Passed::Overlap },
            Overlap::Wait if schedule.waiting.is_some() => Act::Pass { due, why: Passed::Overlap },
            Overlap::Wait => Act::Hold { due, cancel: false },
            Overlap::Replace => Act::Hold { due, cancel: true },
        },
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{Action, BatchSpec, CommandSpec, DEFAULT_GRACE, TargetSpec};
    use tamer_schedule::{Timing, When, Zone};

    use super::super::CameOf;
    use super::*;

    fn at(text: &str) -> Timestamp {
        Zone::UTC.read(&format!("2026-11-21T{text}Z")).expect(text)
    }

    fn hourly(overlap: Overlap) -> Schedule {
        let command = CommandSpec {
            argv: vec!["true".to_owned()],
            shell: false,
            env: std::collections::BTreeMap::new(),
            cwd: None,
            user: None,
            timeout_ms: None,
            grace_ms: DEFAULT_GRACE.as_millis() as u64,
            output_limit: 1,
        };
        let spec = BatchSpec::new(Action::Command(command), TargetSpec::default());
        let when = When::Cron("0 * * * *".parse().expect("an expression"));
        let timing = Timing { overlap, ..Timing::new(when) };
        let name = "hourly".parse().expect("a name");
        Schedule::new(name, spec, timing, "ada".parse().expect("a name"), at("10:30"))
    }

    #[test]
    fn an_overlap_does_what_was_said_of_it() {
        let due = at("11:00");
        let pass = Act::Pass { due, why: Passed::Overlap };
        for (overlap, act) in [
            (Overlap::Skip, pass),
            (Overlap::Wait, Act::Hold { due, cancel: false }),
            (Overlap::Allow, Act::Make { due, closes: None }),
            (Overlap::Replace, Act::Hold { due, cancel: true }),
        ] {
            assert_eq!(decide(&hourly(overlap), true, due), act);
            assert_eq!(decide(&hourly(overlap), false, due), Act::Make { due, closes: None });
        }
    }

    #[test]
    fn what_waits_begins_at_the_end_of_the_other_and_is_given_up_in_the_end() {
        let mut schedule = hourly(Overlap::Wait);
        let (due, later) = (at("11:00"), at("12:00"));
        schedule.hold(due, due);
        assert_eq!(decide(&schedule, true, at("11:30")), Act::Rest { until: Some(later) });
        let pass = Act::Pass { due: later, why: Passed::Overlap };
        assert_eq!(decide(&schedule, true, later), pass, "only one waits");
        assert_eq!(decide(&schedule, false, at("11:30")), Act::Make { due, closes: None });
        let given_up = Act::Pass { due, why: Passed::Overlap };
        assert_eq!(decide(&schedule, false, at("23:00:01")), given_up);
    }

    #[test]
    fn who_replaces_takes_the_place_of_what_waits() {
        let mut schedule = hourly(Overlap::Replace);
        let (due, later) = (at("11:00"), at("12:00"));
        schedule.hold(due, due);
        assert_eq!(decide(&schedule, true, later), Act::Hold { due: later, cancel: true });
        schedule.hold(later, later);
        assert_eq!(schedule.waiting, Some(later));
        assert_eq!(schedule.past[0].came_of, CameOf::Passed(Passed::Overlap));
    }

    #[test]
    fn a_making_that_was_cut_short_is_looked_up_first() {
        let mut schedule = hourly(Overlap::Skip);
        schedule.making = Some(at("11:00"));
        schedule.enabled = false;
        assert_eq!(decide(&schedule, true, at("15:00")), Act::LookUp { due: at("11:00") });
    }

    #[test]
    fn who_is_disabled_does_nothing_and_takes_up_nothing() {
        let mut schedule = hourly(Overlap::Skip);
        schedule.hold(at("11:00"), at("11:00"));
        schedule.enable(false, at("11:30"));
        assert_eq!(schedule.past[0].came_of, CameOf::Passed(Passed::Disabled));
        assert_eq!(decide(&schedule, false, at("12:00")), Act::Rest { until: None });
        schedule.enable(true, at("12:05"));
        assert_eq!(decide(&schedule, false, at("12:05")), Act::Rest { until: Some(at("13:00")) });
    }

    #[test]
    fn the_windows_end_is_the_deadline_if_none_is_earlier() {
        let mut schedule = hourly(Overlap::Skip);
        let (due, closes) = (at("11:00"), Some(at("11:30")));
        let deadline = |schedule: &Schedule, closes| {
            schedule.order(due, closes, at("11:10")).spec.rollout.deadline_ms
        };
        assert_eq!(deadline(&schedule, None), None);
        assert_eq!(deadline(&schedule, closes), Some(20 * 60_000));
        schedule.spec.rollout.deadline_ms = Some(60_000);
        assert_eq!(deadline(&schedule, closes), Some(60_000));
        assert_eq!(deadline(&schedule, None), Some(60_000));
    }

    #[test]
    fn every_occurrence_has_a_request_of_its_own_that_fits() {
        let mut schedule = hourly(Overlap::Skip);
        let first = schedule.request_id(at("11:00"));
        assert_ne!(first, schedule.request_id(at("12:00")));
        schedule.created_at = at("10:31");
        assert_ne!(first, schedule.request_id(at("11:00")), "one of the same name, made later");
        schedule.name = "ä".repeat(31).parse().expect("a name");
        let id = schedule.request_id(Timestamp::from_millis(253_402_300_799_000));
        assert!(id.len() <= 160 && id.is_ascii(), "{id}");
    }
}
