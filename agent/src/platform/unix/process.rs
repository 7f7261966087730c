//! Processes and their groups.

use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tamer_model::CommandSpec;

use super::{program, user};
use crate::exec::{LaunchError, MARKER};
use crate::journal::ProcessMark;

/// Whether a command can be asked to end before it is killed.
pub const HAS_TERM: bool = true;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_LANG: &str = "C.UTF-8";

/// Builds the command: own process group, clean environment, user and working directory.
pub fn command(spec: &CommandSpec, marker: &str) -> Result<Command, LaunchError> {
    let account = user::account(spec.user.as_deref())?;
    let cwd = match &spec.cwd {
        Some(cwd) => Path::new(cwd),
        None if account.home.is_dir() => &account.home,
        None => Path::new("/"),
    };
    if !cwd.is_dir() {
        return Err(LaunchError::Folder { path: cwd.to_owned() });
    }
    let argv: Vec<&str> = match spec.shell {
        true => ["/bin/sh", "-c"].into_iter().chain(spec.argv.iter().map(String::as_str)).collect(),
        false => spec.argv.iter().map(String::as_str).collect(),
    };
    let (name, arguments) = argv.split_first().ok_or(LaunchError::Empty)?;
    let own = |name: &str, or: &str| std::env::var(name).unwrap_or_else(|_| or.to_owned());
    let path = search_path();
    let searched = spec.env.get("PATH").unwrap_or(&path);
    let file = match account.switch {
        None => program::find_runnable(name, searched),
        // Another user may be allowed to run another file of that name.
        Some(_) => None,
    };
    let mut command = Command::new(file.as_deref().unwrap_or(Path::new(name)));
    command
        .arg0(name)
        .args(arguments)
        .current_dir(cwd)
        .env_clear()
        .env("PATH", &path)
        .env("LANG", own("LANG", DEFAULT_LANG))
        .env("HOME", &account.home)
        .env("USER", &account.name)
        .env("LOGNAME", &account.name)
        .env(MARKER, marker)
        .envs(&spec.env)
        .process_group(0);
    if let Some(switch) = account.switch {
        user::apply(&mut command, switch);
    }
    Ok(command)
}

/// Where programs are looked for unless a command's own environment says it.
pub(super) fn search_path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned())
}

/// The exit code, or the signal that ended the process.
pub fn exit_of(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    (status.code(), status.signal())
}

/// Tells the process `pid` from every other that had or will have its number.
pub fn mark(pid: u32) -> ProcessMark {
    // Read before the process can be waited for, so it is there; if not, the mark matches nothing.
    let started = stat(pid).map(|stat| at_boot(stat.started)).unwrap_or_default();
    ProcessMark { pid, started }
}

/// Ends what an earlier life of the agent left running of a task: the group of `process`, or, when
/// it is not known, the groups whose processes carry the task's `marker` in their environment.
/// Says whether there was anything.
pub async fn end_leftovers(process: Option<&ProcessMark>, marker: &str, grace: Duration) -> bool {
    let find = || leftovers(process, marker);
    let groups = find();
    if groups.is_empty() {
        return false;
    }
    signal(&groups, Signal::SIGTERM);
    let deadline = tokio::time::Instant::now() + grace;
    while tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if find().is_empty() {
            return true;
        }
    }
    signal(&find(), Signal::SIGKILL);
    true
}

fn signal(groups: &[u32], signal: Signal) {
    for group in groups {
        let _ = killpg(Pid::from_raw(*group as i32), signal);
    }
}

fn leftovers(process: Option<&ProcessMark>, marker: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id();
    let mut groups: Vec<u32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .filter(|(pid, stat)| match process {
            Some(process) => {
                stat.group == process.pid
                    && (*pid == process.pid && at_boot(stat.started) == process.started
                        || carries(*pid, marker))
            }
            None => carries(*pid, marker),
        })
        .map(|(_, stat)| stat.group)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn carries(pid: u32, marker: &str) -> bool {
    let wanted = format!("{MARKER}={marker}");
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|text| text == wanted.as_bytes()))
}

struct Stat {
    group: u32,
    started: u64,
}

/// Fields of `/proc/PID/stat` (proc(5)); nothing for a process that is gone or a zombie.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    if field(3)? == "Z" {
        return None;
    }
    Some(Stat { group: field(5)?.parse().ok()?, started: field(22)?.parse().ok()? })
}

/// Start times count from the boot, so the boot is part of the mark.
fn at_boot(started: u64) -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{}/{started}", boot.trim())
}

/// Whether an error of the spawn says that the file is no program.
pub fn is_no_program(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
        || error.raw_os_error() == Some(nix::libc::ENOEXEC)
}
