//! A command in an instance, by its provider.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use futures_util::stream::StreamExt as _;
use tamer_model::{Code, InstanceExec, InstanceRef, Outcome, Problem, TaskEnd};
use tamer_provider::registry::Registry;
use tamer_provider::{ExecOutput, ExecSession, Fault, Provider as _};
use tokio::time::sleep_until;

use super::{Failure, Halt, Job};
use crate::exec::Output;

/// What may stay when nobody waits any more.
const AFTER: &str = "; where its technology does not end it, it goes on";

/// Runs the command to its end.
pub async fn run(
    providers: &Registry,
    job: &mut Job,
    instance: &InstanceRef,
    exec: &InstanceExec,
) -> TaskEnd {
    job.begun();
    let mut halt = job.halt(exec.timeout_ms);
    // A provider that panics ends its task and nothing else.
    let ran = AssertUnwindSafe(attend(providers, instance, exec, &mut halt, &mut job.output));
    match ran.catch_unwind().await {
        Ok(Ok(Some(0))) => super::succeeded(),
        Ok(Ok(exit_code)) => {
            let outcome = Outcome::Failed { exit_code, signal: None };
            TaskEnd { outcome, ..super::succeeded() }
        }
        Ok(Err(failure)) => failure.end("the command ran in the instance", AFTER),
        Err(_) => {
            let message = "the provider failed in a way that it should not";
            let problem = Problem::new(Code::Internal, message)
                .remedy("the agent's log has the details: please report them");
            TaskEnd::failed(problem)
        }
    }
}

/// Starts it and reads what it writes. Returns its exit code, where the technology says it.
async fn attend(
    providers: &Registry,
    instance: &InstanceRef,
    exec: &InstanceExec,
    halt: &mut Halt,
    output: &mut Output,
) -> Result<Option<i32>, Failure> {
    let session = halt.or(begin(providers, instance, exec)).await?;
    let ExecSession { input, output: mut told } = session.map_err(Problem::from)?;
    // It has no input.
    drop(input);
    loop {
        // Cancel-safe: a stream, a timer, and what ends it, which stands once it is there.
        tokio::select! {
            biased;
            cause = halt.caused() => return Err(Failure::Halted(cause)),
            () = due(output) => output.flush(),
            item = told.next() => match item {
                Some(Ok(ExecOutput::Data(stream, data))) => {
                    output.write(stream, &data);
                    output.room().await;
                }
                Some(Ok(ExecOutput::Ended(code))) => return Ok(code),
                Some(Err(fault)) => return Err(Problem::from(fault).into()),
                None => {
                    let message = "the technology did not say how the command ended";
                    return Err(Problem::new(Code::TechnologyFailed, message).into());
                }
            },
        }
    }
}

async fn begin(
    providers: &Registry,
    instance: &InstanceRef,
    exec: &InstanceExec,
) -> Result<ExecSession, Fault> {
    providers.get(&instance.provider)?.exec(&instance.native, &exec.spec).await
}

async fn due(output: &Output) {
    match output.due() {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
