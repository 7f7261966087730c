//! A command that was started: ended as a job.

use std::io;
use std::process::{ExitStatus, Stdio};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tamer_model::Usage;
use tokio::io::AsyncRead;

/// What a command writes.
pub type Pipe = Box<dyn AsyncRead + Send + Unpin>;

/// What was started.
pub struct Spawned {
    /// Its process.
    pub child: Child,
    /// What it writes.
    pub stdout: Pipe,
    /// What it writes about that.
    pub stderr: Pipe,
}

/// The process of a command, and its job. When this is dropped, the job ends.
#[derive(Debug)]
pub struct Child {
    child: Box<dyn ChildWrapper>,
    id: u32,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// What it took. Not known: a job's account can only be read through calls that are not safe.
    pub usage: Option<Usage>,
}

/// Starts a command that has a job.
pub fn spawn(mut command: CommandWrap) -> io::Result<Spawned> {
    command.wrap(KillOnDrop);
    command.command_mut().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (Some(stdout), Some(stderr)) = (child.stdout().take(), child.stderr().take()) else {
        return Err(io::Error::other("the command has no pipes"));
    };
    let id = child.id().unwrap_or_default();
    let (stdout, stderr) = (Box::new(stdout), Box::new(stderr));
    Ok(Spawned { child: Child { child, id }, stdout, stderr })
}

impl Child {
    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits until the process has ended; those of its job may go on. Cancel-safe.
    pub async fn ended(&mut self) {
        // What went wrong is told by whoever asks for the end.
        let _ = self.child.inner_mut().wait().await;
    }

    /// How the process ended, after [`Child::ended`].
    pub fn reap(&mut self) -> io::Result<Ended> {
        match self.child.inner_mut().try_wait()? {
            Some(status) => Ok(Ended { status, usage: None }),
            None => Err(io::Error::other("the process was taken for ended, and runs")),
        }
    }

    /// Ends the whole job at once; says that waiting makes no sense.
    pub fn terminate(&mut self) -> bool {
        self.kill();
        false
    }

    /// Ends the whole job.
    pub fn kill(&mut self) {
        let _ = self.child.start_kill();
    }
}
