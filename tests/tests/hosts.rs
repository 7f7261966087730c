//! Real hosts: agents that hold nothing but a token find their coordinator on the network.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a figure for whoever reads the log")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tamer_tests::{
    Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Lab, Place, Process, peer,
};

const AGENTS: usize = 4;
const JOINED: Duration = Duration::from_secs(5);

#[test]
fn agents_with_only_a_token_are_ready_within_five_seconds() {
    let lab = Lab::new(AGENTS + 1);
    let folder = tempfile::tempdir().expect("a folder");
    let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), folder.path()));
    let ctl = coordinator.ctl();
    let _agents = join(&lab, &ctl, folder.path());

    let batch = ctl.json(&["run", "--", "uname", "-a"]);
    assert_eq!(batch["state"], "succeeded", "{batch:#}");
    assert_eq!(batch["tasks"].as_array().map(Vec::len), Some(AGENTS), "{batch:#}");
    // Each was reached where it lives, not where another one does.
    let hosts = ctl.json(&["host", "ls"]);
    for number in 1..=AGENTS {
        let host = hosts.as_array().expect("a list").iter().find(|h| h["name"] == name(number));
        let addresses = &host.expect("the host")["addresses"];
        let own = |text: &serde_json::Value| {
            text.as_str().is_some_and(|t| t.starts_with(&lab.address(number)))
        };
        assert!(addresses.as_array().is_some_and(|all| all.iter().any(own)), "{hosts:#}");
    }
}

/// avahi shares no code with ours.
#[test]
fn a_foreign_implementation_sees_the_service() {
    let lab = Lab::new(2);
    let folder = tempfile::tempdir().expect("a folder");
    let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), folder.path()));
    let fleet = coordinator.ctl().json(&["status"]);

    let seen = avahi_browse(&lab.place(1));
    // =;eth0;IPv4;NAME;_tamer._tcp;local;HOST.local;10.77.0.1;8443;"txt" "txt"
    let resolved = |address: &str| {
        seen.lines().any(|line| {
            let fields: Vec<&str> = line.split(';').collect();
            fields.first() == Some(&"=")
                && fields.get(4) == Some(&"_tamer._tcp")
                && fields.get(7).is_some_and(|field| field.starts_with(address))
                && fields.get(8) == Some(&"8443")
        })
    };
    assert!(resolved(&lab.address(0)), "no IPv4 answer:\n{seen}");
    assert!(resolved("fe80:"), "no IPv6 answer:\n{seen}");
    let id = fleet["fleet"].as_str().expect("the fleet's id");
    assert!(seen.contains(id), "the TXT record tells fleet {id}:\n{seen}");
}

/// Discovery finds an address; the fingerprint in the token decides. The rogues are there first,
/// and there are more of them.
#[test]
fn a_louder_rogue_gets_nobody() {
    let rogues = 2;
    let lab = Lab::new(AGENTS + 1 + rogues);
    let folder = tempfile::tempdir().expect("a folder");
    let rogue = |number: usize| {
        let data = folder.path().join(format!("rogue{number}"));
        Coordinator::start(CoordinatorSettings::on(lab.place(AGENTS + number), &data))
    };
    let mut rogues: Vec<Coordinator> = (1..=rogues).map(rogue).collect();
    let coordinator = Coordinator::start(CoordinatorSettings::on(lab.place(0), folder.path()));
    let _agents = join(&lab, &coordinator.ctl(), folder.path());

    for rogue in &mut rogues {
        // An agent that looked at its certificate and left is worth a warning.
        rogue.process.announce("refused");
        let hosts = rogue.ctl().json(&["host", "ls"]);
        assert_eq!(hosts.as_array().map(Vec::len), Some(0), "the rogue has {hosts:#}");
    }
}

fn name(number: usize) -> String {
    format!("host{number}")
}

/// Starts an agent on each host but the first, and waits until all are ready.
fn join(lab: &Lab, ctl: &Ctl, folder: &Path) -> Vec<Agent> {
    let token = ctl.token(AGENTS);
    let begun = Instant::now();
    let start = |number| {
        let settings = AgentSettings::on(lab.place(number), folder, &name(number), &token);
        let mut agent = Agent::start(settings);
        agent.process.announce("ca-mismatch");
        agent.process.announce("skipped: ");
        agent
    };
    let agents = (1..=AGENTS).map(start).collect();
    ctl.all_ready(AGENTS, JOINED);
    println!("{AGENTS} agents were ready after {:?}", begun.elapsed());
    agents
}

fn avahi_browse(place: &Place) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("browse.sh");
    fs::write(&script, include_str!("../avahi/browse.sh")).expect("the script");
    let mut command = place.command(&peer("unshare"));
    command
        .args(["--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh"])
        .arg(&script)
        .arg(peer("dbus-daemon"))
        .arg(peer("avahi-daemon"))
        .arg(peer("avahi-browse"));
    let ended = Process::tool("avahi", &mut command).finish(Duration::from_secs(60));
    assert!(ended.status.success(), "{ended:#?}");
    ended.text()
}
