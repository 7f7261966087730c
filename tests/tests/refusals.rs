//! Bad input: one clear error with a stable code and a remedy, nothing half-made, nobody harmed.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tamer_tests::{
    Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Ended, Finds, Process, until,
};
use tempfile::TempDir;

const READY: Duration = Duration::from_secs(20);
const REFUSED: Duration = Duration::from_secs(20);
const USAGE: i32 = 2;

struct Fleet {
    _agents: Vec<Agent>,
    coordinator: Coordinator,
    ctl: Ctl,
    folder: TempDir,
}

fn fleet(agents: usize) -> Fleet {
    let folder = tempfile::tempdir().expect("a folder");
    let coordinator = Coordinator::start(CoordinatorSettings::here(folder.path()));
    let ctl = coordinator.ctl();
    let token = if agents > 0 { ctl.token(agents) } else { String::new() };
    let start = |number| {
        let name = format!("host{number}");
        Agent::start(AgentSettings::here(folder.path(), &name, &coordinator, &token))
    };
    let started = (0..agents).map(start).collect();
    ctl.all_ready(agents, READY);
    Fleet { _agents: started, coordinator, ctl, folder }
}

/// What a refused tamerctl prints as json.
#[track_caller]
fn refused(ctl: &Ctl, arguments: &[&str], code: &str, exit: i32) {
    let ended = ctl.run(&[&["-o", "json"], arguments].concat());
    let told = if ended.stdout.is_empty() { ended.stderr.clone() } else { ended.text() };
    let error: Value = serde_json::from_str(told.trim())
        .unwrap_or_else(|error| panic!("{arguments:?}: no json ({error}): {ended:#?}"));
    let error = &error["error"];
    assert_eq!(
        (error["code"].as_str(), ended.code()),
        (Some(code), exit),
        "{arguments:?}: {ended:#?}"
    );
    assert!(
        error["message"].as_str().is_some_and(|text| !text.is_empty()),
        "{arguments:?}: {error}"
    );
    // What is wrong with a word is said with what would be right.
    let helped = error["remedy"].as_str().is_some_and(|text| !text.is_empty());
    let in_text = error["message"].as_str().is_some_and(|text| text.contains(": use "));
    assert!(helped || in_text, "{arguments:?}: no remedy: {error}");
}

#[test]
fn what_tamerctl_refuses() {
    let fleet = fleet(1);
    let ctl = &fleet.ctl;
    refused(ctl, &["run", "-l", "os in (", "--", "true"], "selector-invalid", USAGE);
    refused(ctl, &["run", "-l", "", "--", "true"], "selector-invalid", USAGE);
    refused(ctl, &["run", "-l", "nobody=has-this", "--", "true"], "selection-empty", USAGE);
    refused(ctl, &["host", "show", "nobody"], "not-found", 1);
    refused(ctl, &["host", "rm", "nobody", "--yes"], "not-found", 1);
    refused(ctl, &["host", "label", "host0", "no good=x"], "label-invalid", USAGE);
    refused(ctl, &["batch", "cancel", "b-0000000000000000"], "not-found", 1);
    let batches = ctl.json(&["batch", "ls"]);
    assert_eq!(batches.as_array().map_or(0, Vec::len), 0, "a refusal made a batch: {batches:#}");
    let none = ctl.run(&["run", "-l", "nobody=has-this", "--allow-empty", "--", "true"]);
    assert_eq!(none.code(), 0, "{none:#?}");
    // Whoever spells it wrong learns it from the parser, before anything is asked.
    for arguments in [&["run"][..], &["token", "create", "--lifetime", "soon"], &["hosts"]] {
        assert_eq!(ctl.run(arguments).code(), USAGE, "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_reached() {
    let fleet = fleet(0);
    refused(&fleet.ctl, &["run", "--", "true"], "selection-empty", USAGE);
    let Fleet { mut coordinator, ctl, folder, .. } = fleet;
    coordinator.process.stop();
    let ended = ctl.run(&["status"]);
    assert_eq!(ended.code(), 3, "{ended:#?}");
    let lost = Ctl { context: folder.path().join("no-such.toml"), ..ctl };
    assert_ne!(lost.run(&["status"]).code(), 0);
}

#[test]
fn what_a_coordinator_refuses_to_start_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = Coordinator::start(CoordinatorSettings::here(folder.path()));
    let other = |data: &str| CoordinatorSettings {
        data: folder.path().join(data),
        ..CoordinatorSettings::here(folder.path())
    };

    let occupied = CoordinatorSettings { listen: first.address.clone(), ..other("occupied") };
    start_refused(&occupied, "address-unavailable");
    start_refused(&first.settings.clone(), "address-unavailable|data-folder");
    let in_use = CoordinatorSettings { listen: "127.0.0.1:0".to_owned(), ..first.settings.clone() };
    start_refused(&in_use, "data-folder");
    first.process.stop();

    fs::write(folder.path().join("a-file"), "").expect("a file");
    start_refused(&other("a-file/below"), "data-folder");
    fs::create_dir(folder.path().join("strange")).expect("a folder");
    fs::write(folder.path().join("strange/diary"), "mine").expect("a file");
    start_refused(&other("strange"), "data-folder");
    assert_eq!(
        fs::read_dir(folder.path().join("strange"))
            .expect("it")
            .filter(|e| { e.as_ref().is_ok_and(|e| e.file_name() != "lock") })
            .count(),
        1,
        "nothing was made in somebody's folder"
    );

    let format = first.settings.data.join("format");
    let own = fs::read_to_string(&format).expect("the format");
    fs::write(&format, "tamer-coordinator 999\n").expect("the format");
    start_refused(&first.settings, "data-folder");
    fs::write(&format, own).expect("the format");
    corrupt(&first.settings.data.join("store"));
    start_refused(&first.settings, "data-folder|store-failed");

    let config = folder.path().join("config.toml");
    fs::write(&config, "lisen = \"127.0.0.1:0\"\n").expect("a file");
    let mut configured = other("configured");
    configured.more = vec!["--config".to_owned(), config.display().to_string()];
    let ended = start_refused(&configured, "config-invalid");
    assert_eq!(ended.code(), USAGE, "{ended:#?}");
    assert!(ended.stderr.contains("lisen"), "it names the key: {}", ended.stderr);
    assert!(!configured.data.exists(), "nothing was made");
}

/// Starts what must not start. Several codes may fit: `a|b`.
#[track_caller]
fn start_refused(settings: &CoordinatorSettings, codes: &str) -> Ended {
    let ended = Process::tool("coordinator", &mut settings.command()).finish(REFUSED);
    assert!(!ended.status.success(), "it started: {ended:#?}");
    let told = codes.split('|').any(|code| ended.stderr.contains(&format!("[{code}]")));
    // What the store says of itself holds its remedy.
    let helped = ["remedy: ", "restore a backup"].iter().any(|help| ended.stderr.contains(help));
    assert!(told && helped, "expected {codes} and a remedy: {ended:#?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
    ended
}

/// Turns every byte of the largest file's first half.
fn corrupt(store: &Path) {
    let files = files_below(store);
    assert!(!files.is_empty(), "{} has files", store.display());
    for path in files {
        let mut bytes = fs::read(&path).expect("a file of the store");
        let half = bytes.len() / 2;
        for byte in &mut bytes[..half] {
            *byte = !*byte;
        }
        fs::write(&path, bytes).expect("a file of the store");
    }
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files_below(&path),
            path => vec![path],
        })
        .collect()
}

#[test]
fn tokens_that_let_nobody_in() {
    let fleet = fleet(0);
    let settings = |name: &str, token: &str| {
        AgentSettings::here(fleet.folder.path(), name, &fleet.coordinator, token)
    };
    agent_refused(settings("malformed", "tamer-nonsense"), "token-malformed");

    let expired = fleet.ctl.json(&["token", "create", "--lifetime", "1s"]);
    until("the token expires", Duration::from_secs(10), || {
        let tokens = fleet.ctl.json(&["token", "ls"]);
        match tokens[0]["state"].as_str() {
            Some("expired") => Ok(()),
            _ => Err(format!("{tokens:#}")),
        }
    });
    agent_refused(
        settings("expired", expired["token"].as_str().expect("a token")),
        "token-expired",
    );

    let once = fleet.ctl.token(1);
    let _joined = Agent::start(settings("first", &once));
    fleet.ctl.all_ready(1, READY);
    agent_refused(settings("second", &once), "token-used-up");

    let elsewhere = tempfile::tempdir().expect("a folder");
    let other = Coordinator::start(CoordinatorSettings::here(elsewhere.path()));
    // It trusts another authority, so it tells this one nothing.
    let mut agent = Agent::start(settings("foreign", &other.ctl().token(1)));
    for part in ["ca-mismatch", "no coordinator to join yet", "skipped: "] {
        agent.process.announce(part);
    }
    agent.process.logged("WARN", REFUSED);
    drop(agent);
    fleet.ctl.all_ready(1, READY);
}

/// Starts an agent that must end by itself, with this code.
#[track_caller]
fn agent_refused(settings: AgentSettings, code: &str) {
    let ended = Process::tool(&settings.name, &mut settings.command()).finish(REFUSED);
    assert!(!ended.status.success(), "it ended well: {ended:#?}");
    assert!(ended.stderr.contains(code), "expected {code}: {ended:#?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
}

#[test]
fn commands_that_behave_badly() {
    let fleet = fleet(1);
    let ctl = &fleet.ctl;
    let task = |arguments: &[&str], state: &str| {
        let begun = Instant::now();
        let (batch, code) = ctl.json_code(&[&["run"], arguments].concat());
        let task = batch["tasks"][0].clone();
        assert_eq!(task["state"], state, "{arguments:?}: {batch:#}");
        assert_eq!(code, i32::from(state != "succeeded"), "{arguments:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "{arguments:?} took {:?}",
            begun.elapsed()
        );
        task
    };

    let absent = task(&["--", "no-such-command"], "failed");
    assert!(
        absent["reason"].as_str().is_some_and(|why| why.contains("no-such-command")),
        "{absent:#}"
    );
    task(&["--cwd", "/no/such/folder", "--", "true"], "failed");
    task(&["--user", "nobody-of-that-name", "--", "true"], "failed");

    let stubborn = "trap '' TERM; while :; do sleep 0.2; done";
    task(&["--timeout", "1s", "--grace", "1s", "--", "sh", "-c", stubborn], "timed_out");

    // Its child holds the output open for longer than the test lasts.
    let daemon = task(&["--", "sh", "-c", "setsid sleep 40 & echo left"], "succeeded");
    assert_eq!(daemon["stdout"], "left\n", "{daemon:#}");

    let binary = task(&["--", "printf", r"\377\000\376"], "succeeded");
    assert_eq!(binary["stdout_base64"], "/wD+", "{binary:#}");

    let flood = task(&["--timeout", "3s", "--", "yes"], "timed_out");
    let kept = flood["stdout"].as_str().map_or(0, str::len);
    assert!(kept <= 65_536, "{kept} bytes were kept");
    assert!(flood["stdout_cut"].as_u64().is_some_and(|cut| cut > 0), "the cut is told");
    for process in [&fleet.coordinator.process, &fleet._agents[0].process] {
        let resident = resident_mib(process.pid());
        assert!(resident < 150, "{} holds {resident} MiB after a flood", process.name());
    }
    ctl.all_ready(1, Duration::from_secs(1));
}

fn resident_mib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") / 1024
}

/// A clock that is off by an hour is told, and does no harm within the slack of a certificate; or
/// it is refused with a word about clocks.
#[test]
fn a_clock_that_is_off_by_an_hour() {
    let fleet = fleet(0);
    let token = fleet.ctl.token(2);
    let library = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/faketime"]
        .map(|folder| Path::new(folder).join("libfaketimeMT.so.1"))
        .into_iter()
        .find(|path| path.exists())
        .expect("libfaketime is installed: run `cargo xtask peers`");
    for (name, offset) in [("ahead", "+1h"), ("behind", "-1h")] {
        let mut settings =
            AgentSettings::here(fleet.folder.path(), name, &fleet.coordinator, &token);
        assert!(matches!(settings.finds, Finds::At(_)));
        settings.env = vec![
            ("LD_PRELOAD".to_owned(), library.display().to_string()),
            ("FAKETIME".to_owned(), offset.to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()),
        ];
        let mut agent = Agent::start(settings);
        agent.process.announce("clock");
        agent.process.announce("no session: ");
        agent.process.announce("no coordinator to join yet");
        agent.process.logged("clock", REFUSED);
    }
    let Fleet { mut coordinator, .. } = fleet;
    coordinator.process.announce("clock is off");
}
