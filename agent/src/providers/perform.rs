//! One order, from the provider's call to the end of its task.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tamer_model::{
    Code, CreateInstance, InstanceAction, InstanceOrder, InstanceRef, Outcome, Port, Problem,
    PullImage, StreamKind, TaskEnd,
};
use tamer_provider::registry::Registry;
use tamer_provider::{Progress, ProgressSink, Provider as _};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::progress::Lines;
use crate::exec::{Output, Stop};

/// Progress that waits for us. Telling never waits: what comes too fast is not told.
const PROGRESS: usize = 32;

/// The word of an order, for the log.
pub fn name(order: &InstanceOrder) -> &'static str {
    match order {
        InstanceOrder::Act { action, .. } => action.as_str(),
        InstanceOrder::Create(_) => "create",
        InstanceOrder::Pull(_) => "pull",
    }
}

/// Has a provider carry out the order, and tells how it ended. A stop drops the call; what the
/// technology has begun may go on.
pub async fn perform(
    providers: &Registry,
    order: InstanceOrder,
    mut stop: watch::Receiver<Option<Stop>>,
    output: &mut Output,
) -> TaskEnd {
    // What an order prints is its result; where that is an id, progress goes to the other stream.
    let told_on = match order {
        InstanceOrder::Pull(_) => StreamKind::Stdout,
        InstanceOrder::Act { .. } | InstanceOrder::Create(_) => StreamKind::Stderr,
    };
    let (sender, mut progress) = mpsc::channel(PROGRESS);
    let mut shown = Shown { output, lines: Lines::default(), told_on };
    let end = {
        // A provider that panics ends its task and nothing else.
        let call = AssertUnwindSafe(carry_out(providers, order, ProgressSink::to(sender)));
        let mut call = std::pin::pin!(call.catch_unwind());
        loop {
            // Cancel-safe: a queue, a watch, a timer, and a call that is kept between turns.
            tokio::select! {
                biased;
                reason = stopped(&mut stop) => break Err(reason),
                done = &mut call => break Ok(done.unwrap_or_else(|_| Err(panicked()))),
                Some(progress) = progress.recv() => shown.progress(&progress),
                () = at(shown.output.due()) => shown.output.flush(),
            }
        }
    };
    while let Ok(last) = progress.try_recv() {
        shown.progress(&last);
    }
    match end {
        Ok(Ok(text)) => {
            shown.output.write(StreamKind::Stdout, text.as_bytes());
            succeeded()
        }
        Ok(Err(problem)) => TaskEnd::failed(problem),
        Err(reason) => dropped(&reason),
    }
}

/// The provider's calls. Returns what the task prints.
async fn carry_out(
    providers: &Registry,
    order: InstanceOrder,
    progress: ProgressSink,
) -> Result<String, Problem> {
    match order {
        InstanceOrder::Act { instance, action } => act(providers, &instance, action).await,
        InstanceOrder::Create(create) => self::create(providers, *create, &progress).await,
        InstanceOrder::Pull(PullImage { provider, reference }) => {
            providers.get(&provider)?.image_pull(&reference, &progress).await?;
            Ok(String::new())
        }
    }
}

async fn act(
    providers: &Registry,
    instance: &InstanceRef,
    action: InstanceAction,
) -> Result<String, Problem> {
    let provider = providers.get(&instance.provider)?;
    let id = &instance.native;
    let grace = |ms: Option<u64>| ms.map(Duration::from_millis);
    match action {
        InstanceAction::Start => provider.start(id).await?,
        InstanceAction::Stop { grace_ms } => provider.stop(id, grace(grace_ms)).await?,
        InstanceAction::Restart { grace_ms } => provider.restart(id, grace(grace_ms)).await?,
        InstanceAction::Pause => provider.pause(id).await?,
        InstanceAction::Resume => provider.resume(id).await?,
        InstanceAction::Remove { force } => provider.remove(id, force).await?,
        InstanceAction::CheckpointCreate { name } => provider.checkpoint_create(id, &name).await?,
        InstanceAction::CheckpointRestore { name } => {
            let now = provider.checkpoint_restore(id, &name).await?;
            return Ok(format!("{now}\n"));
        }
        InstanceAction::CheckpointRemove { name } => provider.checkpoint_remove(id, &name).await?,
    }
    Ok(String::new())
}

async fn create(
    providers: &Registry,
    create: CreateInstance,
    progress: &ProgressSink,
) -> Result<String, Problem> {
    let CreateInstance { provider, start, spec } = create;
    let provider = providers.get(&provider)?;
    let id = provider.create(&spec, progress).await?;
    if start && let Err(fault) = provider.start(&id).await {
        // It stays: what it left in its log is how its owner learns why.
        let problem = Problem::from(fault);
        let field = taken(&spec.ports, &problem).or(problem.field);
        let message = format!("{id} was made and did not start: {}", problem.message);
        return Err(Problem { message, field, ..problem }
            .remedy("look at it with `tamerctl instance show`, then start or remove it"));
    }
    Ok(format!("{id}\n"))
}

/// Which port of the spec a technology could not have. One that takes its ports at the start tells
/// the port's number and not its place.
fn taken(ports: &[Port], problem: &Problem) -> Option<String> {
    if problem.field.as_deref() != Some("ports") {
        return None;
    }
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let mut numbers = problem.message.split(':').skip(1).map(digits);
    let place = |number: String| {
        let number: u16 = number.parse().ok()?;
        ports.iter().position(|port| port.host == Some(number))
    };
    numbers.find_map(place).map(|at| format!("ports[{at}].host"))
}

/// What the task shows.
struct Shown<'a> {
    output: &'a mut Output,
    lines: Lines,
    told_on: StreamKind,
}

impl Shown<'_> {
    fn progress(&mut self, progress: &Progress) {
        if let Some(line) = self.lines.line(progress) {
            self.output.write(self.told_on, line.as_bytes());
        }
    }
}

fn succeeded() -> TaskEnd {
    TaskEnd {
        outcome: Outcome::Succeeded,
        reason: None,
        problem: None,
        started_at: None,
        duration_ms: None,
        unsent: None,
        usage: None,
        fetched: None,
    }
}

fn dropped(reason: &Stop) -> TaskEnd {
    match reason {
        Stop::Cancelled => TaskEnd::without_times(
            Outcome::Cancelled,
            "it was cancelled while the provider worked on it; what the technology has begun may \
             go on",
        ),
        Stop::AgentStops => TaskEnd::without_times(
            Outcome::Interrupted,
            "the agent was stopped; what the technology has begun may go on",
        ),
    }
}

fn panicked() -> Problem {
    Problem::new(Code::Internal, "the provider failed in a way that it should not")
        .remedy("the agent's log has the details: please report them")
}

/// Waits until the call is to be dropped. Without anybody left to ask for it, it never is.
async fn stopped(stop: &mut watch::Receiver<Option<Stop>>) -> Stop {
    match stop.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone()) {
        Some(reason) => reason,
        None => std::future::pending().await,
    }
}

async fn at(instant: Option<tokio::time::Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::Protocol;

    use super::*;

    #[test]
    fn a_port_that_is_taken_is_told_by_its_place() {
        let port = |host| Port { instance: 80, host, address: None, protocol: Protocol::Tcp };
        let ports = [port(None), port(Some(94)), port(Some(18080))];
        let said = |field: &str, message: &str| taken(&ports, &Problem::field(field, message));
        let third = Some("ports[2].host".to_owned());
        assert_eq!(said("ports", "cannot start 2b94f5: Bind for 0.0.0.0:18080 failed"), third);
        assert_eq!(said("ports", "listen tcp4 :18080: bind: address already in use"), third);
        assert_eq!(said("ports", "listen tcp4 :180801: bind"), None);
        assert_eq!(said("image", "no image at registry:18080"), None);
    }
}
