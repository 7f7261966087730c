//! Services under a real systemd.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "the scores, for whoever reads the log of a run")]

use std::time::Duration;

use serde_json::Value;
use tamer_tests::{Machine, until};

const COORDINATOR: &str = "tamer-coordinator.service";
const AGENT: &str = "tamer-agent.service";
const BACK: Duration = Duration::from_secs(60);

#[test]
fn installed_booted_killed_removed() {
    let mut machine = Machine::boot();
    machine.done(&["tamer-coordinator", "service", "install"]);
    let token = json(&machine.done(&["tamerctl", "-o", "json", "token", "create"]));
    let token = token["token"].as_str().expect("a token");
    machine.done(&[
        "env",
        &format!("TAMER_TOKEN={token}"),
        "tamer-agent",
        "service",
        "install",
        "--coordinator",
        "127.0.0.1:8443",
        "--no-discovery",
        "--name",
        "inside",
    ]);
    // The installation returned when the agent told that it is ready, and so it is.
    let hosts = json(&machine.done(&["tamerctl", "-o", "json", "host", "ls"]));
    assert_eq!(hosts[0]["state"], "ready", "{hosts:#}");
    for unit in [COORDINATOR, AGENT] {
        assert_eq!(machine.property(unit, "Type"), "notify");
        assert_eq!(machine.property(unit, "UnitFileState"), "enabled");
    }
    for program in ["tamer-coordinator", "tamer-agent"] {
        machine.done(&[program, "service", "status"]);
    }
    survives_kills(&machine);
    machine.reboot();
    serves(&machine, "after the boot");
    is_hardened(&machine);

    for (program, unit) in [("tamer-agent", AGENT), ("tamer-coordinator", COORDINATOR)] {
        machine.done(&[program, "service", "uninstall"]);
        assert_eq!(machine.property(unit, "LoadState"), "not-found", "{program} is removed");
    }
}

fn survives_kills(machine: &Machine) {
    for unit in [COORDINATOR, AGENT] {
        let before = machine.property(unit, "MainPID");
        machine.done(&["kill", "-9", &before]);
        until(&format!("{unit} is started again"), BACK, || {
            let (pid, restarts) =
                (machine.property(unit, "MainPID"), machine.property(unit, "NRestarts"));
            match pid != before && pid != "0" && restarts == "1" {
                true => Ok(()),
                false => Err(format!("pid {pid}, before {before}, {restarts} restarts")),
            }
        });
        serves(machine, &format!("after the kill of {unit}"));
    }
}

fn serves(machine: &Machine, when: &str) {
    until(&format!("the host is ready and runs commands {when}"), BACK, || {
        let ended =
            machine.run(&["tamerctl", "-o", "json", "run", "--timeout", "20s", "--", "true"]);
        match ended.status.success() {
            true => Ok(()),
            false => Err(format!("{ended:?}")),
        }
    });
}

/// The scores are in docs/hardening.md; a change that worsens one fails here and is decided there.
fn is_hardened(machine: &Machine) {
    for (unit, worst) in [(COORDINATOR, 1.6), (AGENT, 9.6)] {
        let report = machine.done(&["systemd-analyze", "security", "--no-pager", unit]);
        let verdict =
            report.lines().rev().find(|line| line.contains("Overall exposure")).expect("a verdict");
        println!("{verdict}");
        let score =
            verdict.split_whitespace().find_map(|word| word.parse::<f64>().ok()).expect("a score");
        assert!(score <= worst, "{unit}: exposure {score}, at most {worst}:\n{report}");
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
