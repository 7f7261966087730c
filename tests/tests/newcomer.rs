//! The first minute: what README says, as a newcomer types it.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tamer_tests::{Process, Signal, mentioning, program, until};

#[test]
fn dev_then_run_then_ctrl_c() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a home");
    let tamerctl = |arguments: &[&str]| {
        let mut command = Command::new(program("tamerctl"));
        command.args(arguments).env_clear().env("HOME", &home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    };
    let data = folder.path().join("data");
    let data_argument = data.to_str().expect("text");
    let mut dev =
        Process::tool("dev", &mut tamerctl(&["dev", "--agents", "2", "--data", data_argument]));

    let batch: Value = until("two hosts answer", Duration::from_secs(30), || {
        if let Some(status) = dev.poll() {
            panic!("dev ended with {status}:\n{}{}", dev.stdout(), dev.stderr());
        }
        let run = tamerctl(&["-o", "json", "run", "--", "uname", "-a"]);
        let ended = Process::tool("run", &mut { run }).finish(Duration::from_secs(30));
        let batch: Value =
            serde_json::from_slice(&ended.stdout).map_err(|_| format!("{ended:?}"))?;
        match batch["tasks"].as_array().map(Vec::len) {
            Some(2) => Ok(batch),
            _ => Err(format!("{batch}")),
        }
    });
    assert_eq!(batch["state"], "succeeded", "{batch:#}");
    for task in batch["tasks"].as_array().expect("tasks") {
        assert!(task["stdout"].as_str().is_some_and(|text| text.starts_with("Linux ")), "{task:#}");
    }
    assert!(
        dev.stdout().contains("tamerctl run -- uname -a"),
        "it tells what to type: {}",
        dev.stdout()
    );

    assert!(!mentioning(&data).is_empty(), "the programs run on its data");
    // The terminal sends it to the whole group; alone is the harder case.
    dev.signal(Signal::SIGINT);
    dev.wait(Duration::from_secs(20));
    until("nothing is left", Duration::from_secs(5), || match mentioning(&data) {
        pids if pids.is_empty() => Ok(()),
        pids => Err(format!("{pids:?}")),
    });
}
