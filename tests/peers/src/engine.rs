//! What the two container engines have in common: a daemon in a space, asked over its socket.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::space::{Space, only_child};

/// How long a daemon may take to answer. A machine under load needs most of it.
const UP: Duration = Duration::from_secs(60);
/// How long a daemon may take to end after TERM.
const DOWN: Duration = Duration::from_secs(20);
/// Control groups of everything below this folder are ours.
const CGROUPS: &str = "/sys/fs/cgroup";

/// This machine lacks `CAP_SYS_RESOURCE`, so what needs it is taken out of a container's
/// configuration before runc reads it: the capability, limits of resources, a negative OOM score.
const RUNC_LITE: &str = r#"#!/bin/sh
file=config.json
before=
makes=
for word in "$@"; do
    case "$before" in
    --bundle | -b) file=$word/config.json ;;
    --process) file=$word ;;
    esac
    case "$word" in
    --bundle=*) file=${word#--bundle=}/config.json ;;
    create | run | exec) makes=yes ;;
    esac
    before=$word
done
if [ -n "$makes" ] && [ -f "$file" ]; then
    sed -i -e 's/"CAP_SYS_RESOURCE",//g' -e 's/,"CAP_SYS_RESOURCE"//g' \
        -e 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' \
        -e 's/"rlimits":\[[^]]*\],//' "$file"
fi
exec runc "$@"
"#;

/// A daemon and the space it runs in.
pub(crate) struct Engine {
    space: Space,
    folder: PathBuf,
    daemon: Option<Child>,
    /// The control group below which all its containers are, without a leading slash.
    cgroup: String,
}

impl Engine {
    /// Makes the space; nothing runs yet.
    pub(crate) fn prepare(folder: &Path, script: &str) -> Result<Self> {
        let folder = folder.canonicalize().context("the folder")?;
        let wrapper = folder.join("runc-lite");
        fs::write(&wrapper, RUNC_LITE).context("runc-lite")?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).context("runc-lite")?;
        let space = Space::make(&folder, script)?;
        let base = folder.file_name().map(|name| name.to_string_lossy().replace('.', "-"));
        let cgroup = format!("tamer-{}-{}", std::process::id(), base.unwrap_or_default());
        Ok(Self { space, folder, daemon: None, cgroup })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn wrapper(&self) -> PathBuf {
        self.folder.join("runc-lite")
    }

    pub(crate) fn cgroup(&self) -> &str {
        &self.cgroup
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("engine.sock")
    }

    pub(crate) fn space(&self) -> &Space {
        &self.space
    }

    /// A command in the space, to be given to [`Engine::launch`].
    pub(crate) fn command(&self, program: &str) -> Command {
        self.space.command(program)
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn launch(&mut self, mut command: Command) -> Result<()> {
        let log = self.folder.join("engine.log");
        let file = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let _ = fs::remove_file(self.socket());
        let daemon = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("nsenter")?;
        let daemon = self.daemon.insert(daemon);
        let since = Instant::now();
        loop {
            let last = match ping(&self.folder.join("engine.sock")) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let ended = daemon.try_wait()?;
            if ended.is_some() || since.elapsed() > UP {
                let log = fs::read_to_string(&log).unwrap_or_default();
                let from = log.len().saturating_sub(8000);
                let tail = log.get(from..).unwrap_or(&log);
                bail!("the engine does not answer: {last:#}, ended: {ended:?}\n{tail}");
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    /// The daemon's process, by its id out here.
    pub(crate) fn pid(&self) -> Result<u32> {
        only_child(self.daemon.as_ref().context("the daemon does not run")?.id())
    }

    /// Ends the daemon at once and nothing else.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.signal(Signal::SIGKILL)
    }

    /// Asks the daemon to end, and waits for it.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        let pid = self.pid()?;
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        kill(Pid::from_raw(pid.cast_signed()), signal).context("kill")?;
        let since = Instant::now();
        while daemon.try_wait()?.is_none() {
            if since.elapsed() > DOWN {
                let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
                daemon.wait()?;
                bail!("the daemon did not end in {DOWN:?} after {signal}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Ends everything in the space and takes away what it left in the kernel.
    fn clear(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            if let Ok(pid) = only_child(daemon.id()) {
                let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.clear();
        // The groups can be removed once their processes are gone, which the space sees to; it is
        // dropped after this, so it is ended by hand first.
        self.space.end();
        let Ok(hierarchies) = fs::read_dir(CGROUPS) else { return };
        let groups: Vec<_> =
            hierarchies.flatten().map(|entry| entry.path().join(&self.cgroup)).collect();
        let since = Instant::now();
        while groups.iter().any(|group| group.exists()) && since.elapsed() < Duration::from_secs(2)
        {
            groups.iter().for_each(|group| remove_groups(group));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

fn ping(socket: &Path) -> Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")?;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer[..read]);
    if answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200") {
        return Ok(());
    }
    bail!("{answer:?}")
}

/// Whether a program can be found, as a shell would.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .any(|folder| folder.join(program).is_file())
}
