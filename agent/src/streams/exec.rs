//! A command in an instance.

use futures_util::stream::StreamExt;
use tamer_model::{Code, ExecSpec, InstanceRef, Problem};
use tamer_provider::Provider as _;
use tamer_provider::registry::Registry;
use tamer_provider::{ExecInput, ExecOutput, ExecSession, Fault, MAX_EXEC_CHUNK};
use tokio::sync::mpsc;

use super::frames::{self, Frames, Gone};
use super::merge::{Merged, Part};

/// Runs the command, with its input from `input` and its output to `frames`.
pub async fn exec(
    providers: &Registry,
    instance: &InstanceRef,
    spec: &ExecSpec,
    input: mpsc::Receiver<ExecInput>,
    frames: &Frames,
) -> Result<(), Gone> {
    let ExecSession { input: sink, output } = match begin(providers, instance, spec).await {
        Ok(session) => session,
        Err(fault) => return frames.send(frames::problem(0, fault)).await,
    };
    let mut left = Left { instance, ended: false };
    frames.send(frames::started(0)).await?;
    let parts = output.map(|item| match item {
        Ok(ExecOutput::Data(stream, data)) => Part::Data(stream, data),
        Ok(ExecOutput::Ended(code)) => Part::Other(Ok(code)),
        Err(fault) => Part::Other(Err(fault)),
    });
    let mut output = Merged::new(parts.boxed());
    // The command ends when its output ends, whatever comes for its input; and a command that does
    // not read its input goes on writing.
    let pass = pass(input, sink);
    let tell = async {
        let last = loop {
            match output.next().await {
                Some(Part::Data(stream, data)) => {
                    frames.send(frames::data(0, stream, data)).await?;
                }
                Some(Part::Other(Ok(code))) => break frames::exec_ended(code),
                Some(Part::Other(Err(fault))) => break frames::problem(0, fault),
                None => break frames::problem(0, unfinished()),
            }
        };
        left.ended = true;
        frames.send(last).await
    };
    tokio::pin!(pass, tell);
    tokio::select! {
        told = &mut tell => told,
        () = &mut pass => tell.await,
    }
}

/// Says, when it is dropped before the command's end, that the command was left.
struct Left<'a> {
    instance: &'a InstanceRef,
    ended: bool,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if !self.ended {
            tracing::info!(
                instance = %self.instance,
                "nobody reads a command any more; where its technology does not end it, it goes on"
            );
        }
    }
}

async fn begin(
    providers: &Registry,
    instance: &InstanceRef,
    spec: &ExecSpec,
) -> Result<ExecSession, Fault> {
    providers.get(&instance.provider)?.exec(&instance.native, spec).await
}

/// Passes input on, in pieces that providers take. Stays when the input has ended: a sink that is
/// dropped is one that is closed, and only a client that asked for that gets it.
async fn pass(mut input: mpsc::Receiver<ExecInput>, sink: mpsc::Sender<ExecInput>) {
    while let Some(told) = input.recv().await {
        let ExecInput::Data(mut data) = told else {
            let _ = sink.send(told).await;
            continue;
        };
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(MAX_EXEC_CHUNK));
            // A command that has closed its input, or ended, reads no more: the rest is dropped.
            if sink.send(ExecInput::Data(piece)).await.is_err() {
                break;
            }
        }
    }
    std::future::pending().await
}

fn unfinished() -> Problem {
    Problem::new(Code::TechnologyFailed, "the technology did not say how the command ended")
}
