//! Commands run in an instance.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, future, stream};
use tamer_model::{ExecSpec, InstanceState, NativeId, StreamKind, TerminalSize};
use tokio::sync::mpsc;

use super::Fake;
use crate::{ExecInput, ExecOutput, ExecSession, Fault, FaultKind, MAX_EXEC_CHUNK, Result};

/// Pieces of input and output under way: 16 of 32 KiB are half a mebibyte for each direction.
const PIECES: usize = 16;

/// The code of what was ended by force.
const KILLED: i32 = 137;

pub(super) fn begin(fake: &Fake, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession> {
    let ended = {
        let mut world = fake.world();
        let thing = world.thing(id)?;
        match &thing.run {
            Some(run) if thing.told.state == InstanceState::Running => run.ended.clone(),
            _ => return Err(Fault::new(FaultKind::Conflict, format!("{id} does not run"))),
        }
    };
    let job = Job::read(&spec.argv)?;
    let (input, read) = mpsc::channel(PIECES);
    let (write, output) = mpsc::channel(PIECES);
    let (life, gone) = (fake.life(), fake.gone());
    let work = Work {
        fake: fake.clone(),
        id: id.clone(),
        read: spec.stdin.then_some(read),
        write,
        terminal: spec.terminal,
    };
    let work = async move {
        let write = work.write.clone();
        let last = tokio::select! {
            biased;
            () = life.cancelled() => Err(gone),
            () = ended.cancelled() => Ok(ExecOutput::Ended(Some(KILLED))),
            done = work.run(job) => match done {
                Some(code) => Ok(ExecOutput::Ended(Some(code))),
                // Nobody reads any more.
                None => return,
            },
        };
        let _ = write.send(last).await;
    };
    // The work is done by who reads: a reader that does not read stops it, and one that goes away
    // ends it, with nothing left behind.
    let work = stream::once(work).filter_map(|()| future::ready(None));
    let mut output = output;
    let output = stream::poll_fn(move |context| output.poll_recv(context));
    Ok(ExecSession { input, output: stream::select(work, output).boxed() })
}

enum Job {
    Print(Bytes, Bytes),
    Exit(i32),
    Cat,
    Flood(u64),
    Count(u64),
    Size,
    Sleep(Duration),
    Burn,
    WriteFile(String, String),
    ReadFile(String),
}

impl Job {
    fn read(argv: &[String]) -> Result<Self> {
        let words: Vec<_> = argv.iter().map(String::as_str).collect();
        let number = |text: &str| {
            text.parse::<u64>()
                .map_err(|_| Fault::new(FaultKind::Failed, format!("{text:?} is not a number")))
        };
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Ok(match words[..] {
            ["print", out, err] => Self::Print(bytes(out), bytes(err)),
            ["exit", code] => Self::Exit(i32::try_from(number(code)?).unwrap_or(1)),
            ["cat"] => Self::Cat,
            ["flood", count] => Self::Flood(number(count)?),
            ["endless"] => Self::Flood(u64::MAX),
            ["count", lines] => Self::Count(number(lines)?),
            ["size"] => Self::Size,
            ["sleep", seconds] => Self::Sleep(Duration::from_secs(number(seconds)?)),
            ["burn"] => Self::Burn,
            ["write-file", path, text] => Self::WriteFile(path.to_owned(), text.to_owned()),
            ["read-file", path] => Self::ReadFile(path.to_owned()),
            _ => {
                let message = format!("there is no program {:?}", argv.first());
                return Err(Fault::new(FaultKind::NotFound, message).on("command"));
            }
        })
    }
}

struct Work {
    fake: Fake,
    id: NativeId,
    /// None when its standard input is empty.
    read: Option<mpsc::Receiver<ExecInput>>,
    write: mpsc::Sender<Result<ExecOutput>>,
    terminal: Option<TerminalSize>,
}

impl Work {
    /// Does the job. Returns its exit code, or None when nobody reads its output.
    async fn run(mut self, job: Job) -> Option<i32> {
        match job {
            Job::Print(out, err) => {
                self.say(StreamKind::Stdout, out).await?;
                self.say(StreamKind::Stderr, err).await?;
            }
            Job::Exit(code) => return Some(code),
            Job::Cat => {
                while let Some(piece) = self.hear().await {
                    self.say(StreamKind::Stdout, piece).await?;
                }
            }
            Job::Flood(bytes) => self.flood(bytes).await?,
            Job::Count(lines) => {
                for line in 1..=lines {
                    self.say(StreamKind::Stdout, format!("{line}\n").into()).await?;
                }
            }
            Job::Size => {
                while let Some(piece) = self.hear().await {
                    for _ in piece.iter().filter(|byte| **byte == b'\n') {
                        let size = self.terminal.unwrap_or(TerminalSize { columns: 0, rows: 0 });
                        let text = format!("{} {}\n", size.rows, size.columns);
                        self.say(StreamKind::Stdout, text.into()).await?;
                    }
                }
            }
            Job::Sleep(time) => tokio::time::sleep(time).await,
            Job::Burn => {
                if let Ok(thing) = self.fake.world().thing(&self.id)
                    && let Some(run) = &mut thing.run
                {
                    run.burnt_ns += 50_000_000;
                }
            }
            Job::WriteFile(path, text) => {
                if let Ok(thing) = self.fake.world().thing(&self.id) {
                    thing.files.insert(path, text);
                }
            }
            Job::ReadFile(path) => {
                let text = match self.fake.world().thing(&self.id) {
                    Ok(thing) => thing.files.get(&path).cloned(),
                    Err(_) => None,
                };
                let Some(text) = text else { return Some(1) };
                self.say(StreamKind::Stdout, text.into()).await?;
            }
        }
        Some(0)
    }

    async fn flood(&self, mut bytes: u64) -> Option<()> {
        let piece = Bytes::from(b"y\n".repeat(MAX_EXEC_CHUNK / 2));
        while bytes > 0 {
            let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(piece.len());
            self.say(StreamKind::Stdout, piece.slice(..length)).await?;
            bytes -= length as u64;
        }
        Some(())
    }

    async fn say(&self, stream: StreamKind, data: Bytes) -> Option<()> {
        if data.is_empty() {
            return Some(());
        }
        let stream = if self.terminal.is_some() { StreamKind::Stdout } else { stream };
        self.write.send(Ok(ExecOutput::Data(stream, data))).await.ok()
    }

    /// The next piece of input; None when it has ended.
    async fn hear(&mut self) -> Option<Bytes> {
        loop {
            match self.read.as_mut()?.recv().await? {
                ExecInput::Data(piece) => return Some(piece),
                ExecInput::End => return None,
                ExecInput::Resize(size) => self.terminal = self.terminal.map(|_| size),
            }
        }
    }
}
