//! Commands in containers: made, started on a connection of their own, looked at.
//!
//! A command ends when its client goes away, which with Docker it does not: the shared fake runs a
//! command for whoever reads it.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use hyper::StatusCode;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tamer_model::{ExecSpec, InstanceState, StreamKind, TerminalSize};
use tamer_provider::{ExecInput, ExecOutput, ExecSession, MAX_EXEC_CHUNK, Provider as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;

use crate::answer::{self, Answer, Refusal, Result};
use crate::ask::Ask;
use crate::world::{Exec, World, new_id, said, texts};

/// What is done with a connection after its answer.
pub type Job = BoxFuture<'static, ()>;
/// The key that ends the input on a terminal.
const END_OF_INPUT: u8 = 4;

/// `POST /containers/{id}/exec`
pub async fn create(world: &World, word: &str, mut ask: Ask) -> Result {
    let body: Map<String, Value> = ask.json().await?;
    let argv = texts(&body, "Cmd");
    let (container, told) = world.seen(word).await?;
    match told.state {
        InstanceState::Running => {}
        InstanceState::Paused => {
            let message = format!("Container {word} is paused, unpause the container before exec");
            return Err(Refusal::conflict(message));
        }
        _ => {
            return Err(Refusal::conflict(format!("Container {} is not running", container.id)));
        }
    }
    if argv.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "No exec command specified"));
    }
    let told = format!("exec_create: {}", argv.join(" "));
    let exec = Exec {
        container: container.id.clone(),
        argv,
        stdin: body.get("AttachStdin") == Some(&json!(true)),
        terminal: body.get("Tty") == Some(&json!(true)),
        input: None,
        begun: false,
        code: None,
    };
    let id = new_id();
    world.tables().execs.insert(id.clone(), exec);
    world.tell(&container, &told);
    Ok(answer::made(&json!({ "Id": id })))
}

/// `POST /exec/{id}/start`: an answer, and what is done with the connection after it.
pub async fn start(world: &Arc<World>, id: &str, ask: Ask) -> Result<(Answer, Job)> {
    let exec = find(world, id)?;
    let Some(upgrade) = ask.upgrade else {
        let message = "the fake gives output on an upgraded connection only";
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message));
    };
    let (container, told) = world.seen(&exec.container).await?;
    if told.state != InstanceState::Running {
        return Err(Refusal::conflict(format!("Container {} is not running", container.id)));
    }
    let running = Running::begin(world, id)?;
    let spec = ExecSpec {
        stdin: exec.stdin,
        // The size comes by a request of its own.
        terminal: exec.terminal.then_some(TerminalSize { columns: 0, rows: 0 }),
        ..ExecSpec::new(exec.argv.clone())
    };
    let session = match world.fake.exec(&container.native, &spec).await {
        Ok(session) => Ok(session),
        Err(fault) if fault.field.as_deref() == Some("command") => Err(exec.argv[0].clone()),
        Err(fault) => return Err(said(&container.id, &fault)),
    };
    running.change(|exec| {
        exec.input = session.as_ref().ok().map(|session| session.input.clone());
    });
    Ok((answer::switched(), Box::pin(running.serve(upgrade, session))))
}

/// `POST /exec/{id}/resize`
pub async fn resize(world: &World, id: &str, ask: &Ask) -> Result {
    let exec = find(world, id)?;
    let number = |key: &str| ask.query(key).and_then(|text| text.parse().ok());
    let (Some(columns), Some(rows)) = (number("w"), number("h")) else {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "strconv.Atoi: invalid syntax"));
    };
    let Some(input) = exec.input else { return Err(Refusal::missing("no such exec")) };
    match input.send(ExecInput::Resize(TerminalSize { columns, rows })).await {
        Ok(()) => Ok(answer::empty(StatusCode::OK)),
        Err(_) => Err(Refusal::missing("no such exec")),
    }
}

/// `GET /exec/{id}/json`
pub fn inspect(world: &World, id: &str) -> Result {
    let exec = find(world, id)?;
    Ok(answer::json(&json!({
        "ID": id,
        "Running": exec.input.is_some(),
        "ExitCode": exec.code,
        "ProcessConfig": {
            "tty": exec.terminal,
            "entrypoint": exec.argv[0],
            "arguments": exec.argv[1..],
        },
        "OpenStdin": exec.stdin,
        "OpenStderr": true,
        "OpenStdout": true,
        "CanRemove": false,
        "ContainerID": exec.container,
    })))
}

fn find(world: &World, id: &str) -> Result<Exec> {
    let found = world.tables().execs.get(id).cloned();
    found.ok_or_else(|| no_exec(id))
}

fn no_exec(id: &str) -> Refusal {
    Refusal::missing(format!("No such exec instance: {id}"))
}

/// A frame's head: the stream, three zeros, the length.
pub fn head(stream: StreamKind, length: usize) -> [u8; 8] {
    let [a, b, c, d] = u32::try_from(length).expect("a piece is short").to_be_bytes();
    [if stream == StreamKind::Stdout { 1 } else { 2 }, 0, 0, 0, a, b, c, d]
}

/// A command under way. However it ends, its record says that it does not run any more.
struct Running {
    world: Arc<World>,
    id: String,
    terminal: bool,
    code: Option<i32>,
}

impl Running {
    /// Takes the command to run it, which happens once. Docker says that in the command's output,
    /// after a good head; no client of ours starts one twice.
    fn begin(world: &Arc<World>, id: &str) -> Result<Self> {
        let mut tables = world.tables();
        let exec = tables.execs.get_mut(id).ok_or_else(|| no_exec(id))?;
        if std::mem::replace(&mut exec.begun, true) {
            return Err(Refusal::conflict(format!("Error: Exec command {id} has already run")));
        }
        let terminal = exec.terminal;
        Ok(Self { world: Arc::clone(world), id: id.to_owned(), terminal, code: None })
    }

    fn change(&self, change: impl FnOnce(&mut Exec)) {
        // Gone with its container, if it is not there.
        if let Some(exec) = self.world.tables().execs.get_mut(&self.id) {
            change(exec);
        }
    }

    /// Carries its streams over the connection until it ends, or the program that is not there.
    async fn serve(
        mut self,
        upgrade: OnUpgrade,
        session: std::result::Result<ExecSession, String>,
    ) {
        // The client went away.
        let Ok(wire) = upgrade.await else { return };
        let (read, mut write) = split(TokioIo::new(wire));
        let written = match session {
            Err(program) => {
                self.code = Some(126);
                let why = format!(
                    "OCI runtime exec failed: exec failed: unable to start container process: \
                     exec: {program:?}: stat {program}: no such file or directory: unknown\r\n"
                );
                self.say(&mut write, StreamKind::Stdout, why.as_bytes()).await
            }
            Ok(session) => {
                let feeding = feed(read, session.input.clone(), self.terminal);
                tokio::select! {
                    written = self.carry(&mut write, session) => written,
                    // Its input ended; its output goes on.
                    never = feeding => match never {},
                }
            }
        };
        // Before the end is seen: who sees it asks for the code.
        drop(self);
        if written.is_ok() {
            // The client may be gone.
            let _ = write.shutdown().await;
        }
    }

    async fn carry(
        &mut self,
        write: &mut WriteHalf<TokioIo<Upgraded>>,
        mut session: ExecSession,
    ) -> std::io::Result<()> {
        while let Some(item) = session.output.next().await {
            match item {
                Ok(ExecOutput::Data(stream, data)) => self.say(write, stream, &data).await?,
                Ok(ExecOutput::Ended(code)) => self.code = code,
                Err(fault) => return Err(std::io::Error::other(fault)),
            }
        }
        Ok(())
    }

    async fn say(
        &self,
        write: &mut WriteHalf<TokioIo<Upgraded>>,
        stream: StreamKind,
        data: &[u8],
    ) -> std::io::Result<()> {
        if !self.terminal {
            write.write_all(&head(stream, data.len())).await?;
        }
        write.write_all(data).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut written = None;
        self.change(|exec| {
            exec.input = None;
            exec.code = self.code;
            if let (Some(0), ["write-file", path, text]) =
                (self.code, &exec.argv.iter().map(String::as_str).collect::<Vec<_>>()[..])
            {
                written = Some((exec.container.clone(), (*path).to_owned(), (*text).to_owned()));
            }
        });
        // What an image made of the container will have.
        if let Some((container, path, text)) = written
            && let Some(container) = self.world.tables().containers.get_mut(&container)
        {
            container.files.insert(path, text);
        }
    }
}

/// Passes on what the client sends, and its end, and then waits for ever.
async fn feed(
    mut read: ReadHalf<TokioIo<Upgraded>>,
    input: mpsc::Sender<ExecInput>,
    terminal: bool,
) -> std::convert::Infallible {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(MAX_EXEC_CHUNK);
        let mut piece = (&mut buffer).limit(MAX_EXEC_CHUNK);
        let read = read.read_buf(&mut piece).await.unwrap_or(0);
        let mut piece: Bytes = buffer.split().freeze();
        let key = piece.iter().position(|byte| terminal && *byte == END_OF_INPUT);
        if let Some(at) = key {
            piece.truncate(at);
        }
        let mut sent = Ok(());
        if !piece.is_empty() {
            sent = input.send(ExecInput::Data(piece)).await;
        }
        if read == 0 || key.is_some() || sent.is_err() {
            // It may take no input at all.
            let _ = input.send(ExecInput::End).await;
            return std::future::pending().await;
        }
    }
}
