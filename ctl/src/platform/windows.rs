//! Windows.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::signal::windows::{CtrlC, CtrlClose, ctrl_c, ctrl_close};
use tokio::time::{Interval, interval};

/// `CREATE_NEW_PROCESS_GROUP` (process creation flags, Win32): Ctrl-C does not reach the child.
const NEW_PROCESS_GROUP: u32 = 0x0000_0200;

fn folder(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).filter(|value| !value.is_empty())?;
    Some(PathBuf::from(path).join("tamer"))
}

/// Where this user's settings of ours are.
pub fn config_folder() -> Option<PathBuf> {
    folder("APPDATA")
}

/// Where this user's data of ours are.
pub fn data_folder() -> Option<PathBuf> {
    folder("LOCALAPPDATA")
}

/// A file in a profile inherits the profile's protection, so none is exposed by its mode.
pub fn exposed(_path: &Path) -> Option<String> {
    None
}

/// Makes a folder, and those above it.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Opens an empty file to be written. In a profile it inherits the profile's protection.
pub fn create_private(path: &Path) -> io::Result<File> {
    File::create(path)
}

/// Writes a file; a reader sees the old content or the new.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    std::fs::write(&beside, content)?;
    std::fs::rename(&beside, path).inspect_err(|_| {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&beside);
    })
}

/// What the machine calls itself.
pub fn machine_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok().filter(|name| !name.is_empty())
}

/// Keeps the console's Ctrl-C from a child: who started it ends it.
pub fn own_group(command: &mut Command) {
    command.creation_flags(NEW_PROCESS_GROUP);
}

/// Asks a child to end. There is no signal for it: the end of its standard input asks.
pub fn terminate(_pid: u32) {}

/// The wishes that this program should end.
#[derive(Debug)]
pub struct Stop(CtrlC);

/// Takes over Ctrl-C.
pub fn stop_requests() -> io::Result<Stop> {
    Ok(Stop(ctrl_c()?))
}

/// Takes over Ctrl-C.
pub fn interrupts() -> io::Result<Stop> {
    stop_requests()
}

impl Stop {
    /// The next wish. Dropping the future loses none.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// The exit code that tells of Ctrl-C: the one of other systems, for Windows has none that fits.
const INTERRUPTED: u8 = 130;
/// The exit code that tells that the console was closed: the one of a hang-up elsewhere.
const CLOSED: u8 = 129;
/// How often the size of the console is looked at: it sends no signal.
const LOOK: Duration = Duration::from_millis(500);

/// The events that end a program, where a console must be put right first.
#[derive(Debug)]
pub struct Endings {
    interrupt: CtrlC,
    close: CtrlClose,
}

/// Takes over Ctrl-C and the closing of the console.
pub fn endings() -> io::Result<Endings> {
    Ok(Endings { interrupt: ctrl_c()?, close: ctrl_close()? })
}

impl Endings {
    /// The next event, as an exit code. Dropping the future loses none.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.close.recv() => CLOSED,
        }
    }
}

/// The changes of the console's size.
#[derive(Debug)]
pub struct Resizes {
    looks: Interval,
    size: Option<(u16, u16)>,
}

/// Watches them.
pub fn resizes() -> io::Result<Resizes> {
    Ok(Resizes { looks: interval(LOOK), size: crossterm::terminal::size().ok() })
}

impl Resizes {
    /// The next change. Dropping the future loses none.
    pub async fn next(&mut self) {
        loop {
            self.looks.tick().await;
            let size = crossterm::terminal::size().ok();
            if size != self.size {
                self.size = size;
                return;
            }
        }
    }
}

/// Makes the console understand escape sequences, where it can.
pub fn prepare_terminal() {
    crossterm::ansi_support::supports_ansi();
}

/// Whether this program is the one that its console's keys are for: there is no background here.
pub fn in_foreground() -> bool {
    true
}

/// There is nothing like Ctrl-Z here.
pub fn suspend() {}
