//! Sequences, and commands in instances.

use std::fs;

use tamer_model::{
    Code, CommandSpec, ExecSpec, InstanceAction, InstanceExec, InstanceOrder, InstanceRef,
    InstanceState, NativeId, Outcome, PushFile, Work,
};
use tamer_proto::wire;
use tamer_proto::wire::coordinator_message::Message;
use tamer_provider::Provider as _;

use crate::contents::task;
use crate::coordinator::Host;

fn shell(text: &str) -> Work {
    Work::Command(CommandSpec { shell: true, ..CommandSpec::new([text]) })
}

fn instance(id: &NativeId) -> InstanceRef {
    InstanceRef { provider: "fake".parse().expect("a name"), native: id.clone() }
}

fn exec(id: &NativeId, argv: &[&str], timeout_ms: Option<u64>) -> Work {
    let spec = ExecSpec::new(argv.iter().copied());
    let exec = InstanceExec { spec, timeout_ms, output_limit: 100 };
    Work::Exec { instance: instance(id), exec }
}

/// A host, and its one instance, which runs.
async fn host() -> (Host, NativeId) {
    let host = Host::start(1, 3).await;
    let id = host.fake.list().await.expect("a list")[0].native.clone();
    (host, id)
}

#[tokio::test]
async fn steps_are_done_in_turn_and_their_output_is_one() {
    let (host, _) = host().await;
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("file");
    let content = host.coordinator.contents.hold(b"pushed\n");
    let push = PushFile {
        content,
        path: path.display().to_string(),
        mode: None,
        owner: None,
        folders: false,
        timeout_ms: None,
    };
    let steps = vec![
        shell("echo one; echo err >&2"),
        Work::Push(push),
        shell(&format!("cat {}; echo $TAMER_TASK", path.display())),
    ];
    let (end, output) = host.coordinator.run(task(1), Work::Sequence(steps)).await;
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?}");
    let text = String::from_utf8(output.stdout.head).expect("text");
    let written = format!("{}: written, 7 bytes", path.display());
    let marker = format!("{}:3", task(1));
    assert_eq!(text.lines().collect::<Vec<_>>(), ["one", &written, "pushed", &marker]);
    assert_eq!(output.stderr.head, b"err\n");
    assert!(end.usage.is_some() && end.duration_ms.is_some() && end.started_at.is_some());
}

#[tokio::test]
async fn the_first_step_that_fails_ends_a_sequence_and_is_named() {
    let (host, _) = host().await;
    let temp = tempfile::tempdir().expect("a folder");
    let never = temp.path().join("never");
    let steps = vec![shell("true"), shell("exit 7"), shell(&format!("touch {}", never.display()))];
    let (end, _) = host.coordinator.run(task(1), Work::Sequence(steps)).await;
    assert_eq!(end.outcome, Outcome::Failed { exit_code: Some(7), signal: None });
    assert_eq!(end.reason.as_deref(), Some("step 2 of 3 (exit 7): it exited with 7"));
    assert!(!never.exists());

    let lost = PushFile {
        content: host.coordinator.contents.hold(b"x"),
        path: temp.path().join("no/x").display().to_string(),
        mode: None,
        owner: None,
        folders: false,
        timeout_ms: None,
    };
    let begins = format!("step 1 of 1 (push {}): there is no folder", lost.path);
    let (end, _) = host.coordinator.run(task(2), Work::Sequence(vec![Work::Push(lost)])).await;
    assert!(end.reason.is_some_and(|reason| reason.starts_with(&begins)));
    assert_eq!(end.problem.map(|problem| problem.code), Some(Code::NotFound));
}

#[tokio::test]
async fn a_cancel_ends_the_step_that_runs_and_those_to_come() {
    let (host, _) = host().await;
    let temp = tempfile::tempdir().expect("a folder");
    let (began, never) = (temp.path().join("began"), temp.path().join("never"));
    let steps = vec![
        shell("true"),
        shell(&format!("touch {}; exec sleep 1000", began.display())),
        shell(&format!("touch {}", never.display())),
    ];
    host.coordinator.start(task(1), Work::Sequence(steps)).await;
    let begin = std::time::Instant::now();
    while !began.exists() {
        assert!(begin.elapsed() < crate::coordinator::LIMIT, "step 2 does not begin");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let cancel = wire::CancelTask { task: Some(task(1).into()) };
    host.coordinator.say(Message::CancelTask(cancel)).await;
    let (end, _) = host.coordinator.end(task(1)).await;
    assert_eq!(end.outcome, Outcome::Cancelled);
    assert!(end.reason.is_some_and(|reason| reason.starts_with("step 2 of 3 (touch")));
    assert!(!never.exists());
    assert_eq!(fs::read_dir(temp.path()).expect("a folder").count(), 1);
}

#[tokio::test]
async fn a_command_in_an_instance_has_its_output_and_its_code() {
    let (host, id) = host().await;
    let coordinator = &host.coordinator;
    let (end, output) = coordinator.run(task(1), exec(&id, &["print", "out", "err"], None)).await;
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?}");
    assert_eq!(
        (&output.stdout.head[..], &output.stderr.head[..]),
        (&b"out"[..], &b"err"[..]),
        "{output:?}"
    );
    assert!(end.started_at.is_some() && end.duration_ms.is_some());
    let (end, _) = coordinator.run(task(2), exec(&id, &["exit", "3"], None)).await;
    assert_eq!(end.outcome, Outcome::Failed { exit_code: Some(3), signal: None });
    let (end, output) = coordinator.run(task(3), exec(&id, &["flood", "100000"], None)).await;
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?}");
    assert_eq!(output.stdout.total, 100_000);
    assert_eq!(output.stdout.head.len() + output.stdout.tail.len(), 100);
    let nobody = "nobody".parse().expect("an id");
    let (end, _) = coordinator.run(task(4), exec(&nobody, &["exit", "0"], None)).await;
    assert_eq!(end.problem.map(|problem| problem.code), Some(Code::NotFound));
}

#[tokio::test]
async fn a_command_in_an_instance_is_given_up_in_time_or_when_it_is_cancelled() {
    let (host, id) = host().await;
    let coordinator = &host.coordinator;
    let (end, _) = coordinator.run(task(1), exec(&id, &["sleep", "1000"], Some(50))).await;
    assert_eq!(end.outcome, Outcome::TimedOut);
    let reason = "its time of 50ms was over while the command ran in the instance; where its \
                  technology does not end it, it goes on";
    assert_eq!(end.reason.as_deref(), Some(reason));
    coordinator.start(task(2), exec(&id, &["sleep", "1000"], None)).await;
    coordinator.begun(task(2)).await;
    let cancel = wire::CancelTask { task: Some(task(2).into()) };
    coordinator.say(Message::CancelTask(cancel)).await;
    assert_eq!(coordinator.end(task(2)).await.0.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn steps_on_an_instance_mix_orders_and_commands() {
    let (host, id) = host().await;
    let pause = |action| Work::Instance(InstanceOrder::Act { instance: instance(&id), action });
    let steps = vec![
        exec(&id, &["print", "a\n", ""], None),
        pause(InstanceAction::Pause),
        pause(InstanceAction::Resume),
        exec(&id, &["exit", "4"], None),
        pause(InstanceAction::Pause),
    ];
    let (end, output) = host.coordinator.run(task(1), Work::Sequence(steps)).await;
    assert_eq!(end.outcome, Outcome::Failed { exit_code: Some(4), signal: None }, "{end:?}");
    assert!(end.reason.is_some_and(|reason| reason.starts_with("step 4 of 5")));
    assert_eq!(output.stdout.head, b"a\n");
    assert_eq!(host.fake.get(&id).await.expect("there").state, InstanceState::Running);
}
