//! What to do about one attempt that was sent. Pure: the controller gathers what is known and performs
//! what comes out. Whether something is sent at all is the rollout's to say (`tamer-rollout`).
//!
//! The truth about an end rests on three facts. An agent writes a task into its journal before it
//! starts it; the hello of a session tells all that the journal holds; and a message of an older
//! session cannot arrive after that hello, because the agent reads one session only. So a task that
//! was sent, and that the hello does not hold, was never started, unless the journal is another
//! one: then the agent's memory is gone, and nobody can know.

use std::time::Duration;

use tamer_model::{HostState, JournalId, Outcome, TaskEnd, TaskState, Timestamp};

/// What is known about the host of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostIs {
    /// It has a session; the agent has this journal.
    Connected(JournalId),
    /// It has none, and its state is this since then.
    Away(HostState, Timestamp),
    /// It was removed.
    Gone,
}

/// What is known about the batch.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Whether what runs is to be ended.
    pub ending: bool,
    /// How long a lost host that has the task is waited for.
    pub lost_wait: Duration,
    pub now: Timestamp,
}

/// What the latest hello said about the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// There was no hello since the task was last sent.
    Nothing,
    /// The journal holds it.
    Held,
    /// The journal does not hold it.
    NotHeld,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing now.
    Wait,
    /// It never reached the agent: it waits again, and the rollout says whether it is sent.
    Return,
    /// Ask the agent to end it.
    Cancel,
    /// It runs: write that down.
    Run(JournalId),
    /// This is how the attempt ended.
    End(TaskEnd),
}

/// Decides about one attempt.
pub fn decide(task: &TaskState, host: HostIs, told: Told, known: Known) -> Step {
    match task {
        TaskState::Pending | TaskState::Ended(_) => Step::Wait,
        TaskState::Dispatched { journal, .. } => sent(*journal, false, host, told, known),
        TaskState::Running { journal, .. } => sent(*journal, true, host, told, known),
    }
}

fn sent(journal: JournalId, running: bool, host: HostIs, told: Told, known: Known) -> Step {
    let unknown = |reason: &str| Step::End(TaskEnd::without_times(Outcome::Interrupted, reason));
    match host {
        HostIs::Gone => unknown("the host was removed while it had the task"),
        HostIs::Away(HostState::Ready, _) => Step::Wait,
        HostIs::Away(_, _) if known.ending => unknown(
            "the batch was ended while the host was lost; the host ends the task on its return",
        ),
        HostIs::Away(_, since) if known.now.since(since) >= known.lost_wait => {
            unknown("the host was lost while it had the task, and did not return in time")
        }
        HostIs::Away(_, _) => Step::Wait,
        HostIs::Connected(now) if now != journal => {
            unknown("the agent lost its journal while it had the task")
        }
        HostIs::Connected(_) => connected(journal, running, told, known.ending),
    }
}

fn connected(journal: JournalId, running: bool, told: Told, ending: bool) -> Step {
    match told {
        Told::NotHeld if running => {
            let reason = "the agent no longer knows the task that it had started";
            Step::End(TaskEnd::without_times(Outcome::Interrupted, reason))
        }
        Told::NotHeld => Step::Return,
        Told::Nothing | Told::Held if ending => Step::Cancel,
        Told::Held if !running => Step::Run(journal),
        Told::Nothing | Told::Held => Step::Wait,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tamer_model::Unsent;

    use super::*;

    const J1: JournalId = JournalId::from_bytes([1; 10]);
    const J2: JournalId = JournalId::from_bytes([2; 10]);
    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn tasks() -> impl Strategy<Value = TaskState> {
        prop_oneof![
            Just(TaskState::Pending),
            Just(TaskState::Dispatched { at: NOW, journal: J1 }),
            Just(TaskState::Running { journal: J1, started_at: NOW }),
            Just(TaskState::Ended(TaskEnd::never_started(Unsent::Cancelled, "x"))),
        ]
    }

    fn hosts() -> impl Strategy<Value = HostIs> {
        let away = (prop_oneof![Just(HostState::Ready), Just(HostState::Lost)], 0u64..2_000_000)
            .prop_map(|(state, since)| HostIs::Away(state, Timestamp::from_millis(since)));
        prop_oneof![
            Just(HostIs::Connected(J1)),
            Just(HostIs::Connected(J2)),
            away,
            Just(HostIs::Gone)
        ]
    }

    fn telling() -> impl Strategy<Value = Told> {
        prop_oneof![Just(Told::Nothing), Just(Told::Held), Just(Told::NotHeld)]
    }

    proptest! {
        #[test]
        fn what_may_have_started_is_taken_back_only_on_evidence(
            task in tasks(), host in hosts(), told in telling(), ending: bool, wait in 0u64..2_000_000
        ) {
            let known = Known { ending, lost_wait: Duration::from_millis(wait), now: NOW };
            match decide(&task, host, told, known) {
                Step::Return => {
                    // Silence alone never says that something did not start.
                    prop_assert_eq!((host, told), (HostIs::Connected(J1), Told::NotHeld));
                    let dispatched = matches!(task, TaskState::Dispatched { journal: J1, .. });
                    prop_assert!(dispatched, "{task:?} was taken back");
                }
                Step::End(end) => {
                    prop_assert!(task.end().is_none() && task != TaskState::Pending);
                    prop_assert_eq!(end.outcome, Outcome::Interrupted);
                }
                Step::Cancel => prop_assert!(ending),
                Step::Run(journal) => prop_assert_eq!(journal, J1),
                Step::Wait => {}
            }
        }

        #[test]
        fn nothing_waits_for_ever_on_a_lost_host(task in tasks(), told in telling(), ending: bool) {
            let known = Known { ending, lost_wait: Duration::from_secs(600), now: NOW };
            let lost = HostIs::Away(HostState::Lost, Timestamp::from_millis(0));
            let step = decide(&task, lost, told, known);
            let in_flight = task.end().is_none() && task != TaskState::Pending;
            prop_assert!(!in_flight || matches!(step, Step::End(_)));
        }
    }
}
