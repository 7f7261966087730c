//! Namespaces of a daemon's own, which end with the process that made them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// How long the namespaces may take to come up.
const UP: Duration = Duration::from_secs(20);

/// A network, mount and process namespace. Its first process reads a pipe that only we hold: when
/// we end, in whatever way, it ends too, and the kernel ends everything else in there.
pub(crate) struct Space {
    /// `unshare`, the parent of the first process.
    keeper: Child,
    /// The first process, by its id outside.
    first: u32,
}

impl Space {
    /// Makes the namespaces. `prepare` is a shell script that runs in there first.
    pub(crate) fn make(folder: &Path, prepare: &str) -> Result<Self> {
        let ready = folder.join("space.ready");
        let _ = fs::remove_file(&ready);
        // It ignores its children's ends, so that what is orphaned in there leaves no zombie.
        let script = format!(
            "set -e\nip link set lo up\nmount -t tmpfs tmpfs /run\n{prepare}\n: > '{}'\n\
             exec python3 -c 'import os,signal\n\
             signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n\
             while os.read(0, 1): pass'",
            ready.display(),
        );
        let mut keeper = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"])
            .args(["sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("space.log")).context("space.log")?)
            .spawn()
            .context("unshare")?;
        let log = folder.join("space.log");
        let since = Instant::now();
        while !ready.exists() {
            if keeper.try_wait()?.is_some() || since.elapsed() > UP {
                let _ = keeper.kill();
                let _ = keeper.wait();
                anyhow::bail!("no namespaces: {}", fs::read_to_string(log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let first = only_child(keeper.id()).context("the first process of the namespaces")?;
        Ok(Self { keeper, first })
    }

    /// A command that runs in there.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.first.to_string()])
            .args(["--net", "--mount", "--pid", "--"])
            .arg(program);
        command
    }

    /// Runs a short command in there and gives what it wrote.
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        let output = self.command(program).args(args).output().context("nsenter")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "{program} {args:?}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(text)
    }

    /// Ends everything in there. Returns when it has ended.
    pub(crate) fn end(&mut self) {
        // Closing the pipe ends the first process, and with it the whole namespace.
        if self.keeper.stdin.take().is_none() {
            return;
        }
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.first.cast_signed()),
            nix::sys::signal::Signal::SIGKILL,
        );
        let _ = self.keeper.wait();
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.end();
    }
}

/// The child of a process that has one.
pub(crate) fn only_child(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let first = text.split_whitespace().next().with_context(|| format!("{path} is empty"))?;
    first.parse().with_context(|| format!("{path}: {text:?}"))
}
