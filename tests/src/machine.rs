//! A machine of its own with a real systemd as its first process, in a container.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::process::{Ended, Process};
use crate::{peer, peers_folder, program, until, within};

const BOOTED: Duration = Duration::from_secs(30);
/// nspawn's exit code when the machine asked to be started again.
const REBOOT: i32 = 133;
const ANSWER: Duration = Duration::from_secs(100);

/// A machine with the three programs in /usr/local/bin. It has no network but its loopback, and it
/// goes when this value goes.
#[derive(Debug)]
pub struct Machine {
    nspawn: Process,
    root: PathBuf,
    _folder: TempDir,
}

impl Machine {
    /// Boots one.
    ///
    /// # Panics
    /// When it does not boot.
    #[track_caller]
    pub fn boot() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        // A copy of our own, so that it can be rebooted and then forgotten.
        let copied = Command::new("cp")
            .args(["--archive", "--reflink=auto"])
            .arg(peers_folder("systemd-root"))
            .arg(&root)
            .status()
            .expect("`cp` runs");
        assert!(copied.success(), "the root is copied: {copied}");
        for name in ["tamer-coordinator", "tamer-agent", "tamerctl"] {
            fs::copy(program(name), root.join("usr/local/bin").join(name)).expect("the program");
        }
        let machine = Self { nspawn: power_on(&root), root, _folder: folder };
        machine.running();
        machine
    }

    /// Runs a program in it.
    ///
    /// # Panics
    /// When the machine is down, or the program does not end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let init = self.init().expect("the machine runs");
        let mut command = Command::new(peer("nsenter"));
        command.args(["--target", &init.to_string(), "--all", "--"]).args(arguments).env_clear();
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("TAMER_CONFIG", "/var/lib/tamer-coordinator/admin.context.toml");
        Process::tool(arguments[0], &mut command).finish(ANSWER)
    }

    /// Runs a program in it that must succeed, and gives what it printed.
    ///
    /// # Panics
    /// When it does not succeed.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        if !ended.status.success() {
            let journal = self.run(&["journalctl", "--no-pager", "--lines", "60"]).text();
            panic!("{arguments:?} in the machine: {ended:#?}\n--- its journal\n{journal}");
        }
        ended.text()
    }

    /// A property of a unit.
    ///
    /// # Panics
    /// When systemd does not answer.
    #[track_caller]
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.done(&["systemctl", "show", "--value", "--property", name, unit]).trim().to_owned()
    }

    /// Restarts the whole machine and waits until it is up.
    ///
    /// # Panics
    /// When it does not come back.
    #[track_caller]
    pub fn reboot(&mut self) {
        self.run(&["systemctl", "reboot"]);
        // nspawn leaves the second half of a reboot to whoever started it.
        let status = self.nspawn.wait(BOOTED);
        assert_eq!(status.code(), Some(REBOOT), "{}", self.nspawn.stderr());
        self.nspawn = power_on(&self.root);
        self.running();
    }

    #[track_caller]
    fn running(&self) {
        until("the machine runs", BOOTED, || {
            if self.init().is_none() {
                return Err(format!(
                    "no first process: {}{}",
                    self.nspawn.stdout(),
                    self.nspawn.stderr()
                ));
            }
            let state = self.run(&["systemctl", "is-system-running"]);
            match state.text().trim() {
                "running" | "degraded" => Ok(()),
                other => Err(format!("{other} {}", state.stderr)),
            }
        });
    }

    /// Its first process, as we see it: the child of nspawn, which is the child of unshare.
    fn init(&self) -> Option<u32> {
        let init = only_child(only_child(self.nspawn.pid())?)?;
        let name =
            fs::read_to_string(Path::new("/proc").join(format!("{init}")).join("comm")).ok()?;
        (name.trim() == "systemd").then_some(init)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // With its first process all others of it end; nspawn sees that and cleans up.
        if let Some(init) = self.init().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(init), Signal::SIGKILL).unwrap_or_default();
            within(Duration::from_secs(5), || self.nspawn.poll().ok_or_else(String::new)).ok();
        }
    }
}

fn power_on(root: &Path) -> Process {
    let mut nspawn = Command::new(peer("setpriv"));
    nspawn.args(["--pdeathsig", "KILL", "--"]).arg(peer("unshare"));
    // nspawn alone would leave the machine running when it is killed with the test.
    nspawn.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(peer("systemd-nspawn"));
    nspawn.args(["--boot", "--register=no", "--keep-unit", "--private-network"]);
    nspawn.args(["--console=pipe", &format!("--machine=tamer-{}", std::process::id()), "-D"]);
    Process::tool("machine", nspawn.arg(root))
}

fn only_child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
