//! Watching a command to its end: reads its output, keeps its time, ends its group.

use std::time::Duration;

use tamer_model::{CommandSpec, Outcome, StreamKind, TaskEnd, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Output, Running};
use crate::platform::{self, Child, Ended, Spawned};

/// How much is read at once.
const READ: usize = 16 * 1024;
/// How long the pipes may stay open after the command ended: a daemon it left may hold them.
const DRAIN: Duration = Duration::from_secs(1);

/// The longest a command has between TERM and KILL when the agent itself is stopped: a service
/// manager does not wait for ever.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Why a command is to be ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody cancelled it.
    Cancelled,
    /// The agent itself was asked to stop.
    AgentStops,
}

/// What made the group be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Timeout,
    Cancelled,
    AgentStops,
}

/// Where the ending of the group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    No,
    /// It was asked to end, and is killed at this instant.
    Asked(Cause, Instant),
    Killed(Cause),
}

/// What happened next.
enum Event {
    Read(StreamKind, usize),
    Exited,
    Flush,
    Deadline,
    Stop(Stop),
    DrainOver,
}

/// Watches the command until it ended, and tells how. What it writes goes to `output`.
pub async fn supervise(
    running: Running,
    spec: &CommandSpec,
    started_at: Timestamp,
    mut stop: watch::Receiver<Option<Stop>>,
    output: &mut Output,
) -> TaskEnd {
    let Running { spawned, since, process: _ } = running;
    let Spawned { mut child, stdout, stderr } = spawned;
    let grace = Duration::from_millis(spec.grace_ms);
    let (mut stdout, mut stderr) = (Some(stdout), Some(stderr));
    // On the heap: the future of a task lives as long as its command.
    let (mut out, mut err) = (vec![0; READ], vec![0; READ]);
    let mut ending = Ending::No;
    let mut status = None;
    let mut drain_until = None;
    let mut ran_ms = None;
    let timeout = spec.timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms));

    while status.is_none() || stdout.is_some() || stderr.is_some() {
        let deadline = match ending {
            Ending::No => timeout,
            Ending::Asked(_, kill_at) => Some(kill_at),
            Ending::Killed(_) => None,
        };
        // Every branch is cancel-safe: reads into a buffer that only counts when the read ends,
        // the wait of a child, a watch and timers.
        let event = tokio::select! {
            read = read(&mut stdout, &mut out), if stdout.is_some() => {
                Event::Read(StreamKind::Stdout, read)
            }
            read = read(&mut stderr, &mut err), if stderr.is_some() => {
                Event::Read(StreamKind::Stderr, read)
            }
            () = child.ended(), if status.is_none() => Event::Exited,
            () = at(output.due()) => Event::Flush,
            () = at(deadline), if status.is_none() => Event::Deadline,
            reason = stopped(&mut stop), if ending == Ending::No && status.is_none() => {
                Event::Stop(reason)
            }
            () = at(drain_until) => Event::DrainOver,
        };
        match event {
            Event::Read(stream, 0) => match stream {
                StreamKind::Stdout => stdout = None,
                StreamKind::Stderr => stderr = None,
            },
            Event::Read(stream, len) => {
                let bytes = match stream {
                    StreamKind::Stdout => &out[..len],
                    StreamKind::Stderr => &err[..len],
                };
                output.write(stream, bytes);
                output.room().await;
            }
            Event::Exited => {
                ran_ms = Some(since.elapsed().as_millis() as u64);
                drain_until = Some(Instant::now() + DRAIN);
                if ending != Ending::No {
                    // What is left of a group that was told to end does not outlive it.
                    child.kill();
                }
                status = Some(child.reap());
            }
            Event::Flush => output.flush(),
            Event::Deadline => ending = next_ending(&mut child, ending, Cause::Timeout, grace),
            Event::Stop(Stop::Cancelled) => {
                ending = next_ending(&mut child, ending, Cause::Cancelled, grace);
            }
            Event::Stop(Stop::AgentStops) => {
                let grace = grace.min(STOP_GRACE);
                ending = next_ending(&mut child, ending, Cause::AgentStops, grace);
            }
            Event::DrainOver => break,
        }
    }
    let held = stdout.is_some() || stderr.is_some();
    let usage = status.as_ref().and_then(|status| status.as_ref().ok()?.usage);
    let (outcome, reason) = end_of(status, ending, held, spec);
    let duration_ms = ran_ms.or_else(|| Some(since.elapsed().as_millis() as u64));
    TaskEnd {
        outcome,
        reason,
        problem: None,
        started_at: Some(started_at),
        duration_ms,
        unsent: None,
        usage,
        fetched: None,
    }
}

/// Asks the group to end, or kills it when it was asked.
fn next_ending(child: &mut Child, ending: Ending, cause: Cause, grace: Duration) -> Ending {
    match ending {
        Ending::No => {
            if child.terminate() {
                Ending::Asked(cause, Instant::now() + grace)
            } else {
                Ending::Killed(cause)
            }
        }
        Ending::Asked(cause, _) | Ending::Killed(cause) => {
            child.kill();
            Ending::Killed(cause)
        }
    }
}

/// The truth about the end.
fn end_of(
    status: Option<std::io::Result<Ended>>,
    ending: Ending,
    held: bool,
    spec: &CommandSpec,
) -> (Outcome, Option<String>) {
    let how = |killed: bool| if killed { "; it ignored TERM and was killed" } else { "" };
    let caused = |cause, killed: bool| match cause {
        Cause::Timeout => {
            let limit = Duration::from_millis(spec.timeout_ms.unwrap_or_default());
            let limit = humantime::format_duration(limit);
            (Outcome::TimedOut, Some(format!("it ran longer than {limit}{}", how(killed))))
        }
        Cause::Cancelled => {
            (Outcome::Cancelled, Some(format!("it was cancelled while it ran{}", how(killed))))
        }
        Cause::AgentStops => (Outcome::Interrupted, Some("the agent was stopped".to_owned())),
    };
    match ending {
        Ending::Asked(cause, _) => caused(cause, false),
        // Without a TERM there is nothing that was ignored.
        Ending::Killed(cause) => caused(cause, platform::HAS_TERM),
        Ending::No => match status {
            Some(Ok(Ended { status, usage: _ })) => {
                let (exit_code, signal) = platform::exit_of(status);
                let outcome = if exit_code == Some(0) {
                    Outcome::Succeeded
                } else {
                    Outcome::Failed { exit_code, signal }
                };
                let reason = held.then(|| {
                    "a process that it left behind still holds its output; that is not shown"
                        .to_owned()
                });
                (outcome, reason)
            }
            Some(Err(error)) => {
                (Outcome::Interrupted, Some(format!("how it ended could not be read: {error}")))
            }
            None => (Outcome::Interrupted, Some("how it ended was not seen".to_owned())),
        },
    }
}

/// The next bytes, or 0 at the end of the pipe. A pipe that fails has ended.
async fn read(pipe: &mut Option<impl AsyncRead + Unpin>, into: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(into).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Waits until the command is to be ended. Without anybody left to ask for it, it never is.
async fn stopped(stop: &mut watch::Receiver<Option<Stop>>) -> Stop {
    let reason = stop.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
    match reason {
        Some(reason) => reason,
        None => std::future::pending().await,
    }
}
