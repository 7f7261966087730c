//! What is done to instances is a batch.

use serde_json::Value;
use tamer_model::{Action, BatchSpec, Code, InstanceAction, Problem};
use tamer_proto::wire;

use crate::play::{Play, instance};
use crate::stage::Stage;

fn task(item: u32, name: &str, state: &str, problem: Option<Problem>) -> wire::Task {
    let outcome = match problem {
        None => wire::Outcome::Succeeded,
        Some(_) => wire::Outcome::Failed,
    };
    let reason = problem.as_ref().map(|problem| problem.message.clone()).unwrap_or_default();
    wire::Task {
        host: "h-web".to_owned(),
        name: "web".to_owned(),
        state: state.to_owned(),
        item,
        instance: format!("i-web-{name}"),
        instance_name: name.to_owned(),
        end: Some(wire::TaskEnd {
            outcome: outcome.into(),
            reason,
            problem: problem.map(Into::into),
            ..wire::TaskEnd::default()
        }),
        ..wire::Task::default()
    }
}

fn asked_for(request: &wire::CreateBatchRequest) -> BatchSpec {
    request.spec.clone().expect("a spec").try_into().expect("a spec that holds")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_a_batch_and_tells_each_problem() {
    let busy = Problem::new(Code::WrongState, "it is being removed")
        .on("instance")
        .remedy("try again later");
    let tasks = vec![task(0, "a", "succeeded", None), task(1, "b", "failed", Some(busy))];
    let stage = Stage::open(Play { tasks, ..Play::default() }).await;
    let ended = stage.run("instance stop web/a web/b --grace 3s").await.with(1);
    insta::assert_snapshot!(anstream::adapter::strip_str(&ended.stderr).to_string(), @r"
    web/b: failed (it is being removed)
      field: instance
      remedy: try again later
      [wrong-state]
    2 instances: 1 succeeded, 1 failed in 1.0 s  (b-1)
    ");
    let request = stage.asked.batches.lock().expect("a lock").pop().expect("a batch");
    assert!(!request.request_id.is_empty(), "asking twice must be one batch");
    let spec = asked_for(&request);
    assert_eq!(spec.targets.instances.expect("instances").named, ["web/a", "web/b"]);
    let stop = InstanceAction::Stop { grace_ms: Some(3000) };
    assert_eq!(spec.action, Action::Instance(stop));

    let json = stage.run("instance stop web/a -o json").await.with(1).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json["action"], "instance");
    assert_eq!(json["tasks"][1]["instance_name"], "b");
    assert_eq!(json["tasks"][1]["problem"]["code"], "wrong-state");

    let shown = stage.run("batch show b-1").await.with(0).stdout;
    assert!(shown.contains("web/b") && shown.contains("[wrong-state]"), "{shown}");
    let listed = stage.run("batch ls").await.with(0).stdout;
    assert!(listed.contains("instance something"), "{listed}");
    let detached = stage.run("instance start web/a --detach").await.with(0).stdout;
    assert!(detached.starts_with("b-1 "), "{detached}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_said_is_not_done() {
    let mut mine = vec![instance("web", "mine"), instance("web", "theirs")];
    mine[1].instance.as_mut().expect("an instance").managed = false;
    let tasks = vec![task(0, "mine", "succeeded", None)];
    let stage = Stage::open(Play { instances: mine, tasks, ..Play::default() }).await;
    for line in ["instance stop", "instance rm --yes", "instance logs", "instance pause --name="] {
        let ended = stage.run(line).await.with(2);
        assert!(ended.stderr.contains("remedy"), "{ended:?}");
    }
    let asks = stage.run("instance rm --all").await.with(2);
    assert!(asks.stderr.contains("web/theirs") && asks.stderr.contains("--yes"), "{asks:?}");
    assert!(stage.asked.batches.lock().expect("a lock").is_empty(), "nothing was started");
    stage.run("instance rm --all --yes --force").await.with(0);
    let request = stage.asked.batches.lock().expect("a lock").pop().expect("a batch");
    let spec = asked_for(&request);
    assert!(spec.foreign);
    assert_eq!(spec.action, Action::Instance(InstanceAction::Remove { force: true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tamer_made_is_removed_without_a_question() {
    let tasks = vec![task(0, "mine", "succeeded", None)];
    let instances = vec![instance("web", "mine")];
    let stage = Stage::open(Play { instances, tasks, ..Play::default() }).await;
    stage.run("instance rm mine").await.with(0);
    let request = stage.asked.batches.lock().expect("a lock").pop().expect("a batch");
    assert!(!asked_for(&request).foreign, "what comes meanwhile is spared");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_made_of_flags_or_of_a_file() {
    let mut made = task(0, "", "succeeded", None);
    let stdout = wire::KeptStream { head: b"3f4a\n".to_vec(), tail: Vec::new(), total: 5 };
    made.output = Some(wire::KeptOutput { stdout: Some(stdout), ..Default::default() });
    let stage = Stage::open(Play { tasks: vec![made], ..Play::default() }).await;
    let line =
        "instance create --provider docker --host web --image busybox --memory 64M -- sleep 9";
    let ended = stage.run(line).await.with(0);
    assert_eq!(ended.stdout, "web | 3f4a\n");
    let from_file = "instance create --provider docker --host web -f -";
    let spec = b"image: busybox\nlimits: { memory_bytes: 67108864 }\ncommand: [sleep, '9']\n";
    stage.run_with(from_file, spec).await.with(0);
    {
        let batches = stage.asked.batches.lock().expect("a lock");
        let specs: Vec<_> = batches.iter().map(asked_for).collect();
        assert_eq!(specs[0].targets.selector, "name=web");
        let starts = matches!(&specs[0].action, Action::Create(create) if create.start);
        assert!(starts, "{:?}", specs[0].action);
        assert_eq!(specs[0], specs[1], "flags and file say the same");
    }
    let wrong = stage.run_with(from_file, b"image: busybox\nimagee: x\n").await.with(2);
    assert!(wrong.stderr.contains("line 2") && wrong.stderr.contains("imagee"), "{wrong:?}");
    let name = "instance create --provider docker --host web --image busybox --name a/b";
    let wrong = stage.run(name).await.with(2);
    assert!(wrong.stderr.contains("field: name") && wrong.stderr.contains("remedy"), "{wrong:?}");
    stage.run("instance create --provider docker --image busybox").await.with(2);
    stage.run("instance create --provider docker --host web -f x --image y").await.with(2);
    assert_eq!(stage.asked.batches.lock().expect("a lock").len(), 2);
}
