//! `tamerctl instance exec`: a command in an instance, with its streams or a terminal.

mod detach;
mod feed;
mod raw;

use std::io::{self, IsTerminal};

use tamer_model::{Code, ExecSpec, Problem, StreamKind, TerminalSize};
use tokio::sync::{mpsc, oneshot};

use self::detach::DetachKeys;
use self::raw::RawMode;
use super::super::pairs;
use crate::Session;
use crate::api::{Event, Frame, Input, Streamed};
use crate::errors::Failure;
use crate::output::{Pour, print};
use crate::platform;

/// Pieces of input that may wait to be sent: 8 of 32 KiB. When they are full, no more is read, and
/// who writes to our standard input waits.
const WAITING: usize = 8;

/// Its arguments. It ends with the command's own exit code; a failure of tamer's own is told as an
/// error, and then 1, 2 and 3 mean what they mean everywhere.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Send our standard input to the command
    #[arg(short, long)]
    interactive: bool,
    /// Give the command a terminal
    #[arg(short, long)]
    tty: bool,
    /// Set a variable
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = pairs::pair)]
    env: Vec<(String, String)>,
    /// Run in this folder [default: the instance's own]
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Run as this user [default: the instance's own]
    #[arg(short, long)]
    user: Option<String>,
    /// The keys that leave a terminal while its command goes on
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    detach_keys: DetachKeys,
    /// Its id, HOST/NAME, or a name that only one has
    instance: String,
    /// The command and its arguments, after `--`
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// How an exec ended.
enum End {
    /// The command ended, with its exit code when it exited.
    Command(Option<i32>),
    /// The user left.
    Detached,
    /// A signal asked us to end.
    Signal(u8),
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { interactive, tty, env, workdir, user, detach_keys, instance, command } = args;
    if tty && !io::stdin().is_terminal() {
        return Err(Problem::field("tty", "a terminal was asked for, and standard input is none")
            .remedy("leave out -t; with -i alone, what is piped in is sent to the command")
            .into());
    }
    let spec = ExecSpec {
        argv: command,
        env: env.into_iter().collect(),
        workdir,
        user,
        stdin: interactive,
        terminal: tty.then(terminal_size),
    };
    let spec = spec.validate()?;
    let mut api = session.api().await?;
    let (send, input) = mpsc::channel(WAITING);
    let mut stream = api.exec(&instance, spec, input).await?;
    stream.sources().await?;
    let mut exec = Exec { stream, send, interactive, tty, keys: detach_keys, raw: None };
    let mut pour = Pour::open();
    let outcome = exec.run(&mut pour).await;
    if let Ok(End::Signal(code)) = outcome {
        // At once: what is still to be written may never be taken.
        drop(exec);
        return Err(Failure::Command(code));
    }
    let written = pour.finish().await;
    // The terminal is as it was before anything else is said.
    drop(exec);
    match outcome? {
        End::Command(Some(code)) => {
            written?;
            match exit_code(code) {
                0 => Ok(()),
                code => Err(Failure::Command(code)),
            }
        }
        End::Command(None) => {
            let message = "the command was ended by a signal, or nobody knows how it ended";
            Err(Problem::new(Code::TechnologyFailed, message).into())
        }
        End::Detached => {
            print::note("left the terminal");
            Ok(())
        }
        End::Signal(code) => Err(Failure::Command(code)),
    }
}

struct Exec {
    stream: Streamed,
    /// Kept to the end: the stream away from us stays open as long as the command runs.
    send: mpsc::Sender<Input>,
    interactive: bool,
    tty: bool,
    keys: DetachKeys,
    raw: Option<RawMode>,
}

impl Exec {
    async fn run(&mut self, pour: &mut Pour) -> Result<End, Failure> {
        // Nothing is read and no terminal is changed for a command that cannot be started.
        if let Some(end) = started(&mut self.stream, pour).await? {
            return Ok(end);
        }
        let mut endings = None;
        if self.tty && self.interactive {
            // First the way out, then the change.
            endings = Some(platform::endings()?);
            self.raw = Some(RawMode::enter()?);
        }
        let mut resizes = if self.tty { Some(platform::resizes()?) } else { None };
        let (left, mut leaving) = oneshot::channel();
        if self.interactive {
            let keys = self.tty.then(|| self.keys.clone());
            feed::start(keys, self.send.clone(), left);
        }
        let Self { stream, send, .. } = self;
        let output = output(stream, pour);
        tokio::pin!(output);
        let mut resized = false;
        loop {
            // Each branch only waits; the output is one future that is kept.
            tokio::select! {
                biased;
                code = ending(&mut endings) => return Ok(End::Signal(code)),
                end = &mut output => return end,
                Ok(()) = &mut leaving => return Ok(End::Detached),
                () = resize(&mut resizes) => resized = true,
                Ok(place) = send.reserve(), if resized => {
                    // Only the newest size matters.
                    resized = false;
                    place.send(Input::Resize(terminal_size()));
                }
            }
        }
    }
}

/// Waits until the command runs; or tells how it ended instead.
async fn started(stream: &mut Streamed, pour: &mut Pour) -> Result<Option<End>, Failure> {
    match stream.next().await? {
        Some(Event { frame: Frame::Started, .. }) => Ok(None),
        Some(event) => step(event.frame, pour).await,
        None => Err(cut().into()),
    }
}

async fn output(stream: &mut Streamed, pour: &mut Pour) -> Result<End, Failure> {
    while let Some(event) = stream.next().await? {
        if let Some(end) = step(event.frame, pour).await? {
            return Ok(end);
        }
    }
    Err(cut().into())
}

async fn step(frame: Frame, pour: &mut Pour) -> Result<Option<End>, Failure> {
    match frame {
        Frame::Stdout(bytes) => pour.write(StreamKind::Stdout, bytes).await?,
        Frame::Stderr(bytes) => pour.write(StreamKind::Stderr, bytes).await?,
        Frame::ExecEnded(code) => return Ok(Some(End::Command(code))),
        Frame::Problem(problem) => return Err(problem.into()),
        // The end of the source follows the end of the command, and says nothing more.
        Frame::Sources(_) | Frame::Started | Frame::Stats(_) | Frame::Ended => {}
    }
    Ok(None)
}

fn cut() -> Problem {
    Problem::new(Code::Unreachable, "the connection was lost before the command's end was told")
        .remedy("whether the command goes on is not known; look with `tamerctl instance show`")
}

async fn ending(endings: &mut Option<platform::Endings>) -> u8 {
    match endings {
        Some(endings) => endings.next().await,
        None => std::future::pending().await,
    }
}

async fn resize(resizes: &mut Option<platform::Resizes>) {
    match resizes {
        Some(resizes) => resizes.next().await,
        None => std::future::pending().await,
    }
}

fn terminal_size() -> TerminalSize {
    let (columns, rows) = print::size();
    let fit = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    TerminalSize { columns: fit(columns), rows: fit(rows) }
}

/// Our exit code: the command's, where a process can have it. No failure becomes a 0.
fn exit_code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_failure_becomes_a_success() {
        assert_eq!([0, 1, 255].map(exit_code), [0, 1, 255]);
        assert_eq!([256, -1, i32::MIN].map(exit_code), [255; 3]);
    }
}
