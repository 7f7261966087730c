//! How it ended, in words.

use tamer_model::{OnTrip, Outcome, Problem, Stand, TaskEnd, Unsent};

use super::escape;
use crate::contract::{Batch, BatchState};
use crate::output::{Line, Tone, human};

/// How a task ended: `failed with exit code 3`.
pub fn ending(end: &TaskEnd) -> String {
    let words = match end.outcome {
        Outcome::Succeeded => "succeeded".to_owned(),
        Outcome::Failed { exit_code: Some(code), .. } => format!("failed with exit code {code}"),
        Outcome::Failed { signal: Some(signal), .. } => format!("failed by signal {signal}"),
        Outcome::Failed { exit_code: None, signal: None } => "failed".to_owned(),
        Outcome::TimedOut => "timed out".to_owned(),
        Outcome::Cancelled => "cancelled".to_owned(),
        Outcome::Refused => "refused".to_owned(),
        Outcome::Interrupted => "interrupted, end unknown".to_owned(),
        Outcome::NeverStarted => match end.unsent {
            Some(Unsent::Unreachable) => "unreachable".to_owned(),
            Some(Unsent::Deadline | Unsent::Tripped | Unsent::Cancelled) | None => {
                "never started".to_owned()
            }
        },
    };
    match &end.reason {
        Some(reason) => format!("{words} ({})", escape::text(reason)),
        None => words,
    }
}

/// What else is known of a failure: the field, the remedy, and the code, a line each.
pub fn details(end: &TaskEnd) -> Vec<String> {
    let Some(problem) = &end.problem else { return Vec::new() };
    let Problem { code, message: _, field, remedy } = &**problem;
    let words = [("field", field), ("remedy", remedy)].into_iter();
    let told = words.filter_map(|(word, text)| Some(format!("{word}: {}", text.as_ref()?)));
    let lines = told.chain([format!("[{}]", code.as_str())]);
    lines.map(|line| escape::text(&line)).collect()
}

/// The first line of what is left in a terminal: what ran.
pub fn heading(batch: &Batch) -> Line {
    let by = format!("  ({} by {})", batch.batch, batch.created_by);
    Line::new(Tone::Strong, escape::text(&batch.what())).and(Tone::Dim, escape::text(&by))
}

/// The last line of a batch that goes on without us.
pub fn left(batch: &Batch) -> Line {
    let id = &batch.batch;
    Line::new(Tone::Strong, format!("{id} goes on"))
        .and(Tone::Plain, format!("; come back with `tamerctl batch watch {id}`"))
}

/// That it waits for a person, and what lets it go on.
pub fn waiting(batch: &Batch) -> Option<String> {
    let what = match &batch.stand.as_ref()?.stand {
        Stand::Between { wave, of, until: None } => format!("waits before wave {wave} of {of}"),
        Stand::Paused => "is paused".to_owned(),
        Stand::Tripped(why) if batch.rollout.on_trip == OnTrip::Pause => {
            format!("tripped ({})", escape::text(why))
        }
        Stand::Tripped(_)
        | Stand::Between { until: Some(_), .. }
        | Stand::Wave { .. }
        | Stand::Ending(_)
        | Stand::Done => return None,
    };
    let id = &batch.batch;
    Some(format!("{id} {what}; `tamerctl batch resume {id}` lets it go on"))
}

/// Why it went no further, and what undoes it: the lines before the last one.
pub fn why(batch: &Batch) -> Vec<Line> {
    let reason = batch.reason.as_deref().map(|reason| ("it went no further: ", reason));
    let undone = batch.undone_by.as_deref().map(|by| ("it is undone by ", by));
    let told = [reason, undone].into_iter().flatten();
    told.map(|(what, text)| Line::new(Tone::Bad, what).and(Tone::Plain, escape::text(text)))
        .collect()
}

/// The last line of a batch: `40 hosts: 38 succeeded, 2 failed in 1.2 s  (b-…)`.
pub fn summary(batch: &Batch) -> Line {
    let targets = human::count(batch.targets as usize, batch.action.noun());
    let tone = match batch.state {
        BatchState::Succeeded => Tone::Good,
        BatchState::Failed | BatchState::Cancelled => Tone::Bad,
        BatchState::Running => Tone::Busy,
    };
    let counts = match batch.counts.on_one_line() {
        none if none.is_empty() => "nothing to do".to_owned(),
        counts => counts,
    };
    let took = batch.ended_at.map(|ended| ended.since(batch.created_at).as_millis());
    let took = took.and_then(|took| u64::try_from(took).ok());
    let took = took.map(|took| format!(" in {}", human::took(took))).unwrap_or_default();
    Line::new(Tone::Strong, format!("{targets}: "))
        .and(tone, format!("{counts}{took}"))
        .and(Tone::Dim, format!("  ({})", batch.batch))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::contract::{BatchAction, Command, Counts, Standing, Time};

    pub fn batch(targets: u32, counts: Counts) -> Batch {
        Batch {
            batch: "b-1".to_owned(),
            state: BatchState::Failed,
            action: BatchAction::Command,
            summary: "true".to_owned(),
            command: Some(Command {
                argv: vec!["true".to_owned()],
                shell: false,
                env: BTreeMap::new(),
                cwd: None,
                user: None,
                timeout_ms: None,
                grace_ms: 5000,
                output_limit: 65_536,
            }),
            fetches: None,
            selector: String::new(),
            targets,
            created_by: "admin".to_owned(),
            created_at: Time::of(1000),
            ended_at: Some(Time::of(2250)),
            cancelled_by: None,
            counts,
            rollout: tamer_model::Rollout::default(),
            stand: None,
            marks: Vec::new(),
            leases: Vec::new(),
            undo: None,
            origin: None,
            undone_by: None,
            reason: None,
            parse: None,
            now: Time::of(2250),
        }
    }

    #[test]
    fn what_waits_for_a_person_says_so() {
        let mut batch = batch(4, Counts::default());
        let mut said = |stand: Stand| {
            batch.stand = Some(Standing { stand, since: Time::of(0) });
            waiting(&batch)
        };
        assert_eq!(
            said(Stand::Between { wave: 2, of: 3, until: None }).as_deref(),
            Some("b-1 waits before wave 2 of 3; `tamerctl batch resume b-1` lets it go on")
        );
        assert!(said(Stand::Paused).is_some());
        let timed =
            Stand::Between { wave: 2, of: 3, until: Some(tamer_model::Timestamp::default()) };
        for stand in [timed, Stand::Tripped("1 failed".to_owned()), Stand::Wave { wave: 1, of: 3 }]
        {
            assert_eq!(said(stand), None, "it goes on, or ends, by itself");
        }
    }

    #[test]
    fn why_it_stopped_is_told() {
        let mut stopped = batch(4, Counts { failed: 4, ..Counts::default() });
        assert_eq!(why(&stopped), []);
        stopped.reason = Some("1 failed, and 0 are allowed".to_owned());
        stopped.undone_by = Some("b-2".to_owned());
        let told: Vec<_> = why(&stopped).iter().map(Line::text).collect();
        let lines = ["it went no further: 1 failed, and 0 are allowed", "it is undone by b-2"];
        assert_eq!(told, lines);
    }

    #[test]
    fn a_batch_in_one_line() {
        let counts = Counts { succeeded: 38, failed: 1, never_started: 1, ..Counts::default() };
        assert_eq!(
            summary(&batch(40, counts)).text(),
            "40 hosts: 38 succeeded, 1 failed, 1 never started in 1.2 s  (b-1)"
        );
        assert_eq!(
            summary(&batch(0, Counts::default())).text(),
            "0 hosts: nothing to do in 1.2 s  (b-1)"
        );
        let counts = Counts { succeeded: 1, ..Counts::default() };
        let started = Batch { action: BatchAction::Instance, command: None, ..batch(1, counts) };
        assert_eq!(summary(&started).text(), "1 instance: 1 succeeded in 1.2 s  (b-1)");
    }
}
