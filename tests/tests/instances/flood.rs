//! A command that writes without end, and a reader that does not read.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tamer_peers::image::BUSYBOX;
use tamer_tests::bench::Process as Usage;
use tamer_tests::until;

use crate::containers::IDLER;
use crate::scene::{OneHost, SOON, becomes, done, inside};

/// How long it is watched, and how often.
const WATCHED: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(250);
/// What may be on its way when nobody reads: windows and pieces, not a stream.
const MOST: u64 = 16 << 20;
/// What the agent says about a command that was left.
const LEFT: &str = "nobody reads a command any more";
/// Another command meanwhile, on a busy machine.
const PROMPT: Duration = Duration::from_secs(5);

/// A process whose output nobody reads. It is killed when this value goes.
struct Unread(Child);

impl Unread {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().expect("tamerctl"))
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether it stays where it is.
pub fn stays_where_it_is() {
    let scene = OneHost::start();
    let OneHost { ctl, agent, coordinator, .. } = &scene;
    for name in ["flood", "other"] {
        let place = ["create", "--provider=docker", "--host=one", "--image", BUSYBOX, "--name"];
        done(ctl, &[&place[..], &[name, "--", "sh", "-c", IDLER]].concat());
        becomes(ctl, &format!("one/{name}"), "running", SOON);
    }

    let unread = Unread::start(&mut ctl.command(&["instance", "exec", "flood", "--", "yes"]));
    let writers = || {
        let told = inside(ctl, "flood", "ps -o pid,args");
        told.lines().filter(|line| line.trim().ends_with(" yes")).count()
    };
    until("it writes", SOON, || match writers() {
        1 => Ok(()),
        count => Err(format!("{count} of them")),
    });
    let used = || {
        [agent.process.pid(), coordinator.process.pid()]
            .map(|pid| Usage(pid).memory().expect("it runs"))
    };
    let written = || inside(ctl, "flood", "cat /proc/[0-9]*/stat | grep '(yes)'");
    let mut first = None;
    let begun = Instant::now();
    while begun.elapsed() < WATCHED {
        sleep(LOOK);
        let asked = Instant::now();
        assert_eq!(inside(ctl, "other", "echo here"), "here\n");
        assert!(asked.elapsed() < PROMPT, "another command took {:?}", asked.elapsed());
        assert_eq!(ctl.hosts()["one"], "ready");
        if begun.elapsed() < Duration::from_secs(1) {
            continue;
        }
        let now = used();
        let (from, _) = first.get_or_insert_with(|| (now, written()));
        for (name, from, now) in [("agent", from[0], now[0]), ("coordinator", from[1], now[1])] {
            assert!(now < from + MOST, "the {name} grew from {from} to {now} bytes");
        }
    }
    let (from, before) = first.expect("it was watched for more than a second");
    println!("agent and coordinator: {from:?} bytes, then {:?}", used());
    // Time on the processor, in hundredths of a second: who may not write does not run.
    let time = |stat: &str| -> u64 {
        let fields: Vec<u64> =
            stat.split(' ').skip(13).take(2).filter_map(|n| n.parse().ok()).collect();
        assert_eq!(fields.len(), 2, "{stat:?}");
        fields.iter().sum()
    };
    let ran = time(&written()) - time(&before);
    assert!(ran < 100, "nobody reads, and it ran {ran}0 ms");

    // Neither engine ends a command whose reader has gone: the agent says that it is left, and it
    // ends with its container.
    assert!(!agent.process.stderr().contains(LEFT));
    drop(unread);
    agent.process.logged(LEFT, SOON);
    done(ctl, &["restart", "--grace=5s", "flood"]);
    until("it ends with its container", SOON, || match writers() {
        0 => Ok(()),
        count => Err(format!("{count} of them")),
    });
}
