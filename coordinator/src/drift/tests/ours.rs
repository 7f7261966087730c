//! What we did ourselves: told as ours when it was, and as nobody's when it was long before.

use std::time::Duration;

use tamer_drift::finding::OriginWord;
use tamer_drift::{Kind, Resource, ResourceKey};
use tamer_model::{
    Action, AuditOutcome, AuditRecord, Batch, BatchId, Cause, FleetInstance, InstanceAction,
    InstanceRef, InstanceSpec, Outcome, Phase, Placement, PlacementId, PlacementStatus, Spot,
    TaskEnd, TaskId, TaskRecord, TaskState, Timestamp, Why, Wish, Workload, WorkloadSpec,
};
use tamer_store::Commit;

use super::meaning::{baseline, drift};
use super::stage::{Agent, Stage, ann, id, package};
use crate::clock;
use crate::drift::HostRecord;
use crate::instances::id_of;
use crate::state::{Target, TargetInstance, decode, encode, keys};

const MINUTE: Duration = Duration::from_secs(60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
const NOW: Duration = Duration::ZERO;

fn ago(time: Duration) -> Timestamp {
    let now = clock::now().as_millis();
    Timestamp::from_millis(now - time.as_millis() as u64)
}

fn container(native: &str, name: &str, state: &str) -> Resource {
    let source = "docker".parse().expect("a source");
    let key = ResourceKey::new(source, Kind::Instance, native).expect("a key");
    Resource::new(key, name).with("state", state)
}

fn reference(native: &str) -> InstanceRef {
    let (provider, native) = ("docker".parse(), native.parse());
    InstanceRef { provider: provider.expect("a provider"), native: native.expect("an id") }
}

/// A host that holds openssl and two containers, a baseline of it that is a month old, and what
/// else was written down since.
async fn scene(records: Commit) -> (Stage, Agent) {
    let mut stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("openssl", "3.0.11")]).await;
    for (native, name) in [("c1", "web"), ("c2", "db"), ("c3", &copy().instance_name())] {
        agent.put(&container(native, name, "running"));
    }
    agent.tell().await;
    let key = keys::inventory(id(0));
    let entry = stage.store.get(&key).await.expect("a read").expect("a record");
    let mut record: HostRecord = decode(&key, &entry.value).expect("a record");
    record.at = ago(MONTH);
    let web: FleetInstance = serde_json::from_value(serde_json::json!({
        "id": id_of(id(0), &reference("c1")), "host": id(0), "provider": "docker", "told_at": 1,
        "instance": {"native": "c1", "name": "web", "kind": "container", "state": "running",
            "managed": false},
    }))
    .expect("an instance");
    let commit = records.put(key, encode(&record)).put(keys::instance(id(0), web.id), encode(&web));
    let at = stage.store.commit(commit).await.expect("a commit");
    stage.fleet.reached(at).await;
    stage.restart().await;
    let mut agent = agent.again(&stage, 0);
    agent.beat().await;
    baseline(&stage).await;
    (stage, agent)
}

/// A batch whose task on the host ran for a minute, until that long ago, and what it was done on.
fn batch(action: Action, on: Option<&str>, ended: Duration) -> Commit {
    let (began, ended) = (ago(ended + MINUTE), ago(ended));
    let id_of_batch = BatchId::at(began.as_millis(), [7; 4]);
    let json = serde_json::json!({
        "id": id_of_batch, "command": {"argv": ["true"], "grace_ms": 1, "output_limit": 1},
        "selector": "", "targets": 1, "created_by": "ann", "created_at": began,
        "lost_wait_ms": 1, "cancel": null, "state": "succeeded", "ended_at": ended, "counts": {},
    });
    let batch = Batch { action, ..serde_json::from_value(json).expect("a batch") };
    let instance = on.map(|native| TargetInstance {
        id: id_of(id(0), &reference(native)),
        name: "web".parse().expect("a name"),
        reference: reference(native),
    });
    let name = "host0".parse().expect("a name");
    let target = Target { host: id(0), name, item: 0, instance };
    let end = TaskEnd {
        started_at: Some(began),
        duration_ms: Some(MINUTE.as_millis() as u64),
        ..TaskEnd::without_times(Outcome::Succeeded, "")
    };
    let record =
        TaskRecord { state: TaskState::Ended(end), ended_at: Some(ended), ..TaskRecord::PENDING };
    Commit::new()
        .put(keys::batch(id_of_batch), encode(&batch))
        .put(keys::recent(began, id_of_batch), encode(&id_of_batch))
        .put(keys::targets(id_of_batch), encode(&vec![target]))
        .put(keys::task(TaskId::at(id_of_batch, Spot { host: id(0), item: 0 })), encode(&record))
}

fn command() -> Action {
    let json = serde_json::json!({"command": {"argv": ["apt-get", "upgrade"], "grace_ms": 1,
        "output_limit": 1}});
    serde_json::from_value(json).expect("an action")
}

fn exec(asked: Duration) -> Commit {
    let record = AuditRecord {
        at: ago(asked),
        who: "user/ann".to_owned(),
        what: "instance.exec".to_owned(),
        on: id_of(id(0), &reference("c1")).to_string(),
        from: "[::1]:1".to_owned(),
        outcome: AuditOutcome::Done,
        detail: String::new(),
    };
    Commit::new().put(keys::audit(record.at, [1; 4]), encode(&record))
}

fn copy() -> Placement {
    Placement {
        id: PlacementId::at(1_700_000_000_000, [3; 4]),
        workload: "shop".parse().expect("a name"),
        index: 0,
        template: 1,
        host: id(0),
        made_at: ago(MONTH),
        why: Why { cause: Cause::Missing, score: 1, fitting: 1, hosts: 1 },
        wish: Wish::Run,
        replaces: None,
    }
}

/// A workload with one copy that was decided on, and runs since, that long ago.
fn workload(made: Duration, since: Duration, restarts: u32) -> Commit {
    let placement = Placement { made_at: ago(made), ..copy() };
    let status = PlacementStatus {
        phase: Phase::Running,
        healthy: None,
        since: ago(since),
        restarts,
        reason: None,
        instance: None,
        exit_code: None,
    };
    let name = placement.workload.clone();
    let spec = WorkloadSpec::new(name.clone(), reference("c1").provider, InstanceSpec::default());
    let workload = Workload {
        spec,
        owner: ann(),
        created_at: placement.made_at,
        version: 1,
        template: 1,
        stable: None,
        update: None,
        stopped: false,
        removing: false,
        rebalance_at: None,
    };
    Commit::new()
        .put(keys::workload(&name), encode(&workload))
        .put(keys::placement(id(0), placement.id), encode(&placement))
        .put(keys::placed(id(0), placement.id), encode(&status))
}

/// From whom the one change comes after these records, and why.
async fn origin(records: Commit, change: impl FnOnce(&mut Agent)) -> (OriginWord, String) {
    let (stage, mut agent) = scene(records).await;
    change(&mut agent);
    agent.tell().await;
    assert!(agent.seen.refused.is_empty(), "{:?}", agent.seen);
    let drifted = drift(&stage).await;
    let [finding] = &drifted.report.findings[..] else { panic!("{:?}", drifted.report.findings) };
    (finding.origin.origin.word(), finding.origin.evidence.clone())
}

fn upgraded(agent: &mut Agent) {
    agent.put(&package("openssl", "3.0.14"));
}

/// The container of this id was stopped.
fn stopped(native: &'static str, name: &'static str) -> impl FnOnce(&mut Agent) {
    move |agent| agent.put(&container(native, name, "stopped"))
}

fn copy_stopped(agent: &mut Agent) {
    agent.put(&container("c3", &copy().instance_name(), "stopped"));
}

fn removed(native: &str) -> impl FnOnce(&mut Agent) {
    let key = container(native, "", "").key;
    move |agent| {
        agent.picture.remove(&key);
    }
}

#[tokio::test]
async fn a_command_explains_what_changed_while_it_ran() {
    let (word, why) = origin(batch(command(), None, NOW), upgraded).await;
    assert_eq!(word, OriginWord::Ours, "{why}");
    assert!(why.contains("apt-get upgrade"), "{why}");
    let (word, why) = origin(batch(command(), None, WEEK), upgraded).await;
    assert_eq!(word, OriginWord::Unknown, "{why}");
}

#[tokio::test]
async fn a_task_that_was_told_late_ended_when_it_ended() {
    let mut late = batch(command(), None, WEEK);
    let task = TaskRecord {
        state: TaskState::Ended(TaskEnd {
            started_at: Some(ago(WEEK + MINUTE)),
            duration_ms: Some(1000),
            ..TaskEnd::without_times(Outcome::Succeeded, "")
        }),
        ended_at: Some(ago(NOW)),
        ..TaskRecord::PENDING
    };
    let of = BatchId::at(ago(WEEK + MINUTE).as_millis(), [8; 4]);
    let again: Batch = serde_json::from_value(serde_json::json!({
        "id": of, "command": {"argv": ["true"], "grace_ms": 1, "output_limit": 1},
        "selector": "", "targets": 1, "created_by": "ann", "created_at": ago(WEEK + MINUTE),
        "lost_wait_ms": 1, "cancel": null, "state": "succeeded", "ended_at": ago(NOW), "counts": {},
    }))
    .expect("a batch");
    late = late
        .put(keys::batch(of), encode(&again))
        .put(keys::recent(again.created_at, of), encode(&of))
        .put(keys::task(TaskId::at(of, Spot { host: id(0), item: 0 })), encode(&task));
    let (word, why) = origin(late, upgraded).await;
    assert_eq!(word, OriginWord::Unknown, "{why}");
}

#[tokio::test]
async fn a_verb_on_an_instance_explains_that_one() {
    let stop = || Action::Instance(InstanceAction::Stop { grace_ms: None });
    let (word, why) = origin(batch(stop(), Some("c1"), NOW), stopped("c1", "web")).await;
    assert_eq!(word, OriginWord::Ours, "{why}");
    let (word, why) = origin(batch(stop(), Some("c1"), NOW), stopped("c2", "db")).await;
    assert_eq!(word, OriginWord::Unknown, "another one: {why}");
    let (word, why) = origin(batch(stop(), Some("c1"), WEEK), stopped("c1", "web")).await;
    assert_eq!(word, OriginWord::Unknown, "a week later: {why}");
    let rm = Action::Instance(InstanceAction::Remove { force: true });
    let (word, why) = origin(batch(rm, Some("c2"), NOW), removed("c2")).await;
    assert_eq!(word, OriginWord::Ours, "{why}");
}

#[tokio::test]
async fn a_command_in_an_instance_explains_it_for_a_while() {
    let (word, why) = origin(exec(MINUTE), stopped("c1", "web")).await;
    assert_eq!(word, OriginWord::Ours, "{why}");
    assert!(why.contains("ran a command in web, asked for at"), "{why}");
    assert!(why.contains("its end is not known"), "{why}");
    let (word, why) = origin(exec(MINUTE), stopped("c2", "db")).await;
    assert_eq!(word, OriginWord::Unknown, "in another one: {why}");
    let (word, why) = origin(exec(MINUTE), upgraded).await;
    assert_eq!(word, OriginWord::Unknown, "on the host: {why}");
    let (word, why) = origin(exec(WEEK), stopped("c1", "web")).await;
    assert_eq!(word, OriginWord::Unknown, "a week later: {why}");
}

#[tokio::test]
async fn a_copy_is_our_doing_when_it_is_made_started_and_ended() {
    let (word, why) = origin(workload(MINUTE, NOW, 0), copy_stopped).await;
    assert_eq!(word, OriginWord::Ours, "it is being made: {why}");
    let (word, why) = origin(workload(MONTH, NOW, 1), copy_stopped).await;
    assert_eq!(word, OriginWord::Ours, "it was started again: {why}");
    let (word, why) = origin(workload(MONTH, WEEK, 0), copy_stopped).await;
    assert_eq!(word, OriginWord::Unknown, "somebody stopped it by hand: {why}");
    let (word, why) = origin(workload(MINUTE, NOW, 0), stopped("c2", "db")).await;
    assert_eq!(word, OriginWord::Unknown, "another one: {why}");
    let (word, why) = origin(Commit::new(), removed("c3")).await;
    assert_eq!(word, OriginWord::Ours, "nobody wants it any more: {why}");
    let (word, why) = origin(workload(MONTH, WEEK, 0), removed("c3")).await;
    assert_eq!(word, OriginWord::Unknown, "it is wanted, and somebody removed it: {why}");
}

#[tokio::test]
async fn the_history_names_what_could_have_touched_what_changed() {
    let (stage, mut agent) = scene(exec(MINUTE)).await;
    upgraded(&mut agent);
    agent.tell().await;
    stopped("c1", "web")(&mut agent);
    agent.tell().await;
    let past = stage.drift.past(id(0), Timestamp::default()).await.expect("a history");
    let origins = stage.drift.deeds_of(id(0), &past[..2]).await.expect("read");
    let told: Vec<_> = (0..2).map(|step| origins.get(&step).map(String::as_str)).collect();
    let exec = format!("instance {}: ran a command in web", id_of(id(0), &reference("c1")));
    assert!(told[0].is_some_and(|words| words.starts_with(&exec)), "{told:?}");
    assert_eq!(told[1], None, "it ran in a container, and this is a package of the host");
}
