//! The engine dies under load, and comes back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tamer_peers::docker::Docker;
use tamer_peers::image::BUSYBOX;
use tamer_tests::{Ctl, Ended, until};

use crate::containers::IDLER;
use crate::scene::{OneHost, SOON, available, docker_says, done, list};

const CONTAINERS: usize = 20;
/// The promise.
const TOLD: Duration = Duration::from_secs(5);
/// A dockerd with twenty containers starts, and the agent finds it.
const BACK: Duration = Duration::from_secs(60);

/// Whether everything holds what was promised.
pub fn and_comes_back() {
    let mut scene = OneHost::start();
    let OneHost { ctl, agent, docker, .. } = &mut scene;
    // Its technology is killed: that is worth a warning.
    agent.process.announce("docker");
    let pid = agent.process.pid();
    let ctl = &*ctl;
    create(ctl);

    let load = Load::default();
    thread::scope(|scope| {
        // Also when a look panics: the scope waits for its threads.
        let _end = End(&load.over);
        scope.spawn(|| load.act(ctl));
        scope.spawn(|| load.enter(ctl));
        load.goes_on("before the kill");
        let refused = [&load.refused, &load.missed].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(refused, [0, 0], "nothing is refused while the engine is there");

        let killed = Instant::now();
        docker.kill().expect("killed");
        let told = available(ctl, "one", "docker", false, TOLD);
        assert_eq!(told["problem"]["code"], "provider-unavailable", "{told:#}");
        until("every instance is stale", TOLD.saturating_sub(killed.elapsed()), || {
            let all = list(ctl, &[]);
            match all.iter().filter(|one| one["stale"] == true).count() {
                CONTAINERS => Ok(()),
                count => Err(format!("{count} of {}", all.len())),
            }
        });
        println!("told after {:?}", killed.elapsed());

        docker.start_again().expect("started again");
        let started = Instant::now();
        available(ctl, "one", "docker", true, BACK);
        println!("back {:?} after the engine", started.elapsed());
        load.goes_on("after the start");
    });
    println!("{load:?}");

    until("the fleet knows what the engine has", SOON, || {
        let (fleet, engine) = (known(ctl), held(docker));
        if fleet == engine { Ok(()) } else { Err(format!("{fleet:#?}\nis not\n{engine:#?}")) }
    });
    assert_eq!(held(docker).len(), CONTAINERS, "none was lost, none came twice");
    assert!(agent.process.poll().is_none() && agent.process.pid() == pid, "the same process");
}

fn create(ctl: &Ctl) {
    thread::scope(|scope| {
        for worker in 0..2 {
            scope.spawn(move || {
                for number in (worker..CONTAINERS).step_by(2) {
                    let name = format!("c-{number:02}");
                    let place = ["create", "--provider=docker", "--host=one", "--image", BUSYBOX];
                    done(ctl, &[&place[..], &["--name", &name, "--", "sh", "-c", IDLER]].concat());
                }
            });
        }
    });
    until("all of them run", SOON, || {
        let states: Vec<_> = list(ctl, &[]).iter().map(|one| one["state"].clone()).collect();
        match states.len() == CONTAINERS && states.iter().all(|state| state == "running") {
            true => Ok(()),
            false => Err(format!("{states:?}")),
        }
    });
}

/// What the fleet knows: name and state by id.
fn known(ctl: &Ctl) -> BTreeMap<String, (String, String)> {
    let all = list(ctl, &[]);
    let rows = all.iter().map(|one| {
        let text = |key: &str| one[key].as_str().unwrap_or("?").to_owned();
        let state = if one["stale"] == true { "stale".to_owned() } else { text("state") };
        (text("native"), (text("name"), state))
    });
    let count = all.len();
    let known: BTreeMap<_, _> = rows.collect();
    assert_eq!(known.len(), count, "one came twice: {all:#?}");
    known
}

/// What the engine has, in the same words.
fn held(docker: &Docker) -> BTreeMap<String, (String, String)> {
    let format = "{{.ID}} {{.Names}} {{.State}}";
    let told = docker_says(docker, &["ps", "-a", "--no-trunc", "--format", format]);
    let row = |line: &str| {
        let parts: Vec<&str> = line.split(' ').collect();
        let [id, name, state] = parts[..] else { panic!("{line:?}") };
        let state = if state == "exited" { "stopped" } else { state };
        (id.to_owned(), (name.to_owned(), state.to_owned()))
    };
    told.lines().map(row).collect()
}

/// People who act while the engine dies.
#[derive(Debug, Default)]
struct Load {
    over: AtomicBool,
    /// Deeds that were done, and that were refused with a reason.
    acted: AtomicU32,
    refused: AtomicU32,
    entered: AtomicU32,
    missed: AtomicU32,
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Load {
    /// Stops and starts half of them.
    fn act(&self, ctl: &Ctl) {
        for verb in [&["stop", "--grace=5s"][..], &["start"]].into_iter().cycle() {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let ended = ctl.run(&[&["instance"], verb, &["--name", "c-0*"]].concat());
            self.count(&ended, 1, &self.acted, &self.refused);
        }
    }

    /// Runs a command in the others.
    fn enter(&self, ctl: &Ctl) {
        for number in (10..CONTAINERS).cycle() {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let ended =
                ctl.run(&["instance", "exec", &format!("c-{number}"), "--", "echo", "here"]);
            assert!(ended.code() != 0 || ended.text() == "here\n", "{ended:?}");
            self.count(&ended, 1, &self.entered, &self.missed);
        }
    }

    /// It is done, or it is refused in order: never a panic, never silence.
    fn count(&self, ended: &Ended, refusal: i32, done: &AtomicU32, refused: &AtomicU32) {
        match ended.code() {
            0 => done.fetch_add(1, Ordering::Relaxed),
            code if code == refusal => refused.fetch_add(1, Ordering::Relaxed),
            _ => panic!("neither done nor refused: {ended:#?}"),
        };
    }

    /// Waits until both do something again.
    #[track_caller]
    fn goes_on(&self, when: &str) {
        let counts = || [&self.acted, &self.entered].map(|count| count.load(Ordering::Relaxed));
        let begun = counts();
        until(&format!("the load goes on {when}"), BACK, || match counts() {
            [acted, entered] if acted > begun[0] + 1 && entered > begun[1] + 1 => Ok(()),
            _ => Err(format!("{self:?}")),
        });
    }
}
