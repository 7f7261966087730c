//! Linux and its relatives.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};
use tokio::process::Command;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn base(xdg: &str, in_home: &str) -> Option<PathBuf> {
    // A relative path is invalid and to be ignored (XDG Base Directory Specification, "Basics").
    let told = variable(xdg).map(PathBuf::from).filter(|path| path.is_absolute());
    told.or_else(|| Some(Path::new(&variable("HOME")?).join(in_home)))
}

/// Where this user's settings of ours are.
pub fn config_folder() -> Option<PathBuf> {
    Some(base("XDG_CONFIG_HOME", ".config")?.join("tamer"))
}

/// Where this user's data of ours are.
pub fn data_folder() -> Option<PathBuf> {
    Some(base("XDG_DATA_HOME", ".local/share")?.join("tamer"))
}

/// What to do about a file that others can read; `None` when it is private.
pub fn exposed(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| format!("chmod 600 {}", path.display()))
}

/// Makes a folder, and those above it, that only its owner can enter.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens an empty file that only its owner can read, to be written.
pub fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // The mode above is for one that was not there.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Writes a file that only its owner can read; a reader sees the old content or the new.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let write = || {
        let mut file = create_private(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().inspect_err(|_| {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&beside);
    })
}

/// What the machine calls itself.
pub fn machine_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

/// Keeps the terminal's Ctrl-C from a child: who started it ends it.
pub fn own_group(command: &mut Command) {
    command.process_group(0);
}

/// Asks a child to end.
pub fn terminate(pid: u32) {
    let Ok(pid) = i32::try_from(pid) else { return };
    // It may have ended just now.
    let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
}

/// The wishes that this program should end.
#[derive(Debug)]
pub struct Stop {
    interrupt: Signals,
    terminate: Option<Signals>,
}

/// Takes over Ctrl-C, and TERM.
pub fn stop_requests() -> io::Result<Stop> {
    Ok(Stop {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: Some(signal(SignalKind::terminate())?),
    })
}

/// Takes over Ctrl-C alone: TERM ends this program at once, as by default.
pub fn interrupts() -> io::Result<Stop> {
    Ok(Stop { interrupt: signal(SignalKind::interrupt())?, terminate: None })
}

impl Stop {
    /// The next wish. Dropping the future loses none.
    pub async fn next(&mut self) {
        let terminated = async {
            match &mut self.terminate {
                Some(signals) => signals.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = terminated => {}
        }
    }
}

/// The signals that end a program, where a terminal must be put right first.
#[derive(Debug)]
pub struct Endings([(u8, Signals); 4]);

/// Takes over INT, TERM, HUP and QUIT.
pub fn endings() -> io::Result<Endings> {
    let take = |kind: SignalKind| {
        // A signal's number is below 65, and 128 above it is how shells tell of it.
        let code = u8::try_from(kind.as_raw_value()).map_or(u8::MAX, |number| number | 128);
        signal(kind).map(|signals| (code, signals))
    };
    Ok(Endings([
        take(SignalKind::interrupt())?,
        take(SignalKind::terminate())?,
        take(SignalKind::hangup())?,
        take(SignalKind::quit())?,
    ]))
}

impl Endings {
    /// The next signal, as the exit code that tells of it. Dropping the future loses none.
    pub async fn next(&mut self) -> u8 {
        let [interrupt, terminate, hangup, quit] = &mut self.0;
        tokio::select! {
            _ = interrupt.1.recv() => interrupt.0,
            _ = terminate.1.recv() => terminate.0,
            _ = hangup.1.recv() => hangup.0,
            _ = quit.1.recv() => quit.0,
        }
    }
}

/// The changes of the terminal's size.
#[derive(Debug)]
pub struct Resizes(Signals);

/// Watches them.
pub fn resizes() -> io::Result<Resizes> {
    signal(SignalKind::window_change()).map(Resizes)
}

impl Resizes {
    /// The next change. Dropping the future loses none.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Makes the terminal understand what is sent to it: here it does.
pub fn prepare_terminal() {}

/// Whether this program is the one that its terminal's keys are for.
pub fn in_foreground() -> bool {
    let group = tcgetpgrp(io::stdout());
    group.is_ok_and(|group| group == getpgrp())
}

/// Stops this program as Ctrl-Z does, until its shell lets it go on.
pub fn suspend() {
    // In a group without a shell it does nothing, as Ctrl-Z would.
    let _ = raise(Signal::SIGTSTP);
}
