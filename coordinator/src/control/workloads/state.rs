//! How a workload is doing, in one word and a reason: the only place that says so.
//!
//! | word | it means |
//! | --- | --- |
//! | `removing` | a person removed it, and copies are still to go |
//! | `stopped` | a person stopped it |
//! | `failed` | its last update failed, and waits for a person |
//! | `done` | as many copies as were asked for have succeeded |
//! | `updating` | its copies are being made anew |
//! | `degraded` | copies failed, are not well, or are on lost hosts: nobody knows of them |
//! | `pending` | copies have no host, or are on their way |
//! | `running` | all that should run runs and is well |
//!
//! Where more than one is true the first one is told. An update whose copies have no host is
//! `pending`, as nothing of it goes on; one that was never well is told by its copies until they are.

use tamer_model::{Run, Stage, Workload};
use tamer_scheduler::{Counts, Unplaced};

use super::words;

/// How a workload is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Removing,
    Stopped,
    Failed,
    Done,
    Updating,
    Degraded,
    Pending,
    Running,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removing => "removing",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Done => "done",
            Self::Updating => "updating",
            Self::Degraded => "degraded",
            Self::Pending => "pending",
            Self::Running => "running",
        }
    }
}

/// The state of a workload, and why it is in it; the reason is empty where there is none. `nowhere`:
/// why copies have no host.
pub fn state(workload: &Workload, counts: &Counts, nowhere: Option<&Unplaced>) -> (State, String) {
    let left = counts.running + counts.starting + counts.failed + counts.unknown + counts.stopping;
    if workload.removing {
        return (State::Removing, copies(left, "is still to go", "are still to go"));
    }
    if workload.stopped {
        return (State::Stopped, copies(left, "is still to stop", "are still to stop"));
    }
    match &workload.update {
        Some(update) => match &update.stage {
            Stage::Failed { reason } => (State::Failed, format!("its update failed: {reason}")),
            Stage::Canary => {
                under_way(workload, counts, nowhere, "the first new copies are watched")
            }
            Stage::Rolling => {
                let Counts { wanted, well, former, .. } = counts;
                let how = match (workload.stable, former) {
                    (None, 0) => format!("{well} of {wanted} are well"),
                    (Some(_), _) | (None, _) => format!("{well} of {wanted} are replaced and well"),
                };
                under_way(workload, counts, nowhere, &how)
            }
        },
        None if matches!(workload.spec.run, Run::ToCompletion { .. })
            && counts.completed >= counts.wanted =>
        {
            (State::Done, String::new())
        }
        None => steady(workload, counts, nowhere),
    }
}

/// The state of one that is being updated.
fn under_way(
    workload: &Workload,
    counts: &Counts,
    nowhere: Option<&Unplaced>,
    how: &str,
) -> (State, String) {
    let updating = (State::Updating, how.to_owned());
    if counts.unplaced == 0 && workload.stable.is_some() {
        return updating;
    }
    match steady(workload, counts, nowhere) {
        (State::Running, _) => updating,
        waits => waits,
    }
}

/// The state of one that nobody changes.
fn steady(workload: &Workload, counts: &Counts, nowhere: Option<&Unplaced>) -> (State, String) {
    let unwell = match workload.spec.run {
        // What ends by itself is never seen to be well for long.
        Run::ToCompletion { .. } => 0,
        Run::Count(_) | Run::EveryHost => {
            counts.running.saturating_sub(counts.well + counts.former)
        }
    };
    let nowhere = nowhere.filter(|_| counts.unplaced > 0).and_then(words::in_short);
    let nowhere = nowhere.map(|why| format!(" ({why})")).unwrap_or_default();
    let bad = [
        copies(counts.unknown, "is on a lost host", "are on lost hosts"),
        copies(counts.failed, "failed", "failed"),
        copies(unwell, "is not well", "are not well"),
    ];
    let missing = match workload.spec.run {
        Run::ToCompletion { .. } => 0,
        Run::Count(_) | Run::EveryHost => counts.wanted.saturating_sub(
            counts.running + counts.starting + counts.failed + counts.unknown + counts.unplaced,
        ),
    };
    let waiting = [
        copies(counts.unplaced, "has no host", "have no host") + &nowhere,
        copies(counts.starting, "is on its way", "are on their way"),
        copies(missing, "is yet to be placed", "are yet to be placed"),
    ];
    let told = |reasons: [String; 3]| {
        reasons.into_iter().filter(|reason| !reason.is_empty()).collect::<Vec<_>>().join(", ")
    };
    let (bad, waiting) = (told(bad), told(waiting));
    match (bad.is_empty(), waiting.is_empty()) {
        (false, true) => (State::Degraded, bad),
        (false, false) => (State::Degraded, format!("{bad}, {waiting}")),
        (true, false) => (State::Pending, waiting),
        (true, true) => (State::Running, String::new()),
    }
}

/// `1 ONE` or `3 MANY`, or nothing when there is none.
fn copies(number: u32, one: &str, many: &str) -> String {
    match number {
        0 => String::new(),
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{Timestamp, UpdateState};
    use tamer_scheduler::{Removal, Removed};

    use super::*;

    fn workload(run: &str, change: impl FnOnce(&mut Workload)) -> Workload {
        let spec = format!(r#"{{"name":"web","provider":"docker","instance":{{}},"run":{run}}}"#);
        let spec = serde_json::from_str(&spec).expect("a spec");
        let mut workload = Workload {
            spec,
            owner: "ann".parse().expect("a name"),
            created_at: Timestamp::from_millis(1),
            version: 1,
            template: 1,
            stable: None,
            update: None,
            stopped: false,
            removing: false,
            rebalance_at: None,
        };
        change(&mut workload);
        workload
    }

    fn three(change: impl FnOnce(&mut Counts)) -> Counts {
        let mut counts = Counts { wanted: 3, running: 3, well: 3, ..Counts::default() };
        change(&mut counts);
        counts
    }

    #[track_caller]
    fn check(workload: &Workload, counts: &Counts, wanted: &str) {
        let (state, reason) = state(workload, counts, None);
        assert_eq!(format!("{}: {reason}", state.as_str()), wanted);
    }

    #[test]
    fn the_copies_say_how_it_is() {
        let web = workload(r#"{"count":3}"#, |_| {});
        check(&web, &three(|_| {}), "running: ");
        check(
            &web,
            &three(|c| (c.running, c.well, c.unplaced, c.starting) = (1, 1, 1, 1)),
            "pending: 1 has no host, 1 is on its way",
        );
        check(&web, &three(|c| (c.running, c.well) = (1, 1)), "pending: 2 are yet to be placed");
        // A copy on a lost host is never counted as running, nor as good.
        check(
            &web,
            &three(|c| (c.running, c.well, c.unknown) = (2, 2, 1)),
            "degraded: 1 is on a lost host",
        );
        check(
            &web,
            &three(|c| (c.running, c.well, c.failed, c.unplaced) = (1, 0, 1, 1)),
            "degraded: 1 failed, 1 is not well, 1 has no host",
        );
    }

    #[test]
    fn copies_of_another_version_are_not_unwell() {
        let update = UpdateState { begun_at: Timestamp::from_millis(1), stage: Stage::Rolling };
        let web = workload(r#"{"count":3}"#, |w| (w.update, w.stable) = (Some(update), Some(1)));
        let counts = three(|c| (c.running, c.well, c.former, c.unplaced) = (2, 0, 2, 1));
        check(&web, &counts, "pending: 1 has no host");
    }

    #[test]
    fn what_would_help_is_told() {
        let web = workload(r#"{"count":3}"#, |_| {});
        let counts = three(|c| (c.running, c.well, c.unplaced) = (1, 1, 2));
        let removal = |by, hosts| Removal { by, hosts };
        let nowhere = Unplaced {
            workload: web.spec.name.clone(),
            copies: 2,
            hosts: 4,
            removed: vec![removal(Removed::Cordoned, 1), removal(Removed::Memory, 3)],
            remedies: vec!["free 1GiB of memory on one of 3 hosts".to_owned()],
        };
        let told = |nowhere: &Unplaced| state(&web, &counts, Some(nowhere)).1;
        assert_eq!(told(&nowhere), "2 have no host (free 1GiB of memory on one of 3 hosts)");
        let nowhere = Unplaced { remedies: Vec::new(), ..nowhere };
        assert_eq!(told(&nowhere), "2 have no host (3 of 4: memory)");
    }

    #[test]
    fn what_ends_by_itself_is_done_when_enough_have_succeeded() {
        let job = workload(r#"{"to_completion":{"completions":3}}"#, |_| {});
        let counts = Counts { wanted: 3, running: 1, completed: 2, ..Counts::default() };
        check(&job, &counts, "running: ");
        check(&job, &Counts { running: 0, completed: 3, ..counts }, "done: ");
    }

    #[test]
    fn what_a_person_said_comes_first() {
        let update = |stage| Some(UpdateState { begun_at: Timestamp::from_millis(1), stage });
        let failed = Stage::Failed { reason: "copy 0 exited".to_owned() };
        let counts = three(|c| c.well = 1);
        let run = r#"{"count":3}"#;
        let told = |change: &dyn Fn(&mut Workload), wanted| {
            check(&workload(run, |w| change(w)), &counts, wanted);
        };
        told(
            &|w| (w.update, w.stable) = (update(Stage::Rolling), Some(1)),
            "updating: 1 of 3 are replaced and well",
        );
        told(&|w| w.update = update(Stage::Rolling), "degraded: 2 are not well");
        told(&|w| w.update = update(failed.clone()), "failed: its update failed: copy 0 exited");
        told(&|w| w.stopped = true, "stopped: 3 are still to stop");
        told(
            &|w| {
                w.update = update(Stage::Canary);
                (w.stopped, w.removing) = (true, true);
            },
            "removing: 3 are still to go",
        );
    }
}
