//! Several pieces of work one after the other, as one task.

use tamer_model::{Outcome, Problem, TaskEnd, Usage, Work};

use super::{Job, Workshop, one};

/// Does the steps in turn. The first that does not succeed ends it, and says which it was.
pub async fn run(shop: &Workshop, job: &mut Job, steps: Vec<Work>) -> TaskEnd {
    let of = steps.len();
    let mut total = super::succeeded();
    for (number, step) in (1..).zip(steps) {
        job.step(number);
        let place = format!("step {number} of {of} ({})", name(&step));
        let halted = job.halt(None).check().await;
        let end = match halted {
            Ok(()) => one(shop, job, step).await,
            Err(failure) => failure.end("it had not begun", ""),
        };
        job.output.flush();
        let succeeded = end.outcome == Outcome::Succeeded;
        total = add(total, end);
        if !succeeded {
            total = blame(total, &place);
            break;
        }
    }
    TaskEnd { started_at: Some(job.at), ..total }
}

/// The end of both: what they took is added up, everything else is the later one's.
fn add(before: TaskEnd, end: TaskEnd) -> TaskEnd {
    let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
    let usage = match (before.usage, end.usage) {
        (Some(a), Some(b)) => Some(Usage {
            cpu_ms: a.cpu_ms + b.cpu_ms,
            max_memory_bytes: a.max_memory_bytes.max(b.max_memory_bytes),
        }),
        (a, b) => a.or(b),
    };
    TaskEnd {
        duration_ms: sum(before.duration_ms, end.duration_ms),
        usage,
        fetched: before.fetched.or(end.fetched),
        ..end
    }
}

/// Says in which step it happened.
fn blame(end: TaskEnd, place: &str) -> TaskEnd {
    let told = end.reason.clone().unwrap_or_else(|| match end.outcome {
        Outcome::Failed { exit_code: Some(code), .. } => format!("it exited with {code}"),
        Outcome::Failed { signal: Some(signal), .. } => format!("signal {signal} ended it"),
        Outcome::Failed { exit_code: None, signal: None }
        | Outcome::Succeeded
        | Outcome::TimedOut
        | Outcome::Cancelled
        | Outcome::Refused
        | Outcome::Interrupted
        | Outcome::NeverStarted => end.outcome.as_str().replace('_', " "),
    });
    let problem = end.problem.map(|problem| {
        Box::new(Problem { message: format!("{place}: {}", problem.message), ..*problem })
    });
    TaskEnd { reason: Some(format!("{place}: {told}")), problem, ..end }
}

/// The step in a few words.
fn name(step: &Work) -> String {
    let text = match step {
        Work::Command(command) => command.argv.join(" "),
        Work::Script(script) => format!("script {}", script.name),
        Work::Push(push) => format!("push {}", push.path),
        Work::Fetch(fetch) => format!("fetch {}", fetch.path),
        Work::Instance(order) => format!("instance {}", crate::providers::name(order)),
        Work::Exec { exec, .. } => format!("instance exec {}", exec.spec.argv.join(" ")),
        Work::Sequence(_) => "sequence".to_owned(),
    };
    // A reason is for people, and a command can be long.
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{Code, CommandSpec};

    use super::*;

    #[test]
    fn what_steps_took_is_added_up() {
        let of = |cpu_ms, memory, duration_ms| TaskEnd {
            usage: Some(Usage { cpu_ms, max_memory_bytes: memory }),
            duration_ms,
            ..super::super::succeeded()
        };
        let sum =
            add(add(super::super::succeeded(), of(1, Some(7), Some(10))), of(2, None, Some(5)));
        assert_eq!(sum, of(3, Some(7), Some(15)));
    }

    #[test]
    fn the_reason_says_which_step() {
        let outcome = Outcome::Failed { exit_code: Some(3), signal: None };
        let end = blame(TaskEnd { outcome, ..super::super::succeeded() }, "step 2 of 3 (x)");
        assert_eq!(end.reason.as_deref(), Some("step 2 of 3 (x): it exited with 3"));
        let end = blame(TaskEnd::failed(Problem::new(Code::NotFound, "no")), "step 1 of 1 (x)");
        assert_eq!(end.reason.as_deref(), Some("step 1 of 1 (x): no"));
        assert_eq!(end.problem.map(|p| p.message).as_deref(), Some("step 1 of 1 (x): no"));
    }

    #[test]
    fn a_long_step_has_a_short_name() {
        let step = Work::Command(CommandSpec::new(["ü".repeat(100)]));
        assert_eq!(name(&step).chars().count(), 61);
    }
}
