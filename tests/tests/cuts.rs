//! Cuts: a host's cable is pulled for thirty seconds and put back.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "figures for whoever reads the log of a run")]

use std::fs;
use std::time::{Duration, Instant};

use tamer_tests::{Agent, AgentSettings, Coordinator, CoordinatorSettings, Lab, until};

const AGENTS: usize = 4;
/// The promise, and the time that one look takes.
const LOST: Duration = Duration::from_millis(10_000 + 500);
const CUT: Duration = Duration::from_secs(30);
const BACK: Duration = Duration::from_secs(30);

#[test]
fn a_cut_of_thirty_seconds_harms_nothing() {
    let lab = Lab::new(AGENTS + 1);
    let folder = tempfile::tempdir().expect("a folder");
    let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), folder.path()));
    let ctl = coordinator.ctl();
    let token = ctl.token(AGENTS);
    let _agents: Vec<Agent> = (1..=AGENTS)
        .map(|number| {
            let name = format!("host{number}");
            let settings = AgentSettings::on(lab.place(number), folder.path(), &name, &token);
            let mut agent = Agent::start(settings);
            if number == 1 {
                agent.process.announce("no session: ");
            }
            agent
        })
        .collect();
    ctl.all_ready(AGENTS, Duration::from_secs(20));

    let effects = folder.path().join("effects");
    let script = format!(
        "echo $TAMER_TASK start >> {file}; echo begun; sleep 15; echo done; echo $TAMER_TASK end >> {file}",
        file = effects.display()
    );
    let batch = ctl.json(&["run", "--detach", "--", "sh", "-c", &script]);
    let id = batch["batch"].as_str().expect("an id").to_owned();
    let lines = || fs::read_to_string(&effects).unwrap_or_default();
    until("every command runs", Duration::from_secs(10), || match lines().lines().count() {
        AGENTS => Ok(()),
        count => Err(format!("{count} started")),
    });

    lab.unplug(1);
    let cut = Instant::now();
    until("host1 is lost", LOST, || {
        let hosts = ctl.hosts();
        let others_ready = hosts.iter().all(|(name, state)| name == "host1" || state == "ready");
        assert!(others_ready, "only host1 was cut off: {hosts:?}");
        if hosts["host1"] == "lost" { Ok(()) } else { Err(format!("{hosts:?}")) }
    });
    println!("lost after {:?}", cut.elapsed());
    until("the time is over", CUT + Duration::from_secs(1), || match cut.elapsed() >= CUT {
        true => Ok(()),
        false => Err("not yet".to_owned()),
    });
    // The command ended meanwhile, and nobody could be told.
    let (batch, _) = ctl.json_code(&["batch", "show", &id]);
    assert_eq!(batch["state"], "running", "{batch:#}");

    lab.plug(1);
    let plugged = Instant::now();
    ctl.all_ready(AGENTS, BACK);
    println!("ready again after {:?}", plugged.elapsed());
    let batch = until("the batch ends", Duration::from_secs(10), || {
        let (batch, _) = ctl.json_code(&["batch", "show", &id]);
        if batch["state"] == "running" { Err(format!("{batch:#}")) } else { Ok(batch) }
    });
    assert_eq!(batch["state"], "succeeded", "{batch:#}");
    for task in batch["tasks"].as_array().expect("tasks") {
        assert_eq!(task["stdout"], "begun\ndone\n", "{task:#}");
    }
    let lines = lines();
    let mut seen: Vec<&str> = lines.lines().collect();
    seen.sort_unstable();
    let all = seen.len();
    seen.dedup();
    assert_eq!((all, seen.len()), (2 * AGENTS, 2 * AGENTS), "each began and ended once:\n{lines}");
}
