//! Programs of Python packages, and processes that end with this one.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The folder of a package that `cargo xtask bench batch --peers` installed.
pub struct Venv(PathBuf);

impl Venv {
    pub fn of(folder: &Path, name: &str) -> Result<Self> {
        let venv = folder.join("bench").join(name);
        ensure!(venv.join("installed").exists(), "it is not installed in {}", venv.display());
        Ok(Self(venv))
    }

    /// One of its programs.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.0.join("bin").join(program));
        command.stdin(Stdio::null());
        command
    }

    /// The version of a package in it.
    pub fn version(&self, package: &str) -> Result<String> {
        let ask = format!("import importlib.metadata as m; print(m.version('{package}'))");
        let told = self.command("python").args(["-c", &ask]).output()?;
        Ok(String::from_utf8(told.stdout)?.trim().to_owned())
    }
}

/// A process and all that it started. They end when this is dropped.
pub struct Group(Child);

impl Group {
    /// Starts it with its output in a file. It dies with this program, however that ends.
    pub fn start(command: &Command, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program());
        guarded.args(command.get_args());
        guarded.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        std::os::unix::process::CommandExt::process_group(&mut guarded, 0);
        Ok(Self(guarded.spawn().context("setpriv (util-linux) starts it")?))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        // It may have ended already.
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.0.wait();
    }
}
