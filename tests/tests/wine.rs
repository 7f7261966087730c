//! The real tamer-agent.exe, under Wine: Windows' programming interface, though not Windows.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tamer_tests::{
    Coordinator, CoordinatorSettings, Ctl, Process, peer, peers_folder, until, windows_program,
};

const READY: Duration = Duration::from_secs(60);

#[test]
fn the_windows_agent_joins_runs_and_is_truthful() {
    let folder = tempfile::tempdir().expect("a folder");
    let coordinator = Coordinator::start(CoordinatorSettings::here(folder.path()));
    let ctl = coordinator.ctl();
    let exe = install(folder.path());
    let token = ctl.token(1);
    let mut agent = start(&exe, folder.path(), coordinator.port(), Some(&token));
    agent.announce("cut the torn end of the journal");
    ctl.all_ready(1, READY);

    let hosts = ctl.json(&["host", "ls"]);
    assert_eq!(hosts[0]["os"], "windows", "{hosts:#}");
    assert!(hosts[0]["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{hosts:#}");

    let batch = ctl.json(&["run", "--", "cmd", "/C", "echo hello"]);
    assert_eq!(batch["state"], "succeeded", "{batch:#}");
    assert_eq!(batch["tasks"][0]["stdout"].as_str().map(str::trim_end), Some("hello"), "{batch:#}");
    let (batch, code) = ctl.json_code(&["run", "--", "cmd", "/C", "exit 7"]);
    assert_eq!((&batch["tasks"][0]["exit_code"], code), (&Value::from(7), 1), "{batch:#}");

    killed_in_a_task(&ctl, agent, || start(&exe, folder.path(), coordinator.port(), None));
}

fn killed_in_a_task(ctl: &Ctl, mut agent: Process, restart: impl Fn() -> Process) {
    let batch = ctl.json(&["run", "--detach", "--", "cmd", "/C", "ping -n 60 127.0.0.1"]);
    let id = batch["batch"].as_str().expect("an id").to_owned();
    let show = || ctl.json_code(&["batch", "show", &id]).0;
    until("the command runs", READY, || {
        let batch = show();
        if batch["tasks"][0]["state"] == "running" { Ok(()) } else { Err(format!("{batch:#}")) }
    });
    agent.kill();
    let mut agent = restart();
    agent.announce("a task was interrupted");
    let batch = until("the task ended", READY, || {
        let batch = show();
        if batch["state"] == "running" { Err(format!("{batch:#}")) } else { Ok(batch) }
    });
    assert_eq!(batch["tasks"][0]["state"], "interrupted", "{batch:#}");
}

/// The program, beside the library that Wine 8 lacks.
fn install(folder: &Path) -> PathBuf {
    let library = "bcryptprimitives.dll";
    fs::copy(peers_folder("wine").join(library), folder.join(library)).expect("the library");
    let exe = folder.join("tamer-agent.exe");
    fs::copy(windows_program("tamer-agent"), &exe).expect("the program");
    exe
}

fn start(exe: &Path, folder: &Path, port: u16, token: Option<&str>) -> Process {
    let mut command = Command::new(peer("setpriv"));
    command.args(["--pdeathsig", "KILL", "--"]).arg(peer("wine")).arg(exe);
    // Wine shows the machine's root as drive Z.
    let data = format!("Z:{}", folder.join("data").display()).replace('/', "\\");
    command.args(["run", "--data", &data, "--name", "windows", "--no-discovery"]);
    command.args(["--coordinator", &format!("127.0.0.1:{port}")]);
    command.env("WINEPREFIX", peers_folder("wine")).env("WINEDEBUG", "-all").env_remove("DISPLAY");
    command.env("WINEDLLOVERRIDES", "mscoree,mshtml=");
    if let Some(token) = token {
        command.env("TAMER_TOKEN", token);
    }
    Process::program("agent under wine", &mut command)
}
