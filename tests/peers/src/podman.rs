//! A Podman of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::engine::{Engine, installed};

/// A real `podman system service` with its own network, mounts and processes. Everything it
/// started ends when this is dropped, or when the process that holds it ends in whatever way.
pub struct Podman {
    engine: Engine,
}

impl Podman {
    /// Whether the programs are there.
    pub fn installed() -> bool {
        ["podman", "conmon", "runc", "unshare", "nsenter"].into_iter().all(installed)
    }

    /// Starts it with everything it writes in this folder, whose path must leave room for a
    /// socket's name. Waits until it answers; an error shows its log.
    pub fn start(folder: &Path) -> Result<Self> {
        ensure!(Self::installed(), "Podman is not installed");
        let folder = folder.canonicalize().context("the folder")?;
        let at = |name: &str| folder.join(name).display().to_string();
        for name in ["data", "cni", "cni-lib", "tmp"] {
            fs::create_dir_all(folder.join(name)).context("a folder of podman")?;
        }
        // CNI keeps its state where no option reaches, so that folder is ours in this space.
        let script = format!(
            "mkdir -p /var/lib/cni /etc/cni/net.d\nmount --bind '{}' /var/lib/cni\n\
             mount --bind '{}' /etc/cni/net.d",
            at("cni-lib"),
            at("cni")
        );
        let mut podman = Self { engine: Engine::prepare(&folder, &script)? };
        let config = format!(
            r#"[containers]
default_ulimits = ["nofile=1024:16384", "nproc=4096:4096"]
cgroup_parent = "/{cgroup}"

[engine]
runtime = "lite"
cgroup_manager = "cgroupfs"
events_logger = "file"
events_logfile_path = "{events}"

[engine.runtimes]
lite = ["{wrapper}"]
"#,
            cgroup = podman.engine.cgroup(),
            events = at("events.log"),
            wrapper = podman.engine.wrapper().display(),
        );
        fs::write(folder.join("containers.conf"), config).context("containers.conf")?;
        podman.start_again()?;
        Ok(podman)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.engine.socket()
    }

    /// Where a client reaches it: `unix:///…`.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The service's process.
    pub fn pid(&self) -> Result<u32> {
        self.engine.pid()
    }

    /// Ends the service with SIGKILL; its containers and their monitors live on.
    pub fn kill(&mut self) -> Result<()> {
        self.engine.kill()
    }

    /// Asks the service to end, and waits for it. Its containers live on.
    pub fn stop(&mut self) -> Result<()> {
        self.engine.stop()
    }

    /// Starts the service again on the same folder, after a kill or a stop.
    pub fn start_again(&mut self) -> Result<()> {
        let folder = self.engine.folder();
        let at = |name: &str| folder.join(name).display().to_string();
        let mut command = self.engine.command("podman");
        command
            .args(["--root", &at("data")])
            // The space's own /run: it is gone with the space, and its paths are short.
            .args(["--runroot", "/run/podman-root"])
            .args(["--tmpdir", "/run/podman-tmp"])
            .args(["system", "service", "--time=0", &self.endpoint()])
            .env("CONTAINERS_CONF", folder.join("containers.conf"))
            .env("TMPDIR", folder.join("tmp"));
        self.engine.launch(command)
    }

    /// Stops the service and starts it again.
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
