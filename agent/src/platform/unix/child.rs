//! A command that was started: ended as a group, and reaped with what it took.
//!
//! The agent reaps its commands itself, because only `wait4` tells what one process took.

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tamer_model::Usage;
use tokio::net::unix::pipe;
use tokio::signal::unix::{self, SignalKind};
use wait4::{ResUse, ResourceUsage, Wait4 as _};

/// What a command writes.
pub type Pipe = pipe::Receiver;

/// What was started.
pub struct Spawned {
    /// Its process.
    pub child: Child,
    /// What it writes.
    pub stdout: Pipe,
    /// What it writes about that.
    pub stderr: Pipe,
}

/// The process of a command, and the group that it leads. When this is dropped before the process
/// was reaped, the group is killed.
#[derive(Debug)]
pub struct Child {
    /// Nothing when it was reaped: its number may be another's from then on.
    process: Option<std::process::Child>,
    group: Pid,
    /// Wakes whoever waits when any child of the agent has ended.
    deaths: unix::Signal,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// What it took, as far as that is known.
    pub usage: Option<Usage>,
}

/// Starts a command whose group was set.
pub fn spawn(mut command: Command) -> io::Result<Spawned> {
    // All that can fail comes before the start: what was started is in our hands at once.
    let deaths = unix::signal(SignalKind::child())?;
    let (out, stdout) = pipe::pipe()?;
    let (err, stderr) = pipe::pipe()?;
    command.stdin(Stdio::null()).stdout(out.into_blocking_fd()?).stderr(err.into_blocking_fd()?);
    let process = command.spawn()?;
    let group = Pid::from_raw(process.id().cast_signed());
    Ok(Spawned { child: Child { process: Some(process), group, deaths }, stdout, stderr })
}

impl Child {
    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.group.as_raw().cast_unsigned()
    }

    /// Waits until the process has ended; those of its group may go on. It is left to be reaped,
    /// so that its group can still be named without meaning another. Cancel-safe.
    pub async fn ended(&mut self) {
        // A signal that comes between the look and the wait is kept for the wait.
        while self.runs() {
            if self.deaths.recv().await.is_none() {
                return;
            }
        }
    }

    /// Reaps the process after [`Child::ended`].
    pub fn reap(&mut self) -> io::Result<Ended> {
        match self.try_reap()? {
            Some(ResUse { status, rusage }) => Ok(Ended { status, usage: Some(usage(rusage)) }),
            None => Err(io::Error::other("the process was taken for ended, and runs")),
        }
    }

    /// Asks the whole group to end. Says whether there is a difference to [`Child::kill`], that
    /// is, whether waiting makes sense.
    pub fn terminate(&mut self) -> bool {
        self.signal(Signal::SIGTERM);
        true
    }

    /// Ends the whole group. Nothing after the process was reaped.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if self.process.is_some() {
            // A group that is gone needs no signal.
            let _ = killpg(self.group, signal);
        }
    }

    fn runs(&self) -> bool {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        // What cannot be looked at is not waited for: reaping tells what is the matter. It may be
        // as little as a signal without a name, which the look takes for an error.
        matches!(waitid(Id::Pid(self.group), look), Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
    }

    fn try_reap(&mut self) -> io::Result<Option<ResUse>> {
        let Some(process) = &mut self.process else {
            return Err(io::Error::other("the process was reaped before"));
        };
        let reaped = process.try_wait4()?;
        if reaped.is_some() {
            self.process = None;
        }
        Ok(reaped)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        if let Ok(None) = self.try_reap()
            && let Some(mut process) = self.process.take()
        {
            // It dies in a moment, and nobody else will reap it. Without a thread it stays a
            // zombie until the agent ends.
            let _ = thread::Builder::new()
                .name("reap".to_owned())
                .stack_size(64 * 1024)
                .spawn(move || process.wait());
        }
    }
}

/// What the process took, with those that it waited for.
fn usage(ResourceUsage { utime, stime, maxrss }: ResourceUsage) -> Usage {
    let cpu_ms = u64::try_from((utime + stime).as_millis()).unwrap_or(u64::MAX);
    Usage { cpu_ms, max_memory_bytes: own_memory(maxrss) }
}

/// The memory of the command, unless it could be the agent's: between fork and exec a child has the
/// memory of whoever started it, and Linux counts that as its own. So a peak is the command's if
/// it is above the agent's, and otherwise not known.
fn own_memory(peak: u64) -> Option<u64> {
    // In KiB (getrusage(2)).
    let agent = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()? * 1024;
    (peak > agent).then_some(peak)
}
