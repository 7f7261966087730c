//! Commands run in instances.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tamer_model::{ExecSpec, NativeId, StreamKind};

use super::Program;
use super::bench::{Bench, Case, Outcome, Unmet, cases, fail, holds, refused, same, within};
use super::lifecycle::GRACE;
use crate::{ExecInput, ExecOutput, ExecSession, FaultKind, MAX_EXEC_CHUNK};
use tamer_model::Operation;

/// What may be held of a huge output that nobody reads, in bytes: what is in the kernel's and in
/// the provider's buffers, and what the allocator rounds up.
const SLACK: u64 = 24 << 20;

pub(super) const NEEDS: &[Operation] = &[
    Operation::List,
    Operation::Create,
    Operation::Start,
    Operation::Stop,
    Operation::Remove,
    Operation::Exec,
];

cases! {
    "exec-streams", NEEDS, streams;
    "exec-codes", NEEDS, codes;
    "exec-input", NEEDS, input;
    "exec-no-input", NEEDS, no_input;
    "exec-order", NEEDS, order;
    "exec-unknown", NEEDS, unknown;
    "exec-stopped", NEEDS, stopped;
    "exec-while-stopping", NEEDS, while_stopping;
    "exec-flood", NEEDS, flood;
    "exec-cancel", NEEDS, cancel;
}

/// What came of a command.
pub(super) struct Done {
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub code: Option<i32>,
}

impl Bench<'_> {
    /// How the program is asked for here.
    pub fn spec(&self, program: &Program) -> Outcome<ExecSpec> {
        let missing = || Unmet::Skipped(format!("{program:?} cannot be had"));
        self.subject.argv(program).map(ExecSpec::new).ok_or_else(missing)
    }

    /// Begins a command.
    pub async fn begin(&self, id: &NativeId, spec: &ExecSpec) -> Outcome<ExecSession> {
        let exec = self.provider.exec(id, spec);
        within("exec", self.subject.patience(), exec).await?.map_err(Unmet::from)
    }

    /// Runs a program to its end.
    pub async fn program(&self, id: &NativeId, program: &Program) -> Outcome<Done> {
        let session = self.begin(id, &self.spec(program)?).await?;
        let rest = within("its end", self.subject.patience(), rest(session));
        rest.await?
    }
}

/// Reads a session to its end.
pub(super) async fn rest(mut session: ExecSession) -> Outcome<Done> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(item) = session.output.next().await {
        match item? {
            ExecOutput::Data(stream, data) => {
                holds("an empty piece of output", !data.is_empty())?;
                holds(&format!("a piece of {} bytes", data.len()), data.len() <= MAX_EXEC_CHUNK)?;
                match stream {
                    StreamKind::Stdout => out.extend_from_slice(&data),
                    StreamKind::Stderr => err.extend_from_slice(&data),
                }
            }
            ExecOutput::Ended(code) => {
                holds("something comes after the end", session.output.next().await.is_none())?;
                return Ok(Done { out, err, code });
            }
        }
    }
    fail("the output ended without saying that the command did")
}

/// The two streams are apart.
async fn streams(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("streams").await?;
    let print = Program::Print("to out, größe".to_owned(), "to err's \"end\"".to_owned());
    let done = bench.program(&id, &print).await?;
    same("standard output", text(&done.out), "to out, größe".to_owned())?;
    same("standard error", text(&done.err), "to err's \"end\"".to_owned())?;
    same("its code", done.code, Some(0))
}

/// Codes come through.
async fn codes(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("codes").await?;
    for code in [0, 7, 255] {
        same("its code", bench.program(&id, &Program::Exit(code)).await?.code, Some(code))?;
    }
    Ok(())
}

/// All of its input arrives, and its output comes back the same.
async fn input(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("input").await?;
    let spec = ExecSpec { stdin: true, ..bench.spec(&Program::Cat)? };
    // Every byte value, and no period that a piece's length could hide.
    let length = bench.subject.input_bytes();
    let sent: Bytes = (0..length).map(|at| (at % 251) as u8 ^ (at >> 12) as u8).collect();
    let session = bench.begin(&id, &spec).await?;
    let (writer, pieces) = (session.input.clone(), sent.clone());
    let write = async move {
        for at in (0..pieces.len()).step_by(MAX_EXEC_CHUNK) {
            let piece = pieces.slice(at..pieces.len().min(at + MAX_EXEC_CHUNK));
            if writer.send(ExecInput::Data(piece)).await.is_err() {
                return fail("the command takes no more input");
            }
        }
        // Gone already when the technology saw the end by itself.
        let _ = writer.send(ExecInput::End).await;
        Ok(())
    };
    let both = async { tokio::join!(write, rest(session)) };
    let (written, done) = within("the way and back", bench.subject.patience(), both).await?;
    written?;
    let done = done?;
    same("bytes that came back", done.out.len(), sent.len())?;
    holds("other bytes came back", done.out == sent)?;
    same("its code", done.code, Some(0))
}

/// A command that takes no input sees the end of it at once.
async fn no_input(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("mute").await?;
    let done = bench.program(&id, &Program::Cat).await?;
    same("its output", text(&done.out), String::new())?;
    same("its code", done.code, Some(0))
}

/// Output comes in the order in which it was written, and nothing is lost.
async fn order(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("order").await?;
    let lines = 20_000;
    let done = bench.program(&id, &Program::Count(lines)).await?;
    let mut wanted = 1;
    for line in text(&done.out).lines() {
        same("a line", line, wanted.to_string().as_str())?;
        wanted += 1;
    }
    same("lines", wanted - 1, lines)
}

/// A program that is not there is refused, or ends with a code that says so.
async fn unknown(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("unknown").await?;
    let spec = ExecSpec::new(["/no/such/program"]);
    match within("exec", bench.subject.patience(), bench.provider.exec(&id, &spec)).await? {
        Err(fault) => holds(
            &format!("an unfit fault: {fault:?}"),
            matches!(fault.kind, FaultKind::NotFound | FaultKind::InvalidSpec | FaultKind::Failed),
        ),
        Ok(session) => {
            let done = within("its end", bench.subject.patience(), rest(session)).await??;
            let code = done.code;
            holds(&format!("it ended with {code:?}"), matches!(code, Some(126 | 127)))
        }
    }
}

/// Nothing runs in what does not run.
async fn stopped(bench: &Bench<'_>) -> Outcome {
    let id = bench.made("still").await?;
    let spec = bench.spec(&Program::Exit(0))?;
    refused("exec before the start", bench.provider.exec(&id, &spec).await, FaultKind::Conflict)?;
    bench.start(&id).await?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    refused("exec after the stop", bench.provider.exec(&id, &spec).await, FaultKind::Conflict)?;
    Ok(())
}

/// A command ends with its instance.
async fn while_stopping(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("cut").await?;
    let session = bench.begin(&id, &bench.spec(&Program::Sleep(3600))?).await?;
    bench.provider.stop(&id, Some(GRACE)).await?;
    let end = session.output.collect::<Vec<_>>();
    let items = within("its end", bench.subject.patience(), end).await?;
    match items.last() {
        Some(Ok(ExecOutput::Ended(code))) => {
            holds("it ended as if nothing had happened", *code != Some(0))
        }
        Some(Err(_)) => Ok(()),
        last => fail(format!("the last of its output was {last:?}")),
    }
}

/// A huge output arrives whole, and what nobody reads yet is not held in memory.
async fn flood(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("flood").await?;
    let bytes = bench.subject.flood_bytes();
    let before = resident();
    let mut session = bench.begin(&id, &bench.spec(&Program::Flood(bytes))?).await?;
    let patience = bench.subject.patience();
    let mut seen = 0_u64;
    let mut first = true;
    let read = async {
        while let Some(item) = session.output.next().await {
            match item? {
                ExecOutput::Data(_, data) => {
                    let wanted = |at: u64| if at.is_multiple_of(2) { b'y' } else { b'\n' };
                    let right = (seen..).zip(&data).all(|(at, byte)| *byte == wanted(at));
                    holds(&format!("other bytes came after {seen}"), right)?;
                    seen += data.len() as u64;
                }
                ExecOutput::Ended(code) => {
                    same("its code", code, Some(0))?;
                    return same("bytes", seen, bytes);
                }
            }
            if std::mem::take(&mut first) {
                // This is the slow reader: it reads nothing for a moment.
                tokio::time::sleep(Duration::from_secs(1)).await;
                if let (Some(before), Some(now)) = (before, resident()) {
                    let grown = now.saturating_sub(before);
                    holds(&format!("{grown} bytes are held for a slow reader"), grown < SLACK)?;
                }
            }
        }
        fail("the output ended without saying that the command did")
    };
    within("the flood", patience * 4, read).await?
}

/// Who goes away in the middle leaves a provider that answers.
async fn cancel(bench: &Bench<'_>) -> Outcome {
    let id = bench.running("cancel").await?;
    for _ in 0..3 {
        let mut session = bench.begin(&id, &bench.spec(&Program::Endless)?).await?;
        let first = within("output", bench.subject.patience(), session.output.next()).await?;
        holds(&format!("no output: {first:?}"), matches!(first, Some(Ok(ExecOutput::Data(..)))))?;
        drop(session);
        bench.get(&id).await?;
    }
    same("a later command", bench.program(&id, &Program::Exit(3)).await?.code, Some(3))
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes of memory that this process has, where the system tells it in the way of Linux.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}
