//! The promises that a batch is held to, whoever died in the middle of it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{Outcome, TaskEnd, TaskId};
use tamer_proto::wire;

use super::effects::{Effect, Effects};
use super::fleet::HOSTS;
use super::scenario::{Scenario, WAVES};

/// All that is known of a batch that ended.
#[derive(Debug)]
pub struct Seen<'a> {
    /// How it was to go.
    pub scenario: Scenario,
    /// The ids of the hosts, by place.
    pub hosts: &'a [String],
    /// The places of those whose agents died.
    pub harmed: BTreeSet<usize>,
    /// What the commands did.
    pub effects: Effects,
    /// What is told of the batch.
    pub batch: wire::Batch,
    /// What is told of its tasks.
    pub tasks: Vec<wire::Task>,
}

/// One attempt: where, which, what is told of its end, and what it did.
struct Attempt<'a> {
    place: usize,
    name: String,
    end: TaskEnd,
    last: bool,
    did: Option<&'a Effect>,
}

/// Checks everything.
///
/// # Errors
/// Each promise that was broken.
pub fn check(seen: &Seen<'_>) -> Result<(), Vec<String>> {
    let mut broken = Vec::new();
    let attempts = attempts(seen, &mut broken);
    no_task_is_lost(seen, &attempts, &mut broken);
    for attempt in &attempts {
        the_end_is_true(seen, attempt, &mut broken);
    }
    waves_follow_each_other(seen, &mut broken);
    no_more_at_once_than_allowed(seen, &mut broken);
    thresholds_are_kept(&attempts, seen, &mut broken);
    the_scenario_is_done(seen, &attempts, &mut broken);
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

fn attempts<'a>(seen: &'a Seen<'_>, broken: &mut Vec<String>) -> Vec<Attempt<'a>> {
    let mut attempts = Vec::new();
    for task in &seen.tasks {
        let Some(place) = seen.hosts.iter().position(|host| *host == task.host) else {
            broken.push(format!("a task of an unknown host {}", task.host));
            continue;
        };
        let before = task.before.iter().map(|past| past.end.clone());
        let ends: Vec<_> = before.chain([task.end.clone()]).collect();
        if ends.len() != task.attempt as usize + 1 {
            broken.push(format!(
                "{}: attempt {} after {}",
                task.name,
                task.attempt,
                ends.len() - 1
            ));
        }
        for (number, end) in ends.iter().enumerate() {
            let Some(Ok(end)) = end.clone().map(TaskEnd::try_from) else {
                broken.push(format!("{}: attempt {number} has no end", task.name));
                continue;
            };
            let batch = seen.batch.id.parse().expect("an id");
            let id = TaskId::of_host(batch, task.host.parse().expect("an id"));
            let name = id.attempt(number as u16).to_string();
            let did = seen.effects.get(&name);
            attempts.push(Attempt { place, name, end, last: number + 1 == ends.len(), did });
        }
    }
    attempts
}

/// Every target has one end, and the batch counts them right.
fn no_task_is_lost(seen: &Seen<'_>, attempts: &[Attempt<'_>], broken: &mut Vec<String>) {
    let places: BTreeSet<_> = attempts.iter().filter(|a| a.last).map(|a| a.place).collect();
    if places.len() != HOSTS || seen.tasks.len() != HOSTS {
        broken.push(format!("{} tasks on {} hosts", seen.tasks.len(), places.len()));
    }
    let known: BTreeSet<_> = attempts.iter().map(|attempt| attempt.name.as_str()).collect();
    for name in seen.effects.keys().filter(|name| !known.contains(name.as_str())) {
        broken.push(format!("{name} ran, and nothing is told of it"));
    }
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.last) {
        *ends.entry(attempt.end.outcome.as_str()).or_default() += 1;
    }
    let counts = seen.batch.counts.unwrap_or_default();
    let told = [
        ("succeeded", counts.succeeded),
        ("failed", counts.failed),
        ("timed_out", counts.timed_out),
        ("cancelled", counts.cancelled),
        ("interrupted", counts.interrupted),
        ("never_started", counts.never_started),
        ("refused", counts.refused),
    ];
    let told: BTreeMap<&str, u32> = told.into_iter().filter(|(_, count)| *count > 0).collect();
    if told != ends || counts.pending + counts.dispatched + counts.running > 0 {
        broken.push(format!("the batch counts {counts:?}, and its tasks ended as {ends:?}"));
    }
}

/// Nothing ran twice, and what ran is what is told.
fn the_end_is_true(seen: &Seen<'_>, attempt: &Attempt<'_>, broken: &mut Vec<String>) {
    let begun = attempt.did.map_or(0, |did| did.begun.len());
    let done = attempt.did.map_or(0, |did| did.done.len());
    let harmed = seen.harmed.contains(&attempt.place);
    let fits = match &attempt.end.outcome {
        Outcome::Succeeded | Outcome::Failed { .. } => (begun, done) == (1, 1),
        Outcome::NeverStarted => begun == 0,
        Outcome::Interrupted => begun <= 1 && done <= begun && harmed,
        Outcome::Cancelled => begun <= 1 && done <= begun && seen.scenario == Scenario::Cancelled,
        // No command here takes long, and no host refuses any.
        Outcome::TimedOut | Outcome::Refused => false,
    };
    if !fits {
        let (name, end) = (&attempt.name, &attempt.end);
        broken.push(format!(
            "{name} began {begun} times and was done {done} times, its agent died: {harmed}, and \
             it is told as {end:?}"
        ));
    }
}

/// What is begun in a wave is begun after everything in the waves before it.
fn waves_follow_each_other(seen: &Seen<'_>, broken: &mut Vec<String>) {
    let times = |wave: &std::ops::Range<usize>| {
        let hosts = &seen.hosts[wave.clone()];
        let of_wave = |name: &str| hosts.iter().any(|host| name.contains(host.as_str()));
        seen.effects.iter().filter(move |(name, _)| of_wave(name)).map(|(_, effect)| effect)
    };
    for pair in WAVES.windows(2) {
        let [this, next] = pair else { continue };
        let over = times(this).flat_map(|did| did.begun.iter().chain(&did.done)).max();
        let begins = times(next).flat_map(|did| &did.begun).min();
        if let (Some(over), Some(begins)) = (over, begins)
            && begins <= over
        {
            broken
                .push(format!("hosts {next:?} began at {begins}, hosts {this:?} ended at {over}"));
        }
    }
}

/// At no time did more commands run than the batch allows.
fn no_more_at_once_than_allowed(seen: &Seen<'_>, broken: &mut Vec<String>) {
    let mut changes: Vec<(u64, i32)> = Vec::new();
    for effect in seen.effects.values() {
        // One that was cut short is counted for its beginning alone.
        if let ([begun], [done]) = (&effect.begun[..], &effect.done[..]) {
            changes.extend([(*begun, 1), (*done, -1)]);
        }
    }
    changes.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    if most > seen.scenario.in_flight() as i32 {
        broken.push(format!("{most} commands ran at once"));
    }
}

/// After more failures than are allowed nothing was begun. In the scenario that trips one command
/// runs after the other, so their times say in which order their ends were known.
fn thresholds_are_kept(attempts: &[Attempt<'_>], seen: &Seen<'_>, broken: &mut Vec<String>) {
    if seen.scenario != Scenario::Tripping {
        return;
    }
    let failed = |end: &TaskEnd| match end.outcome {
        Outcome::Failed { .. } | Outcome::Interrupted => true,
        Outcome::Succeeded
        | Outcome::NeverStarted
        | Outcome::Cancelled
        | Outcome::TimedOut
        | Outcome::Refused => false,
    };
    let began = |attempt: &Attempt<'_>| attempt.did.and_then(|did| did.begun.first().copied());
    let mut failures: Vec<u64> =
        attempts.iter().filter(|attempt| failed(&attempt.end)).filter_map(began).collect();
    failures.sort_unstable();
    // One failure is allowed.
    let Some(tripped) = failures.get(1) else { return };
    for attempt in attempts.iter().filter(|attempt| began(attempt) > Some(*tripped)) {
        broken.push(format!("{} began after the batch had tripped", attempt.name));
    }
}

/// The batch did what the scenario is about.
fn the_scenario_is_done(seen: &Seen<'_>, attempts: &[Attempt<'_>], broken: &mut Vec<String>) {
    let state = seen.batch.state.as_str();
    let mut all_succeeded = true;
    for attempt in attempts.iter().filter(|attempt| attempt.last) {
        let (place, outcome) = (attempt.place, &attempt.end.outcome);
        let succeeded = *outcome == Outcome::Succeeded;
        all_succeeded &= succeeded;
        let harmed = seen.harmed.contains(&place) && *outcome == Outcome::Interrupted;
        let fits = match seen.scenario {
            Scenario::Steady | Scenario::Paused => succeeded || harmed,
            // What is interrupted is tried again here.
            Scenario::Retrying => succeeded,
            Scenario::Tripping if WAVES[2].contains(&place) => *outcome == Outcome::NeverStarted,
            Scenario::Tripping if seen.scenario.failing().contains(&place) => {
                // The second of them may not have been needed.
                !succeeded
            }
            Scenario::Tripping => succeeded || harmed || *outcome == Outcome::NeverStarted,
            Scenario::Cancelled => match outcome {
                Outcome::Succeeded | Outcome::Cancelled | Outcome::NeverStarted => true,
                Outcome::Interrupted => harmed,
                Outcome::Failed { .. } | Outcome::TimedOut | Outcome::Refused => false,
            },
        };
        if !fits {
            broken.push(format!("{:?} and {} ended as {outcome:?}", seen.scenario, attempt.name));
        }
    }
    let expected = match (all_succeeded, seen.scenario) {
        (true, _) => "succeeded",
        (false, Scenario::Cancelled) => "cancelled",
        (false, _) => "failed",
    };
    if state != expected {
        broken.push(format!("the batch is told as {state}, not as {expected}"));
    }
}
