//! Commands on a terminal.

use bytes::Bytes;
use futures_util::StreamExt as _;
use tamer_model::{ExecSpec, Operation, StreamKind, TerminalSize};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout};

use super::Program;
use super::bench::{Bench, Case, Outcome, cases, fail, holds, skip, within};
use super::exec::{NEEDS, rest, text};
use crate::{ExecInput, ExecOutput, ExecSession};

cases! {
    "exec-terminal", NEEDS, terminal;
}

/// A terminal has the size that was asked for, and another one when it is told so.
async fn terminal(bench: &Bench<'_>) -> Outcome {
    if let Some(why) = bench.cannot(Operation::ExecTerminal) {
        return skip(why);
    }
    let id = bench.running("terminal").await?;
    let spec = ExecSpec {
        stdin: true,
        terminal: Some(TerminalSize { columns: 80, rows: 24 }),
        ..bench.spec(&Program::TerminalSize)?
    };
    let mut session = bench.begin(&id, &spec).await?;
    size(bench, &mut session, "24 80").await?;
    send(&session.input, ExecInput::Resize(TerminalSize { columns: 132, rows: 43 })).await?;
    size(bench, &mut session, "43 132").await?;
    // On a terminal the end of the input is a key.
    send(&session.input, ExecInput::Data(Bytes::from_static(b"\x04"))).await?;
    send(&session.input, ExecInput::End).await?;
    within("its end", bench.subject.patience(), rest(session)).await??;
    Ok(())
}

/// Asks for the size until it is this one: a new size takes its time to arrive.
async fn size(bench: &Bench<'_>, session: &mut ExecSession, wanted: &str) -> Outcome {
    let deadline = Instant::now() + bench.subject.patience();
    let mut seen = Vec::new();
    while Instant::now() < deadline {
        send(&session.input, ExecInput::Data(Bytes::from_static(b"\n"))).await?;
        // Reads for a moment; what comes later belongs to the next round.
        while let Ok(item) = timeout(Duration::from_millis(300), session.output.next()).await {
            match item {
                Some(Ok(ExecOutput::Data(stream, data))) => {
                    holds("a terminal has one stream", stream == StreamKind::Stdout)?;
                    seen.extend_from_slice(&data);
                }
                Some(Ok(ExecOutput::Ended(code))) => return fail(format!("ended with {code:?}")),
                Some(Err(fault)) => return Err(fault.into()),
                None => return fail("the output ended"),
            }
            if text(&seen).contains(wanted) {
                return Ok(());
            }
        }
    }
    fail(format!("no {wanted:?} in {:?}", text(&seen)))
}

async fn send(to: &mpsc::Sender<ExecInput>, input: ExecInput) -> Outcome {
    match to.send(input).await {
        Ok(()) => Ok(()),
        Err(_) => fail("the command takes no more input"),
    }
}
