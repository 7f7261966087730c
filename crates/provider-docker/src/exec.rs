//! Commands in a container.

use std::time::Duration;

use bollard::models::ExecConfig;
use bollard::query_parameters::ResizeExecOptions;
use bytes::BytesMut;
use futures_util::stream;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tamer_model::{ExecSpec, NativeId, TerminalSize};
use tamer_provider::{
    ExecInput, ExecOutput, ExecSession, Fault, FaultKind, MAX_EXEC_CHUNK, Result,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::client::{Ask, QUICK, SLOW};
use crate::engine::Engine;
use crate::fault;
use crate::frames::Demux;
use crate::typed::part;

/// Pieces of input that wait for the command to read: half a MiB at most.
const INPUT_WAITS: usize = 16;
/// How long an engine may take to know the exit code after the output has ended.
const CODE_LIMIT: Duration = Duration::from_secs(10);
/// The first pause before it is asked again for the code; each is twice as long as the one before.
const CODE_SOON: Duration = Duration::from_millis(1);
/// The longest such pause.
const CODE_EVERY: Duration = Duration::from_millis(20);
/// How often the first size of a terminal is given again: the terminal is there a moment after the
/// command was started.
const SIZE_TRIES: u32 = 20;

type Wire = TokioIo<Upgraded>;

/// Starts a command and connects to it.
pub(crate) async fn exec(engine: &Engine, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession> {
    let doing = format!("run a command in {id}");
    let container = part(id.as_str())?;
    let config = ExecConfig {
        attach_stdin: Some(spec.stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(spec.terminal.is_some()),
        cmd: Some(spec.argv.clone()),
        env: Some(spec.env.iter().map(|(key, value)| format!("{key}={value}")).collect()),
        working_dir: spec.workdir.clone(),
        user: spec.user.clone(),
        ..ExecConfig::default()
    };
    let call = engine.client.typed(&doing, Some(SLOW), |docker| async move {
        docker.create_exec(&container, config).await
    });
    let made = call.await?;
    // From here on bytes flow both ways, which only our own reader takes as they come: bollard
    // guesses from the first byte whether there are frames.
    let body = json!({ "Detach": false, "Tty": spec.terminal.is_some() });
    let ask = Ask::post(&["exec", &made.id, "start"]).json(&body).limit(Some(SLOW));
    let wire = engine.client.upgrade(&doing, ask).await?;
    let (read, write) = split(wire);
    let (sender, input) = mpsc::channel(INPUT_WAITS);
    let command = Command { engine: engine.clone(), id: made.id };
    let feeding = feed(command.clone(), write, input, spec.stdin, spec.terminal);
    let output = Output {
        command,
        doing,
        read,
        demux: Demux::new(spec.terminal.is_none()),
        buffer: BytesMut::new(),
        feeding: Some(AbortOnDropHandle::new(tokio::spawn(feeding))),
    };
    let output = stream::unfold(Some(output), |output| async move {
        let mut output = output?;
        match output.next().await {
            Ok(ended @ ExecOutput::Ended(_)) => Some((Ok(ended), None)),
            Ok(data) => Some((Ok(data), Some(output))),
            Err(fault) => Some((Err(fault), None)),
        }
    });
    Ok(ExecSession { input: sender, output: Box::pin(output) })
}

/// A command by its id.
#[derive(Clone)]
struct Command {
    engine: Engine,
    id: String,
}

/// The reading side. It reads when it is asked to, so a reader that stops stops the engine in its
/// next write, and that the command in its.
struct Output {
    command: Command,
    doing: String,
    read: ReadHalf<Wire>,
    demux: Demux,
    /// What is being read into: one chunk.
    buffer: BytesMut,
    /// The writing side: ends when its sender or this is dropped.
    feeding: Option<AbortOnDropHandle<()>>,
}

impl Output {
    async fn next(&mut self) -> Result<ExecOutput> {
        loop {
            if let Some((stream, data)) = self.demux.pop() {
                return Ok(ExecOutput::Data(stream, data));
            }
            self.buffer.reserve(MAX_EXEC_CHUNK);
            let read = self.read.read_buf(&mut self.buffer).await;
            let read = read.map_err(|error| fault::lost(&self.doing, &error))?;
            if read > 0 {
                self.demux.push(self.buffer.split().freeze())?;
                continue;
            }
            if !self.demux.is_between() {
                let message = format!("the engine stopped in the middle, asked to {}", self.doing);
                return Err(Fault::new(FaultKind::Unavailable, message));
            }
            drop(self.feeding.take());
            return Ok(ExecOutput::Ended(self.command.code().await?));
        }
    }
}

impl Command {
    /// How it ended. An engine may close the output a moment before it knows.
    async fn code(&self) -> Result<Option<i32>> {
        let known = async {
            let mut pause = CODE_SOON;
            loop {
                let doing = "tell how a command ended";
                let seen = self.engine.client.typed(doing, Some(QUICK), |docker| async move {
                    docker.inspect_exec(&self.id).await
                });
                let seen = seen.await?;
                if !seen.running.unwrap_or(false) {
                    return Ok(seen.exit_code.and_then(|code| i32::try_from(code).ok()));
                }
                tokio::time::sleep(pause).await;
                pause = CODE_EVERY.min(pause * 2);
            }
        };
        // Still running with its output closed: a command may close its own output and go on.
        tokio::time::timeout(CODE_LIMIT, known).await.unwrap_or(Ok(None))
    }

    async fn resize(&self, size: TerminalSize) -> Result<()> {
        let size = ResizeExecOptions { h: size.rows.into(), w: size.columns.into() };
        let call = self.engine.client.typed("resize a terminal", Some(SLOW), |docker| async move {
            docker.resize_exec(&self.id, size).await
        });
        call.await
    }
}

/// Writes what is sent until it ends. A fault here is not told: the command no longer reads, and
/// its end comes by the output.
async fn feed(
    command: Command,
    mut write: WriteHalf<Wire>,
    mut input: mpsc::Receiver<ExecInput>,
    stdin: bool,
    size: Option<TerminalSize>,
) {
    if let Some(size) = size {
        first_size(&command, size).await;
    }
    let mut open = stdin;
    while let Some(next) = input.recv().await {
        match next {
            ExecInput::Data(data) if open => open = write.write_all(&data).await.is_ok(),
            ExecInput::End if open => {
                open = false;
                let _ = write.shutdown().await;
            }
            ExecInput::Data(_) | ExecInput::End => {}
            ExecInput::Resize(size) => {
                let _ = command.resize(size).await;
            }
        }
    }
    if open {
        let _ = write.shutdown().await;
    }
}

async fn first_size(command: &Command, size: TerminalSize) {
    for _ in 0..SIZE_TRIES {
        if command.resize(size).await.is_ok() {
            return;
        }
        tokio::time::sleep(CODE_EVERY).await;
    }
}
