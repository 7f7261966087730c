//! The programs that `dev` started: their logs, their deaths, and their end.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use tamer_model::{Code, Problem};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child as Process, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::platform;
use crate::view::escape;

/// How long a child has to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// How much of a dead child's log is shown, and how much of it is read for that.
const LAST_WORDS: usize = 10;
const LAST_BYTES: usize = 16 * 1024;

/// The programs that run.
#[derive(Debug, Default)]
pub struct Children(Vec<Child>);

#[derive(Debug)]
struct Child {
    name: String,
    is_coordinator: bool,
    process: Process,
    log: PathBuf,
    /// The other end of its standard input: closed when this program ends, whatever ends it.
    _stdin: Option<ChildStdin>,
}

/// A child that ended by itself.
#[derive(Debug)]
pub struct Death {
    /// Which.
    pub name: String,
    /// Whether it was the coordinator.
    pub is_coordinator: bool,
    how: String,
    log: PathBuf,
}

impl Children {
    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the agents that run.
    pub fn agents(&self) -> Vec<String> {
        self.0.iter().filter(|child| !child.is_coordinator).map(|c| c.name.clone()).collect()
    }

    /// Starts the coordinator; the line in which it says that it is ready comes out of the channel.
    pub fn start_coordinator(
        &mut self,
        name: &str,
        mut command: Command,
        log: PathBuf,
    ) -> Result<oneshot::Receiver<String>, Problem> {
        let file = open(&log)?;
        command.stdout(Stdio::piped());
        let mut child = spawn(name, true, command, &file, log)?;
        let (tell, ready) = oneshot::channel();
        if let Some(stdout) = child.process.stdout.take() {
            // Ends with the child's standard output; until then it is all that reads it.
            tokio::spawn(copy(stdout, file, tell));
        }
        self.0.push(child);
        Ok(ready)
    }

    /// Starts an agent.
    pub fn start_agent(
        &mut self,
        name: &str,
        mut command: Command,
        log: PathBuf,
    ) -> Result<(), Problem> {
        let file = open(&log)?;
        command.stdout(share(&file, &log)?);
        self.0.push(spawn(name, false, command, &file, log)?);
        Ok(())
    }

    /// Waits until a child ends by itself. Pending for ever when none runs.
    pub async fn next_death(&mut self) -> Death {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let waits = self.0.iter_mut().map(|child| Box::pin(child.process.wait()));
        let (ended, at, _) = select_all(waits).await;
        let Child { name, is_coordinator, log, .. } = self.0.remove(at);
        let how = ended.map_or_else(|error| error.to_string(), words);
        Death { name, is_coordinator, how, log }
    }

    /// Ends all: the agents, which say goodbye, and then the coordinator.
    pub async fn stop(&mut self) {
        let (mut coordinators, mut agents): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|child| child.is_coordinator);
        join_all(agents.iter_mut().map(Child::stop)).await;
        join_all(coordinators.iter_mut().map(Child::stop)).await;
    }
}

impl Child {
    async fn stop(&mut self) {
        if let Some(pid) = self.process.id() {
            platform::terminate(pid);
        }
        self._stdin.take();
        if timeout(GRACE, self.process.wait()).await.is_err() {
            // It may have ended just now; either way it is gone after this.
            let _ = self.process.kill().await;
        }
    }
}

impl Death {
    /// Who, how, and its last words.
    pub fn story(&self) -> String {
        let Self { name, how, log, is_coordinator: _ } = self;
        let mut story = format!("{name} {how}; its log {} ends with:", log.display());
        for line in last_words(log) {
            story.push_str("\n  ");
            story.push_str(&line);
        }
        story
    }
}

fn words(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("was ended ({status})"),
    }
}

fn last_words(log: &Path) -> Vec<String> {
    let bytes = std::fs::read(log).unwrap_or_default();
    let end = &bytes[bytes.len().saturating_sub(LAST_BYTES)..];
    let lines: Vec<_> = end.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].iter().map(|line| escape::bytes(line)).collect()
}

fn spawn(
    name: &str,
    is_coordinator: bool,
    mut command: Command,
    file: &File,
    log: PathBuf,
) -> Result<Child, Problem> {
    command.stdin(Stdio::piped()).stderr(share(file, &log)?).kill_on_drop(true);
    platform::own_group(&mut command);
    let mut process = command.spawn().map_err(|error| {
        let program = command.as_std().get_program().display();
        Problem::new(Code::Internal, format!("cannot start {program}: {error}"))
    })?;
    let stdin = process.stdin.take();
    Ok(Child { name: name.to_owned(), is_coordinator, process, log, _stdin: stdin })
}

/// Copies what the coordinator prints into its log, and tells the line that says it is ready.
async fn copy(stdout: ChildStdout, mut log: File, tell: oneshot::Sender<String>) {
    let mut tell = Some(tell);
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // A log that cannot be written must not stop the coordinator, which it would when nobody
        // read its output.
        let _ = writeln!(log, "{line}");
        if line.starts_with("ready ")
            && let Some(tell) = tell.take()
        {
            // Nobody waits for it any more when dev was interrupted.
            let _ = tell.send(line);
        }
    }
}

fn open(log: &Path) -> Result<File, Problem> {
    let file = File::options().create(true).append(true).open(log);
    file.map_err(|error| unwritable(log, &error))
}

fn share(file: &File, log: &Path) -> Result<Stdio, Problem> {
    file.try_clone().map(Stdio::from).map_err(|error| unwritable(log, &error))
}

fn unwritable(log: &Path, error: &std::io::Error) -> Problem {
    Problem::new(Code::DataFolder, format!("cannot write {}: {error}", log.display()))
        .remedy("name another folder: `tamerctl dev --data DIR`")
}
