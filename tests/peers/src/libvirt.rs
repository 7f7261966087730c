//! A libvirt of its own: `libvirtd`, `virtlogd` and their QEMUs in namespaces for mounts, network
//! and processes, so that several live side by side and the machine's own one is left alone.
//!
//! The first process of the namespace reads from a pipe that this program holds. When the pipe
//! closes, by a drop, a panic or the death of this program, that process ends, and the kernel ends
//! everything in the namespace with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::guest::{missing, said};

/// How long libvirtd may take to answer: the first start asks QEMU what it can do.
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// What the first process does: every folder in which libvirt keeps state becomes one of ours.
const INIT: &str = r#"
set -e
for pair in etc:/etc/libvirt lib:/var/lib/libvirt cache:/var/cache/libvirt log:/var/log/libvirt run:/run/libvirt; do
    mkdir -p "${pair#*:}"
    mount --bind "$1/${pair%%:*}" "${pair#*:}"
done
ip link set lo up
virtlogd -d -p /run/libvirt/virtlogd.pid
libvirtd -d -f /etc/libvirt/libvirtd.conf -p /run/libvirt/libvirtd.pid
cat >/dev/null
"#;
const START_AGAIN: &str =
    "exec libvirtd -d -f /etc/libvirt/libvirtd.conf -p /run/libvirt/libvirtd.pid";

/// Everything runs as the user of the test, without cgroups (two libvirts would meet in them) and
/// without chown (the disks of a test stay its own).
const QEMU_CONF: &str = r#"
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
dynamic_ownership = 0
"#;

/// A running libvirt. Ends with all its machines when it is dropped.
#[derive(Debug)]
pub struct Libvirt {
    folder: PathBuf,
    /// `unshare`, whose child is the first process of the namespace.
    holder: Child,
    /// The process namespace, as the kernel names it.
    namespace: PathBuf,
}

/// Whether everything that libvirt and the guest need is installed. Says loudly what is not.
///
/// # Panics
/// When something is missing and `TAMER_REQUIRE_PEERS` is 1.
#[expect(clippy::print_stderr, reason = "a test that skips tells the person who runs it")]
pub fn installed() -> bool {
    let missing = missing();
    if missing.is_empty() {
        return true;
    }
    let required = std::env::var_os("TAMER_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "TAMER_REQUIRE_PEERS=1, and these are not installed: {missing:?}");
    eprintln!("SKIPPED: these packages are not installed: {missing:?}");
    false
}

impl Libvirt {
    /// Starts one that keeps everything in `folder`, and waits until it answers. Needs root.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        for name in ["etc", "lib", "cache", "log", "run"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let at = folder.display();
        let conf = format!(
            "unix_sock_dir = \"{at}\"\nauth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n\
             log_level = 3\nlog_outputs = \"3:file:{at}/log/libvirtd.log\"\n"
        );
        fs::write(folder.join("etc/libvirtd.conf"), conf)?;
        fs::write(folder.join("etc/qemu.conf"), QEMU_CONF)?;
        let told = fs::File::create(folder.join("log/init.log"))?;
        let mut holder = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", INIT, "sh"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(told.try_clone()?)
            .stderr(told)
            .spawn()
            .context("cannot run unshare")?;
        let namespace = match namespace(&mut holder) {
            Ok(namespace) => namespace,
            Err(error) => {
                let _ = holder.kill();
                let _ = holder.wait();
                return Err(error);
            }
        };
        let started = Self { folder: folder.to_owned(), holder, namespace };
        started.wait_for_answer()?;
        Ok(started)
    }

    /// The socket of the whole API.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("libvirt-sock")
    }

    /// The process id of libvirtd, as this program sees it.
    pub fn pid(&self) -> anyhow::Result<u32> {
        let inside = fs::read_to_string(self.folder.join("run/libvirtd.pid"))?;
        self.outside(inside.trim()).with_context(|| format!("no process {} inside", inside.trim()))
    }

    /// Kills libvirtd. Its machines go on.
    pub fn kill(&self) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.pid()?.try_into()?);
        kill(pid, Signal::SIGKILL)?;
        let begun = Instant::now();
        while kill(pid, None).is_ok() {
            if begun.elapsed() > START_LIMIT {
                bail!("libvirtd {pid} was killed and is still there");
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Starts libvirtd again after [`Libvirt::kill`]; it finds the machines that still run.
    pub fn start_again(&self) -> anyhow::Result<()> {
        let first = self.outside("1").context("the namespace has ended")?;
        said(
            Command::new("nsenter")
                .args(["--mount", "--net", "--pid", "--target", &first.to_string()])
                .args(["sh", "-c", START_AGAIN]),
        )?;
        self.wait_for_answer()
    }

    /// Asks libvirt's own client, which is no code of ours.
    pub fn virsh(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let uri = format!("qemu+unix:///system?socket={}", self.socket().display());
        said(Command::new("timeout").args(["60", "virsh", "--quiet", "-c", &uri]).args(arguments))
    }

    fn wait_for_answer(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            match self.virsh(&["version"]) {
                Ok(_) => return Ok(()),
                Err(error) if begun.elapsed() > START_LIMIT => {
                    let log = |name| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
                    let logs = [log("log/init.log"), log("log/libvirtd.log")].concat();
                    return Err(error.context(format!("libvirtd does not answer:\n{logs}")));
                }
                Err(_) => sleep(POLL),
            }
        }
    }

    /// The process that has this id inside.
    fn outside(&self, inside: &str) -> Option<u32> {
        fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            if fs::read_link(entry.path().join("ns/pid")).ok()? != self.namespace {
                return None;
            }
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
            (ids.split_whitespace().last() == Some(inside)).then_some(pid)
        })
    }
}

impl Drop for Libvirt {
    fn drop(&mut self) {
        // By the pid of its first process, so that everything is gone when this returns: the
        // kernel lets `unshare` see that end only after all others of the namespace.
        drop(self.holder.stdin.take());
        if let Some(first) = self.outside("1").and_then(|pid| pid.try_into().ok()) {
            let _ = kill(Pid::from_raw(first), Signal::SIGKILL);
        }
        let _ = self.holder.wait();
    }
}

/// The namespace in which the children of `unshare` live, once it is made.
fn namespace(holder: &mut Child) -> anyhow::Result<PathBuf> {
    let own = fs::read_link("/proc/self/ns/pid")?;
    let link = format!("/proc/{}/ns/pid_for_children", holder.id());
    let begun = Instant::now();
    loop {
        // Unreadable as long as the namespace has no first process.
        match fs::read_link(&link) {
            Ok(namespace) if namespace != own => return Ok(namespace),
            _ => {}
        }
        if let Some(status) = holder.try_wait()? {
            bail!("unshare ended with {status}: the tests of libvirt need root");
        }
        if begun.elapsed() > START_LIMIT {
            bail!("unshare made no namespace");
        }
        sleep(POLL);
    }
}
