//! A Docker Engine of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::engine::{Engine, installed};

/// A real `dockerd` with its own network, mounts and processes. Everything it started ends when
/// this is dropped, or when the process that holds it ends in whatever way.
pub struct Docker {
    engine: Engine,
}

impl Docker {
    /// Whether the programs are there.
    pub fn installed() -> bool {
        ["dockerd", "containerd", "runc", "unshare", "nsenter", "iptables"]
            .into_iter()
            .all(installed)
    }

    /// Starts it with everything it writes in this folder, whose path must leave room for a
    /// socket's name. Waits until it answers; an error shows its log.
    pub fn start(folder: &Path) -> Result<Self> {
        ensure!(Self::installed(), "Docker Engine is not installed");
        let mut docker = Self { engine: Engine::prepare(folder, "")? };
        docker.start_again()?;
        Ok(docker)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.engine.socket()
    }

    /// Where a client reaches it: `unix:///…`.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The daemon's process.
    pub fn pid(&self) -> Result<u32> {
        self.engine.pid()
    }

    /// Ends the daemon with SIGKILL; its containers and their shims live on.
    pub fn kill(&mut self) -> Result<()> {
        self.engine.kill()
    }

    /// Asks the daemon to end, which ends its containers, and waits for it.
    pub fn stop(&mut self) -> Result<()> {
        self.engine.stop()
    }

    /// Starts the daemon again on the same folder, after a kill or a stop.
    pub fn start_again(&mut self) -> Result<()> {
        let engine = &self.engine;
        let folder = engine.folder();
        let option = |name: &str, file: &str| format!("--{name}={}", folder.join(file).display());
        let mut command = engine.command("dockerd");
        command
            .arg(option("data-root", "data"))
            .arg(option("exec-root", "exec"))
            .arg(option("pidfile", "engine.pid"))
            .arg(format!("--host={}", self.endpoint()))
            .arg(format!("--add-runtime=lite={}", engine.wrapper().display()))
            .arg("--default-runtime=lite")
            .arg(format!("--cgroup-parent=/{}", engine.cgroup()))
            .arg("--exec-opt=native.cgroupdriver=cgroupfs")
            .arg(option("config-file", "engine.json"))
            .arg("--live-restore")
            .env("TMPDIR", folder);
        // Not the machine's own configuration.
        std::fs::write(folder.join("engine.json"), "{}")?;
        // A pid file of a killed daemon names a process that may be somebody else's by now.
        let _ = std::fs::remove_file(folder.join("engine.pid"));
        self.engine.launch(command)
    }

    /// Stops the daemon and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.start_again()
    }

    /// A command that will run in its network and end with it: a server that it shall reach.
    pub fn server_beside(&self, program: &str) -> Command {
        self.engine.command(program)
    }

    /// Runs a short command in its network, where its published ports are. Gives what it wrote.
    pub fn beside(&self, program: &str, args: &[&str]) -> Result<String> {
        self.engine.space().run(program, args)
    }
}
