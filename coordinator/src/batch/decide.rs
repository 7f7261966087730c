//! What to do about one task. Pure: the controller gathers what is known and performs what comes
//! out.
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
    pub cancelled: bool,
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
    /// Write down that it goes to the agent with this journal, then send it.
    Dispatch(JournalId),
    /// Ask the agent to end it.
    Cancel,
    /// It runs: write that down.
    Run(JournalId),
    /// This is its end.
    End(TaskEnd),
}

/// Decides about one task.
pub fn decide(task: &TaskState, host: HostIs, told: Told, known: Known) -> Step {
    match task {
        TaskState::Ended(_) => Step::Wait,
        TaskState::Pending => pending(host, known),
        TaskState::Dispatched { journal, .. } => sent(*journal, false, host, told, known),
        TaskState::Running { journal, .. } => sent(*journal, true, host, told, known),
    }
}

fn pending(host: HostIs, known: Known) -> Step {
    if known.cancelled {
        return Step::End(TaskEnd::never_started(
            "the batch was cancelled before this host had it",
        ));
    }
    match host {
        HostIs::Connected(journal) => Step::Dispatch(journal),
        HostIs::Away(HostState::Ready, _) => Step::Wait,
        HostIs::Away(HostState::Lost | HostState::Pending, _) => {
            Step::End(TaskEnd::never_started("the host is lost"))
        }
        HostIs::Gone => Step::End(TaskEnd::never_started("the host was removed from the fleet")),
    }
}

fn sent(journal: JournalId, running: bool, host: HostIs, told: Told, known: Known) -> Step {
    let unknown = |reason: &str| Step::End(TaskEnd::without_times(Outcome::Interrupted, reason));
    match host {
        HostIs::Gone => unknown("the host was removed while it had the task"),
        HostIs::Away(HostState::Ready, _) => Step::Wait,
        HostIs::Away(_, _) if known.cancelled => unknown(
            "the batch was cancelled while the host was lost; the host ends the task on its return",
        ),
        HostIs::Away(_, since) if known.now.since(since) >= known.lost_wait => {
            unknown("the host was lost while it had the task, and did not return in time")
        }
        HostIs::Away(_, _) => Step::Wait,
        HostIs::Connected(now) if now != journal => {
            unknown("the agent lost its journal while it had the task")
        }
        HostIs::Connected(_) => connected(journal, running, told, known),
    }
}

fn connected(journal: JournalId, running: bool, told: Told, known: Known) -> Step {
    match told {
        Told::NotHeld if running => {
            let reason = "the agent no longer knows the task that it had started";
            Step::End(TaskEnd::without_times(Outcome::Interrupted, reason))
        }
        Told::NotHeld if known.cancelled => Step::End(TaskEnd::never_started(
            "the batch was cancelled before the task reached the host",
        )),
        Told::NotHeld => Step::Dispatch(journal),
        Told::Nothing | Told::Held if known.cancelled => Step::Cancel,
        Told::Held if !running => Step::Run(journal),
        Told::Nothing | Told::Held => Step::Wait,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const J1: JournalId = JournalId::from_bytes([1; 10]);
    const J2: JournalId = JournalId::from_bytes([2; 10]);
    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn tasks() -> impl Strategy<Value = TaskState> {
        prop_oneof![
            Just(TaskState::Pending),
            Just(TaskState::Dispatched { at: NOW, journal: J1 }),
            Just(TaskState::Running { journal: J1, started_at: NOW }),
            Just(TaskState::Ended(TaskEnd::never_started("x"))),
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
        fn a_task_that_may_have_started_is_sent_again_only_on_evidence(
            task in tasks(), host in hosts(), told in telling(), cancelled: bool, wait in 0u64..2_000_000
        ) {
            let known = Known { cancelled, lost_wait: Duration::from_millis(wait), now: NOW };
            match decide(&task, host, told, known) {
                Step::Dispatch(to) => {
                    prop_assert_eq!(host, HostIs::Connected(to));
                    prop_assert!(!cancelled);
                    match task {
                        TaskState::Pending => {}
                        TaskState::Dispatched { journal, .. } => {
                            prop_assert!(journal == to && told == Told::NotHeld);
                        }
                        other => prop_assert!(false, "{other:?} was sent again"),
                    }
                }
                Step::End(end) => {
                    prop_assert!(task.end().is_none());
                    // Silence alone never says that something did not start.
                    if end.outcome == Outcome::NeverStarted && task != TaskState::Pending {
                        prop_assert!(told == Told::NotHeld && host == HostIs::Connected(J1));
                    }
                    prop_assert!(matches!(end.outcome, Outcome::NeverStarted | Outcome::Interrupted));
                }
                Step::Cancel => prop_assert!(cancelled),
                Step::Run(journal) => prop_assert_eq!(journal, J1),
                Step::Wait => {}
            }
        }

        #[test]
        fn nothing_waits_for_ever_on_a_lost_host(task in tasks(), told in telling(), cancelled: bool) {
            let known = Known { cancelled, lost_wait: Duration::from_secs(600), now: NOW };
            let lost = HostIs::Away(HostState::Lost, Timestamp::from_millis(0));
            let step = decide(&task, lost, told, known);
            prop_assert!(task.end().is_some() || matches!(step, Step::End(_)));
        }
    }
}
