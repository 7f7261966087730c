//! One stream, from its ticket to its end.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tamer_model::{Code, Problem, StreamRequest};
use tamer_proto::{problem_of, wire};
use tamer_provider::ExecInput;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use wire::agent_service_client::AgentServiceClient;
use wire::stream_in::Frame;

use super::frames::{self, Frames, Gone};
use super::{Refused, Sources, describe, exec, logs, output, stats};

/// How long the coordinator may take to accept the call.
const OPEN: Duration = Duration::from_secs(10);
/// Input that may wait for a command that starts.
const INPUT: usize = 4;

/// Opens the stream and serves it until either side ends it.
pub async fn serve(
    mut client: AgentServiceClient<Channel>,
    sources: Sources,
    ticket: String,
    request: StreamRequest,
) -> Result<(), Refused> {
    let (frames, out) = Frames::new(ticket.clone());
    let late = |_| Problem::new(Code::Unreachable, "the coordinator did not accept the stream");
    let opened = timeout(OPEN, client.bulk(ReceiverStream::new(out))).await.map_err(late);
    let opened = opened.and_then(|response| response.map_err(|status| problem_of(&status)));
    let mut input = match opened {
        Ok(response) => response.into_inner(),
        Err(problem) => return Err(Refused { ticket, problem }),
    };
    let (sender, received) = mpsc::channel(INPUT);
    let work = {
        let frames = frames.clone();
        async move {
            // A provider that panics ends its stream and nothing else.
            let done = AssertUnwindSafe(answer(&sources, request, received, &frames));
            if done.catch_unwind().await.is_err() {
                let _ = frames.send(frames::problem(0, panicked())).await;
            }
        }
    };
    // What is dropped here is not needed again: the other side has ended the stream.
    let finished = tokio::select! {
        () = work => true,
        () = feed(&mut input, sender) => false,
        () = frames.closed() => false,
    };
    drop(frames);
    if finished {
        // The last frames are on their way: the call stays until the other side has them. It costs
        // a place among the streams, and the session ends it at the latest.
        while let Ok(Some(_)) = input.message().await {}
    }
    Ok(())
}

async fn answer(
    sources: &Sources,
    request: StreamRequest,
    input: mpsc::Receiver<ExecInput>,
    frames: &Frames,
) {
    let Sources { providers, spool } = sources;
    let done = match request {
        StreamRequest::Exec { instance, spec } => {
            exec::exec(providers, &instance, &spec, input, frames).await
        }
        StreamRequest::Logs { instances, options } => {
            logs::logs(providers, instances, options, frames).await
        }
        StreamRequest::Stats { instances, every_ms } => {
            stats::stats(providers, instances, every_ms, frames).await
        }
        StreamRequest::Describe { instance } => {
            describe::describe(providers, &instance, frames).await
        }
        StreamRequest::Output { task, stdout_from, stderr_from, follow } => {
            let part = output::Part { stdout_from, stderr_from, follow };
            output::output(spool, task, part, frames).await
        }
    };
    // Somebody who has gone is told nothing.
    let (Ok(()) | Err(Gone)) = done;
}

/// Passes on what the other side sends, until it has ended the stream. What nobody takes waits, and
/// whoever sends it waits too.
async fn feed(input: &mut Streaming<wire::StreamIn>, sender: mpsc::Sender<ExecInput>) {
    while let Ok(Some(wire::StreamIn { frame })) = input.message().await {
        let told = match frame {
            Some(Frame::Stdin(data)) => ExecInput::Data(data),
            Some(Frame::StdinEnd(wire::StdinEnd {})) => ExecInput::End,
            Some(Frame::Resize(size)) => ExecInput::Resize(size.into()),
            None => continue,
        };
        let _ = sender.send(told).await;
    }
}

fn panicked() -> Problem {
    Problem::new(Code::Internal, "the provider failed in a way that it should not")
        .remedy("the agent's log has the details: please report them")
}
