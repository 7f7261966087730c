//! Real processes. Linux: what they run is a shell.
#![cfg(unix)]

use std::time::{Duration, Instant};

use tamer_model::{BatchId, CommandSpec, HostId, KeptOutput, Outcome, TaskEnd, TaskId, Timestamp};
use tokio::io::AsyncReadExt as _;
use tokio::sync::{mpsc, watch};

use super::*;

fn task() -> TaskId {
    TaskId::of_host(BatchId::from_bytes([1; 10]), HostId::from_bytes([2; 10]))
}

fn shell(text: &str) -> CommandSpec {
    CommandSpec { shell: true, grace_ms: 200, ..CommandSpec::new([text]) }
}

async fn run(spec: CommandSpec) -> (TaskEnd, KeptOutput) {
    let (_stop, stop) = watch::channel(None);
    run_with(spec, stop, watch::channel(None).1).await
}

async fn run_with(
    spec: CommandSpec,
    stop: watch::Receiver<Option<Stop>>,
    listener: watch::Receiver<Option<mpsc::Sender<Chunk>>>,
) -> (TaskEnd, KeptOutput) {
    match launch(&spec, &task().to_string()) {
        Err(error) => (error.end(), KeptOutput::default()),
        Ok(running) => {
            let at = Timestamp::from_millis(1);
            let live = LiveView::new(task(), listener);
            let mut output = Output::new(live, spec.output_limit as usize);
            let end = supervise(running, &spec, at, stop, &mut output).await;
            (end, output.into_kept())
        }
    }
}

#[track_caller]
fn failed(end: &TaskEnd, exit_code: Option<i32>, signal: Option<i32>) {
    assert_eq!(end.outcome, Outcome::Failed { exit_code, signal }, "{end:?}");
}

#[tokio::test]
async fn exit_codes_and_signals_are_told() {
    let (end, output) = run(shell("echo out; echo err >&2")).await;
    assert_eq!(end.outcome, Outcome::Succeeded);
    assert_eq!((&output.stdout.head[..], &output.stderr.head[..]), (&b"out\n"[..], &b"err\n"[..]));
    failed(&run(shell("exit 7")).await.0, Some(7), None);
    failed(&run(shell("kill -9 $$")).await.0, None, Some(9));
}

#[tokio::test]
async fn what_cannot_start_ends_as_in_a_shell() {
    for (spec, code, names) in [
        (CommandSpec::new(["/no/such/program"]), 127, "/no/such/program"),
        (CommandSpec::new(["no-such-program"]), 127, "no-such-program"),
        (CommandSpec::new(["/etc/passwd"]), 126, "/etc/passwd"),
        (
            CommandSpec { cwd: Some("/no/such".into()), ..CommandSpec::new(["true"]) },
            126,
            "/no/such",
        ),
        (CommandSpec { user: Some("nosuch".into()), ..CommandSpec::new(["true"]) }, 126, "nosuch"),
    ] {
        let (end, _) = run(spec).await;
        failed(&end, Some(code), None);
        assert!(end.reason.as_ref().is_some_and(|reason| reason.contains(names)), "{end:?}");
        assert_eq!(end.started_at, None);
    }
}

#[tokio::test]
async fn the_environment_is_clean() {
    let spec = CommandSpec {
        env: [("MINE".to_owned(), "a b".to_owned())].into(),
        cwd: Some("/".into()),
        ..shell("echo $MINE; pwd; echo ${CARGO_MANIFEST_DIR-none}; echo $TAMER_TASK; echo $HOME")
    };
    let (_, output) = run(spec).await;
    let text = String::from_utf8_lossy(&output.stdout.head).into_owned();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["a b", "/", "none"]);
    assert_eq!(lines[3], task().to_string());
    assert!(!lines[4].is_empty());
}

#[tokio::test]
async fn binary_output_is_unchanged() {
    let (_, output) = run(shell(r"printf '\000\377\012\200'")).await;
    assert_eq!(output.stdout.head, [0, 255, 10, 128]);
}

#[tokio::test]
async fn a_command_that_ignores_term_is_killed_with_its_group() {
    let before = Instant::now();
    let spec = CommandSpec {
        timeout_ms: Some(300),
        ..shell("trap '' TERM; echo $$; sleep 1000 & while :; do sleep 0.02; done")
    };
    let (end, output) = run(spec).await;
    assert_eq!(end.outcome, Outcome::TimedOut);
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    let group: i32 = String::from_utf8_lossy(&output.stdout.head).trim().parse().expect("a pid");
    until_gone(group).await;
}

#[tokio::test]
async fn a_cancel_ends_a_command_at_its_term() {
    let (stop_in, stop) = watch::channel(None);
    let before = Instant::now();
    stop_in.send_replace(Some(Stop::Cancelled));
    let spec = CommandSpec { grace_ms: 60_000, ..shell("sleep 1000") };
    let (end, _) = run_with(spec, stop, watch::channel(None).1).await;
    assert_eq!(end.outcome, Outcome::Cancelled);
    assert!(before.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_daemon_does_not_hold_the_task() {
    let before = Instant::now();
    let (end, output) = run(shell("echo begin; sleep 30 & echo $!")).await;
    assert_eq!(end.outcome, Outcome::Succeeded);
    assert!(end.reason.is_some(), "{end:?}");
    assert!(before.elapsed() < Duration::from_secs(10));
    let text = String::from_utf8_lossy(&output.stdout.head).into_owned();
    let daemon = text.lines().nth(1).and_then(|pid| pid.parse().ok()).expect("a pid");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(daemon), nix::sys::signal::Signal::SIGKILL)
        .expect("the daemon lives on");
}

#[tokio::test]
async fn a_flood_is_bounded_live_and_kept() {
    let (listener_in, mut chunks) = mpsc::channel(1024);
    let (_stop, stop) = watch::channel(None);
    let spec =
        CommandSpec { timeout_ms: Some(700), output_limit: 1000, ..CommandSpec::new(["yes"]) };
    let (end, output) = run_with(spec, stop, watch::channel(Some(listener_in)).1).await;
    assert_eq!(end.outcome, Outcome::TimedOut);
    assert_eq!(output.stdout.head.len() + output.stdout.tail.len(), 1000);
    assert!(output.stdout.total > 1_000_000, "{}", output.stdout.total);
    let (mut live, mut next) = (0, 0);
    while let Some(chunk) = chunks.recv().await {
        assert!(chunk.offset >= next && chunk.data.len() <= LIVE_CHUNK);
        next = chunk.offset + chunk.data.len() as u64;
        live += chunk.data.len();
    }
    // A second's allowance saved up, and what was earned while it ran.
    assert!((1..=1024 * 1024).contains(&live), "{live}");
}

#[tokio::test]
async fn output_appears_while_the_command_runs() {
    let (listener_in, mut chunks) = mpsc::channel(16);
    let (stop_in, stop) = watch::channel(None);
    let listener = watch::channel(Some(listener_in)).1;
    let running = tokio::spawn(run_with(shell("echo now; sleep 1000"), stop, listener));
    let chunk = chunks.recv().await.expect("a chunk");
    assert_eq!((chunk.offset, &chunk.data[..]), (0, &b"now\n"[..]));
    stop_in.send_replace(Some(Stop::AgentStops));
    let (end, _) = running.await.expect("ended");
    assert_eq!(end.outcome, Outcome::Interrupted);
}

#[tokio::test]
async fn leftovers_are_found_by_process_and_by_marker() {
    for by_process in [true, false] {
        let marker = format!("leftover-{by_process}-{}", std::process::id());
        let spec = shell("trap '' TERM; echo deaf; while :; do sleep 0.02; done");
        let mut running = launch(&spec, &marker).expect("started");
        // Before its trap is set, a TERM would end it, and nothing would be left to kill.
        let mut said = [0; 5];
        running.spawned.stdout.read_exact(&mut said).await.expect("the trap is set");
        let process = running.process.clone();
        let known = by_process.then_some(&process);
        let other = journal_mark(&process);
        assert!(!crate::platform::end_leftovers(Some(&other), "no-such", Duration::ZERO).await);
        assert!(crate::platform::end_leftovers(known, &marker, Duration::from_millis(50)).await);
        running.spawned.child.ended().await;
        let ended = running.spawned.child.reap().expect("ended");
        assert_eq!(crate::platform::exit_of(ended.status), (None, Some(9)));
    }
}

#[tokio::test]
async fn processor_time_is_told_with_that_of_grandchildren() {
    // Each burns until it has had 200 ms of a processor, however busy the machine is.
    let burn = "t=0; while [ $t -lt 20 ]; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; \
                read -r stat < /proc/self/stat; set -- ${stat##*) }; t=$((${12}+${13})); done";
    let (end, _) = run(shell(burn)).await;
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?}");
    let one = end.usage.expect("known").cpu_ms;
    assert!((190..2_000).contains(&one), "{one}");
    // The shells are grandchildren of the agent, and each waits for its own.
    let (end, _) = run(shell(&format!("({burn}); (sh -c '{burn}')"))).await;
    let two = end.usage.expect("known").cpu_ms;
    assert!((380..4_000).contains(&two), "{two}");
    let (end, _) = run(CommandSpec::new(["true"])).await;
    assert!(end.usage.expect("known").cpu_ms < 100, "{end:?}");
}

#[tokio::test]
async fn memory_is_the_commands_or_not_told() {
    const MIB: u64 = 1024 * 1024;
    // dd has the block it copies resident, in a grandchild.
    for (mib, command) in [(300, "dd"), (400, "sh -c 'dd \"$@\"; true' sh")] {
        let block = format!("{command} if=/dev/zero of=/dev/null bs={mib}M count=1 2>&1; true");
        let usage = run(shell(&block)).await.0.usage.expect("known");
        let memory = usage.max_memory_bytes.expect("more than a test has");
        assert!((mib * MIB..(mib + 40) * MIB).contains(&memory), "{memory}");
    }
    // What it is told of is the memory of whoever started it.
    let usage = run(CommandSpec::new(["true"])).await.0.usage.expect("known");
    assert_eq!(usage.max_memory_bytes, None);
}

#[tokio::test]
async fn a_command_that_is_dropped_dies_with_its_group_and_is_reaped() {
    let mut running = launch(&shell("sleep 1000 & echo; wait"), "dropped").expect("started");
    let group = running.process.pid.cast_signed();
    running.spawned.stdout.read_exact(&mut [0]).await.expect("both run");
    drop(running);
    until_gone(group).await;
    let limit = Instant::now() + Duration::from_secs(10);
    while std::path::Path::new(&format!("/proc/{group}")).exists() {
        assert!(Instant::now() < limit, "the process {group} was not reaped");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn many_commands_that_end_at_once_have_each_their_own_end() {
    let runs = (0..40).map(|number| run(shell(&format!("exit {number}"))));
    for (number, (end, _)) in (0..).zip(futures_util::future::join_all(runs).await) {
        assert_eq!(end.outcome.exit_code(), Some(number), "{end:?}");
    }
    // A signal without a name is an end like any other.
    let (end, _) = run(shell("kill -40 $$")).await;
    failed(&end, None, Some(40));
}

/// The same number, another process.
fn journal_mark(process: &crate::journal::ProcessMark) -> crate::journal::ProcessMark {
    crate::journal::ProcessMark { pid: process.pid, started: "another".to_owned() }
}

/// Waits until a group has no member; its leader was reaped, so the others go to init.
async fn until_gone(group: i32) {
    let group = nix::unistd::Pid::from_raw(group);
    let limit = Instant::now() + Duration::from_secs(10);
    while alive(group.as_raw()) {
        assert!(Instant::now() < limit, "the group {group} lives");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process of the group is neither gone nor a zombie.
fn alive(group: i32) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc");
    processes.filter_map(Result::ok).any(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        fields.first() != Some(&"Z") && fields.get(2) == Some(&group.to_string().as_str())
    })
}
