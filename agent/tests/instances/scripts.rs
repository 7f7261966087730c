//! Scripts, with and without their interpreters, and what is left of one whose agent was killed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tamer_model::{Code, CommandSpec, Outcome, ScriptSpec, TaskEnd, Work};

use crate::contents::{skipped, task};
use crate::coordinator::{Coordinator, Host, LIMIT};

fn script(coordinator: &Coordinator, text: &str, arguments: &[&str]) -> ScriptSpec {
    let argv = ["deploy.sh"].iter().chain(arguments).copied();
    ScriptSpec {
        content: coordinator.contents.hold(text.as_bytes()),
        name: "deploy.sh".to_owned(),
        interpreter: Vec::new(),
        command: CommandSpec { grace_ms: 200, ..CommandSpec::new(argv) },
    }
}

async fn run(coordinator: &Coordinator, number: u8, spec: ScriptSpec) -> (TaskEnd, String) {
    let (end, output) = coordinator.run(task(number), Work::Script(spec)).await;
    (end, String::from_utf8(output.stdout.head).expect("text"))
}

#[tokio::test]
async fn a_script_travels_once_and_is_run_by_its_interpreter() {
    let host = Host::start(0, 3).await;
    let coordinator = &host.coordinator;
    let text = "#!/bin/sh -u\necho $# \"$2\" $MINE; pwd; echo $0; stat -c %a $0\n";
    let mut spec = script(coordinator, text, &["a", "b c"]);
    spec.command.env.insert("MINE".to_owned(), "mine".to_owned());
    spec.command.cwd = Some("/".to_owned());
    for number in 1..4 {
        let (end, text) = run(coordinator, number, spec.clone()).await;
        assert_eq!(end.outcome, Outcome::Succeeded, "{end:?} {text}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..2], ["2 b c mine", "/"]);
        assert!(lines[2].ends_with("/deploy.sh") && !Path::new(lines[2]).exists(), "{text}");
        assert_eq!(lines[3], "700");
    }
    assert_eq!(coordinator.contents.asked(), [0], "it came once");

    let named = ScriptSpec {
        interpreter: vec!["/bin/sh".to_owned(), "-e".to_owned()],
        ..script(coordinator, "false\necho not here\n", &[])
    };
    let (end, text) = run(coordinator, 5, named).await;
    assert_eq!(end.outcome, Outcome::Failed { exit_code: Some(1), signal: None });
    assert_eq!(text, "");
}

#[tokio::test]
async fn a_script_without_an_interpreter_fails_and_says_which_was_looked_for() {
    let host = Host::start(0, 3).await;
    let coordinator = &host.coordinator;
    for (number, (text, code, names)) in (1..).zip([
        ("echo hello\n", Code::InvalidField, "deploy.sh names no interpreter"),
        ("#!/opt/no/such -x\n", Code::NotFound, "\"/opt/no/such\""),
        ("#!/usr/bin/env no-such-python3\n", Code::NotFound, "\"no-such-python3\""),
    ]) {
        let (end, _) = run(coordinator, number, script(coordinator, text, &[])).await;
        assert_eq!(end.outcome, Outcome::Failed { exit_code: None, signal: None });
        let problem = end.problem.expect("a problem");
        assert_eq!(problem.code, code, "{problem}");
        assert!(problem.message.contains(names), "{problem}");
        assert!(problem.remedy.is_some_and(|remedy| remedy.contains("--interpreter")));
    }
    let mut spec = script(coordinator, "#!/bin/sh\nsleep 1000\n", &[]);
    spec.command.timeout_ms = Some(300);
    assert_eq!(run(coordinator, 9, spec).await.0.outcome, Outcome::TimedOut);
}

#[tokio::test]
async fn another_user_can_read_its_script_and_nobody_else() {
    if !nix::unistd::Uid::effective().is_root() {
        skipped("only root runs a script as another user");
        return;
    }
    let host = Host::start(0, 3).await;
    let text = "#!/bin/sh\nid -un; stat -c '%U %a' $0 $(dirname $0); echo $0\n";
    let mut spec = script(&host.coordinator, text, &[]);
    spec.command.user = Some("nobody".to_owned());
    let (end, text) = run(&host.coordinator, 1, spec).await;
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?} {text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["nobody", "nobody 700", "nobody 700"]);
    let folder = Path::new(lines[3]).parent().expect("a folder");
    assert!(!folder.exists(), "{}", folder.display());
}

/// The program itself, which can be killed.
struct Program(Child);

impl Program {
    fn start(variables: &[(String, String)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tamer-agent"));
        command.arg("run").envs(variables.iter().cloned());
        Self(command.stdin(Stdio::null()).spawn().expect("started"))
    }

    fn kill(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("waited for");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a file once it has a whole line.
async fn line_of(path: &Path) -> String {
    let begin = Instant::now();
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => assert!(begin.elapsed() < LIMIT, "{} is not written", path.display()),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_gone(pid: &str) {
    let begin = Instant::now();
    let state = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    while !state().is_empty() && !state().contains(") Z ") {
        assert!(begin.elapsed() < LIMIT, "{pid} lives: {}", state());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// As a step of a sequence, whose process the journal must know whichever it is.
#[tokio::test]
async fn what_a_killed_agent_left_of_a_script_is_ended_and_told() {
    let (data, temp) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("one"));
    let (coordinator, variables) = Coordinator::serve(data.path(), 3).await;
    let program = Program::start(&variables);
    coordinator.beats(1).await;
    let pid = temp.path().join("pid");
    let text = format!("#!/bin/sh\necho $$ > {}\nexec sleep 1000\n", pid.display());
    let first = CommandSpec::new(["true"]);
    let steps = vec![Work::Command(first), Work::Script(script(&coordinator, &text, &[]))];
    coordinator.start(task(1), Work::Sequence(steps)).await;
    let pid = line_of(&pid).await;
    assert_eq!(fs::read_dir(data.path().join("scripts")).expect("a folder").count(), 1);
    program.kill();
    let _program = Program::start(&variables);
    let (end, _) = coordinator.end(task(1)).await;
    assert_eq!(end.outcome, Outcome::Interrupted, "{end:?}");
    let reason = "the agent was restarted in step 2 while it ran; what was left of it was ended";
    assert_eq!(end.reason.as_deref(), Some(reason));
    until_gone(&pid).await;
    assert!(!data.path().join("scripts").exists(), "its file is gone too");
}

#[tokio::test]
async fn a_push_of_a_killed_agent_is_interrupted_and_goes_on_in_another_attempt() {
    let (data, temp) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("one"));
    let (coordinator, variables) = Coordinator::serve(data.path(), 3).await;
    let program = Program::start(&variables);
    coordinator.beats(1).await;
    let bytes = crate::contents::bytes(4 << 20);
    let path = temp.path().join("file");
    let push = Work::Push(tamer_model::PushFile {
        content: coordinator.contents.hold(&bytes),
        path: path.display().to_string(),
        mode: None,
        owner: None,
        folders: false,
        timeout_ms: None,
    });
    coordinator.contents.stall(Some(1 << 20));
    coordinator.start(task(1), push.clone()).await;
    let begin = Instant::now();
    let came = || {
        let sizes = fs::read_dir(temp.path()).expect("a folder");
        sizes.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).max().unwrap_or(0)
    };
    while came() == 0 {
        assert!(begin.elapsed() < LIMIT, "nothing came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    program.kill();
    coordinator.contents.stall(None);
    let _program = Program::start(&variables);
    let (end, _) = coordinator.end(task(1)).await;
    assert_eq!(end.outcome, Outcome::Interrupted, "{end:?}");
    assert!(!path.exists());
    let (end, _) = coordinator.run(task(1).attempt(1), push).await;
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?}");
    assert_eq!(fs::read(&path).expect("read"), bytes);
    let asked = coordinator.contents.asked();
    assert!(matches!(asked[..], [0, from] if from > 0), "{asked:?}");
    assert_eq!(fs::read_dir(temp.path()).expect("a folder").count(), 1);
}
