//! `tamer-coordinator service install|uninstall|status`: a unit of systemd.

use std::path::Path;
use std::process::Command as Process;

use clap::Subcommand;
use tamer_model::{Code, Problem};

/// The unit, with the program's path in place of `@EXE@`.
const UNIT: &str = include_str!("../../deploy/systemd/tamer-coordinator.service");
const NAME: &str = "tamer-coordinator.service";
const UNIT_PATH: &str = "/etc/systemd/system/tamer-coordinator.service";

/// What to do with the service.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Install and start it, now and at every boot
    Install,
    /// Stop and remove it; the data folder stays
    Uninstall,
    /// Say how it is doing
    Status,
}

/// Does it.
pub fn run(command: Command, exe: &Path) -> Result<(), Problem> {
    if !Path::new("/run/systemd/system").exists() {
        return Err(Problem::new(Code::WrongState, "systemd does not run this machine")
            .remedy("start `tamer-coordinator run` by what does"));
    }
    match command {
        Command::Install => install(exe),
        Command::Uninstall => uninstall(),
        Command::Status => systemctl(&["status", "--no-pager", NAME]),
    }
}

fn install(exe: &Path) -> Result<(), Problem> {
    let unit = UNIT.replace("@EXE@", &exe.display().to_string());
    std::fs::write(UNIT_PATH, unit).map_err(|error| {
        Problem::new(Code::DataFolder, format!("{UNIT_PATH} cannot be written: {error}"))
            .remedy("run this as root")
    })?;
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", NAME])?;
    // Restart, not start: after an upgrade the new program should run. It returns when the unit
    // has told that it is ready.
    systemctl(&["restart", NAME])
}

fn uninstall() -> Result<(), Problem> {
    if Path::new(UNIT_PATH).exists() {
        systemctl(&["disable", "--now", NAME])?;
        std::fs::remove_file(UNIT_PATH).map_err(|error| {
            Problem::new(Code::DataFolder, format!("{UNIT_PATH} cannot be removed: {error}"))
                .remedy("run this as root")
        })?;
    }
    systemctl(&["daemon-reload"])
}

fn systemctl(args: &[&str]) -> Result<(), Problem> {
    let failed = |why: String| {
        Problem::new(Code::Internal, format!("systemctl {} {why}", args.join(" ")))
            .remedy(format!("see `journalctl -u {NAME}`"))
    };
    let status = Process::new("systemctl")
        .args(args)
        .status()
        .map_err(|error| failed(format!("cannot run: {error}")))?;
    if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
}
