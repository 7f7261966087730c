//! Peers that stay up between commands: for trying things by hand. One process holds them; they
//! end with it. `cargo xtask peers up` and `down` call this.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use crate::docker::Docker;
use crate::guest::{self, CMDLINE, Guest};
use crate::libvirt::Libvirt;
use crate::podman::Podman;
use crate::{image, load};

/// How long all of them together may take to answer, on a busy machine.
const UP: Duration = Duration::from_secs(180);
/// How long they may take to end: an engine ends its containers first.
const DOWN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// The longest folder that leaves room for the engines' own sockets in the 108 bytes of a path.
const LONGEST: usize = 60;
/// Where each has its files.
const NAMES: [&str; 3] = ["docker", "podman", "libvirt"];

/// The folder of what is up.
#[derive(Debug)]
pub struct Standing {
    folder: PathBuf,
}

impl Standing {
    /// In this folder of peers.
    pub fn below(peers: &Path) -> Self {
        Self { folder: peers.join("up") }
    }

    /// Starts them with `hold`, a program and its arguments, unless they are up. Tells where they
    /// are.
    pub fn up(&self, hold: &mut Command) -> Result<String> {
        fs::create_dir_all(&self.folder)?;
        let length = self.folder.as_os_str().len();
        ensure!(
            length <= LONGEST,
            "{} is too long for sockets in it: set TAMER_PEERS to a folder of at most {} bytes",
            self.folder.display(),
            LONGEST - "/up".len()
        );
        // Of two that are started at once, the second finds what the first one made.
        let lock = File::create(self.at("lock"))?;
        lock.lock()?;
        if self.holder().is_none() {
            self.clear()?;
            self.start(hold)?;
        }
        fs::read_to_string(self.at("told")).context("what is up did not say where")
    }

    /// Ends them. Whether they were up.
    pub fn down(&self) -> Result<bool> {
        let Some(pid) = self.holder() else {
            self.clear()?;
            return Ok(false);
        };
        let _ = kill(pid, Signal::SIGTERM);
        if until(DOWN, || self.holder().is_none()).is_err() {
            // What they started ends with them.
            let _ = kill(pid, Signal::SIGKILL);
            until(DOWN, || self.holder().is_none()).context("the process stays")?;
        }
        self.clear()?;
        Ok(true)
    }

    /// Starts them in this process, and holds them until it is asked to end.
    pub fn hold(&self) -> Result<()> {
        let mut asked = SigSet::empty();
        asked.add(Signal::SIGTERM);
        asked.add(Signal::SIGINT);
        // Before there are other threads, which inherit it; programs that are started do not.
        asked.thread_block()?;
        let me = Pid::this();
        fs::write(self.at("holder"), format!("{me} {}", born(me).context("our own start")?))?;
        let archive = image::busybox_tar()?;
        let folder = |name: &str| -> Result<PathBuf> {
            let folder = self.at(name);
            fs::create_dir_all(&folder)?;
            Ok(folder)
        };
        let [docker, podman, libvirt] = NAMES.map(folder);
        let (docker, podman, libvirt, guest) = thread::scope(|scope| {
            let docker = scope.spawn(|| -> Result<_> {
                let docker = Docker::start(&docker?)?;
                load::load(&docker.socket(), &archive)?;
                Ok(docker)
            });
            let podman = scope.spawn(|| -> Result<_> {
                let podman = Podman::start(&podman?)?;
                load::load(&podman.socket(), &archive)?;
                Ok(podman)
            });
            let libvirt = scope.spawn(|| -> Result<_> {
                let missing = guest::missing();
                ensure!(missing.is_empty(), "these packages are not installed: {missing:?}");
                Libvirt::start(&libvirt?)
            });
            let guest = Guest::get();
            let ended = "a start does not panic";
            (
                docker.join().expect(ended),
                podman.join().expect(ended),
                libvirt.join().expect(ended),
                guest,
            )
        });
        let told = told(&docker, &podman, &libvirt, &guest);
        // Made beside and renamed, so that nobody reads half of it.
        fs::write(self.at("told.making"), told)?;
        fs::rename(self.at("told.making"), self.at("told"))?;
        asked.wait()?;
        Ok(())
    }

    fn start(&self, hold: &mut Command) -> Result<()> {
        let log = File::create(self.at("log"))?;
        let mut child = hold
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("the process that holds them")?;
        let begun = Instant::now();
        while !self.at("told").exists() {
            if child.try_wait()?.is_some() || begun.elapsed() > UP {
                let log = fs::read_to_string(self.at("log")).unwrap_or_default();
                end(&mut child);
                bail!("they are not up after {:?}:\n{log}", begun.elapsed());
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// The process that holds them, if it lives: a process that has got its number since was born
    /// at another time.
    fn holder(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.at("holder")).ok()?;
        let (pid, at) = text.split_once(' ')?;
        let pid = Pid::from_raw(pid.parse().ok()?);
        (born(pid)? == at).then_some(pid)
    }

    fn clear(&self) -> Result<()> {
        for name in ["told", "holder"].map(|name| self.at(name)) {
            if name.exists() {
                fs::remove_file(name)?;
            }
        }
        for name in NAMES.map(|name| self.at(name)) {
            if name.exists() {
                fs::remove_dir_all(&name).with_context(|| name.display().to_string())?;
            }
        }
        Ok(())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// What is told about those that are up, and why the others are not.
fn told(
    docker: &Result<Docker>,
    podman: &Result<Podman>,
    libvirt: &Result<Libvirt>,
    guest: &Result<Guest>,
) -> String {
    let endpoints = [
        ("docker", docker.as_ref().map(Docker::endpoint)),
        ("podman", podman.as_ref().map(Podman::endpoint)),
        ("libvirt", libvirt.as_ref().map(|it| it.socket().display().to_string())),
    ];
    let mut lines = Vec::new();
    let mut tables = Vec::new();
    for (name, endpoint) in endpoints {
        match endpoint {
            Ok(endpoint) => {
                let key = if name == "libvirt" { "socket" } else { "endpoint" };
                lines.push(format!("{name:8} {endpoint}"));
                tables.push(format!("[providers.{name}]\n{key} = \"{endpoint}\""));
            }
            Err(error) => lines.push(format!("{name:8} is not up: {error:#}")),
        }
    }
    lines.push(format!("image    {} (both engines have it)", image::BUSYBOX));
    match guest {
        Ok(Guest { kernel, initrd }) => lines.push(format!(
            "machine  kernel={} initrd={} cmdline=\"{CMDLINE}\"",
            kernel.display(),
            initrd.display()
        )),
        Err(error) => lines.push(format!("machine  there is none: {error:#}")),
    }
    let end = "They stay up until `cargo xtask peers down`.";
    format!(
        "{}\n\nFor the configuration of an agent:\n\n{}\n\n{end}\n",
        lines.join("\n"),
        tables.join("\n\n")
    )
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// When a process was born, in ticks since the machine was; none for one that has ended.
fn born(pid: Pid) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; what follows it begins with the state.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned)).flatten()
}

fn until(limit: Duration, mut done: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !done() {
        ensure!(begun.elapsed() < limit, "not within {limit:?}");
        sleep(POLL);
    }
    Ok(())
}
