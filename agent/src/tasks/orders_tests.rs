//! Orders over a real journal and a technology in memory.

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{
    Ability, BatchId, Code, CreateInstance, HostId, InstanceAction, InstanceOrder, InstanceRef,
    InstanceSpec, InstanceState, JournalId, KeptOutput, NativeId, Operation, Outcome, PullImage,
    TaskEnd, TaskId, Work,
};
use tamer_provider::Provider as _;
use tamer_provider::fake::{Fake, IMAGE};
use tamer_provider::registry::Registry;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::journal::Journal;
use crate::providers;
use crate::spool::{Limits, Spool};
use crate::work::{Accept, Link, Workshop};

const LIMIT: Duration = Duration::from_secs(20);

fn task(item: usize) -> TaskId {
    let item = u16::try_from(item).expect("few");
    let id = TaskId::of_host(BatchId::from_bytes([9; 10]), HostId::from_bytes([1; 10]));
    TaskId { item, ..id }
}

fn spool(folder: &tempfile::TempDir) -> Spool {
    Spool::open(folder.path(), Limits::default()).expect("a spool").0
}

fn shop(folder: &tempfile::TempDir, providers: Registry) -> Workshop {
    Workshop::open(folder.path(), providers, Link::new(), Accept::default())
}

/// The tasks of an agent whose one provider is a fake.
struct Agent {
    folder: tempfile::TempDir,
    fake: Fake,
    journal: Journal,
    thread: std::thread::JoinHandle<()>,
    handle: TasksHandle,
    actor: tokio::task::JoinHandle<()>,
    attached: Attached,
    providers: CancellationToken,
}

impl Agent {
    async fn new() -> Self {
        let fake = Fake::new("fake".parse().expect("a name"));
        Self::begin(tempfile::tempdir().expect("a folder"), fake).await
    }

    async fn begin(folder: tempfile::TempDir, fake: Fake) -> Self {
        let id = JournalId::from_bytes([7; 10]);
        let (journal, thread) = Journal::open(folder.path(), id).expect("a journal");
        let stop = CancellationToken::new();
        let registry = providers::serving(Arc::new(fake.clone()), &stop).await;
        let (tasks, handle) = Tasks::new(journal.clone(), shop(&folder, registry), spool(&folder));
        let actor = tokio::spawn(async move { tasks.run().await.expect("runs") });
        let attached = handle.attach().await.expect("attached");
        Self { folder, fake, journal, thread, handle, actor, attached, providers: stop }
    }

    /// Dies as by a kill, and lives again with a technology that answers.
    async fn die(self) -> Self {
        let Self { folder, fake, journal, thread, handle, actor, attached, providers } = self;
        actor.abort();
        let _ = actor.await;
        providers.cancel();
        drop((journal, handle, attached));
        thread.join().expect("ended");
        // Not before: an order that is let go on must find nobody to write down its end.
        fake.unhang();
        Self::begin(folder, fake).await
    }

    async fn order(&self, item: usize, order: InstanceOrder) {
        self.handle.start(task(item), Ok(Work::Instance(order))).await.expect("asked");
    }

    async fn event(&mut self) -> Event {
        timeout(LIMIT, self.attached.events.recv()).await.expect("in time").expect("an event")
    }

    async fn started(&mut self, item: usize) {
        while !matches!(self.event().await, Event::Started { task: it, .. } if it == task(item)) {}
    }

    async fn end_of(&mut self, item: usize) -> (TaskEnd, KeptOutput) {
        loop {
            match self.event().await {
                Event::Ended { task: ended } if ended == task(item) => break,
                Event::Refused { task: refused, end } if refused == task(item) => {
                    return (end, KeptOutput::default());
                }
                _ => {}
            }
        }
        self.journal.read_end(task(item)).await.expect("read").expect("an end")
    }

    async fn refused(&mut self, item: usize, order: InstanceOrder) -> Problem {
        self.order(item, order).await;
        let (end, _) = self.end_of(item).await;
        assert_eq!(end.outcome, Outcome::Failed { exit_code: None, signal: None }, "{end:?}");
        assert!(end.started_at.is_some() && end.duration_ms.is_some(), "{end:?}");
        *end.problem.expect("a problem")
    }
}

fn act(id: &NativeId, action: InstanceAction) -> InstanceOrder {
    let provider = "fake".parse().expect("a name");
    InstanceOrder::Act { instance: InstanceRef { provider, native: id.clone() }, action }
}

fn create(image: &str, start: bool) -> InstanceOrder {
    let spec = InstanceSpec { image: Some(image.to_owned()), ..InstanceSpec::default() };
    let provider = "fake".parse().expect("a name");
    InstanceOrder::Create(Box::new(CreateInstance { provider, start, spec }))
}

fn text(output: &KeptOutput) -> String {
    String::from_utf8(output.stdout.head.clone()).expect("text")
}

#[tokio::test]
async fn an_instance_is_made_and_started_and_its_id_is_told() {
    let mut agent = Agent::new().await;
    agent.order(0, create(IMAGE, true)).await;
    agent.started(0).await;
    let (end, output) = agent.end_of(0).await;
    assert_eq!((end.outcome, &end.reason), (Outcome::Succeeded, &None));
    assert!(end.started_at.is_some() && end.duration_ms.is_some());
    let id: NativeId = text(&output).trim_end().parse().expect("an id");
    assert_eq!(text(&output), format!("{id}\n"));
    assert_eq!(agent.fake.get(&id).await.expect("there").state, InstanceState::Running);

    let name = || "saved".parse().expect("a name");
    agent.order(1, act(&id, InstanceAction::CheckpointCreate { name: name() })).await;
    assert_eq!(agent.end_of(1).await.0.outcome, Outcome::Succeeded);
    agent.order(2, act(&id, InstanceAction::CheckpointRestore { name: name() })).await;
    let (_, output) = agent.end_of(2).await;
    assert_eq!(text(&output), format!("{id}\n"));
    agent.order(3, act(&id, InstanceAction::Remove { force: true })).await;
    assert_eq!(agent.end_of(3).await.0.outcome, Outcome::Succeeded);
    assert!(agent.fake.get(&id).await.is_err());
}

#[tokio::test]
async fn a_refusal_has_its_code_and_its_field() {
    let mut agent = Agent::new().await;
    let problem = agent.refused(0, create("fake/unknown:1", true)).await;
    assert_eq!((problem.code, problem.field.as_deref()), (Code::NotFound, Some("image")));
    let nobody = "nobody".parse().expect("an id");
    let problem = agent.refused(1, act(&nobody, InstanceAction::Start)).await;
    assert_eq!(problem.code, Code::NotFound);
    let provider = "other".parse().expect("a name");
    let pull = InstanceOrder::Pull(PullImage { provider, reference: "x".to_owned() });
    let problem = agent.refused(2, pull).await;
    assert_eq!(problem.code, Code::NotFound);
    let running = agent.fake.populate(1).remove(0);
    let problem = agent.refused(3, act(&running, InstanceAction::Remove { force: false })).await;
    assert_eq!(problem.code, Code::WrongState);
    assert!(problem.remedy.is_some());
}

#[tokio::test]
async fn an_instance_that_does_not_start_stays_and_is_named() {
    let mut agent = Agent::new().await;
    agent.fake.set(Operation::Start, Ability::No("it is a test".to_owned()));
    let problem = agent.refused(0, create(IMAGE, true)).await;
    assert_eq!(problem.code, Code::Unsupported);
    let made = agent.fake.list().await.expect("a list");
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(problem.message.contains(made[0].native.as_str()), "{problem}");
}

#[tokio::test]
async fn a_pull_tells_how_it_goes() {
    let mut agent = Agent::new().await;
    let provider = "fake".parse().expect("a name");
    let pull = InstanceOrder::Pull(PullImage { provider, reference: "fake/new:1".to_owned() });
    agent.order(0, pull).await;
    let (end, output) = agent.end_of(0).await;
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?}");
    assert!(text(&output).ends_with('\n'), "{output:?}");
    assert!(agent.fake.images().await.expect("images").len() == 2);
}

#[tokio::test]
async fn more_than_some_wait_and_can_be_cancelled_while_they_do() {
    let mut agent = Agent::new().await;
    let ids = agent.fake.populate(MAX_ORDERS + 2);
    agent.fake.hang();
    for (item, id) in ids.iter().enumerate() {
        agent.order(item, act(id, InstanceAction::Pause)).await;
    }
    agent.started(MAX_ORDERS - 1).await;
    agent.handle.cancel(task(MAX_ORDERS)).await.expect("asked");
    let (end, _) = agent.end_of(MAX_ORDERS).await;
    assert_eq!(end.outcome, Outcome::NeverStarted, "{end:?}");
    agent.fake.unhang();
    let (end, _) = agent.end_of(MAX_ORDERS + 1).await;
    assert_eq!(end.outcome, Outcome::Succeeded, "{end:?}");
    let left = agent.fake.get(&ids[MAX_ORDERS]).await.expect("there");
    assert_eq!(left.state, InstanceState::Running, "it was never asked for");
}

#[tokio::test]
async fn too_many_waiting_are_refused() {
    let mut agent = Agent::new().await;
    let id = agent.fake.populate(1).remove(0);
    agent.fake.hang();
    let most = MAX_ORDERED;
    for item in 0..=most {
        agent.order(item, act(&id, InstanceAction::Start)).await;
    }
    let (end, _) = agent.end_of(most).await;
    assert_eq!(end.outcome, Outcome::NeverStarted, "{end:?}");
    assert!(!agent.journal.held().await.expect("held").contains_key(&task(most)));
    // Cancelled all at once they are ends, and still no more than a hello may tell.
    for item in 0..most {
        agent.handle.cancel(task(item)).await.expect("asked");
    }
    agent.end_of(most - 1).await;
    agent.order(most + 1, act(&id, InstanceAction::Start)).await;
    assert_eq!(agent.end_of(most + 1).await.0.outcome, Outcome::NeverStarted);
    assert!(agent.handle.attach().await.expect("attached").held.len() <= MAX_HELD);
    // Room comes with what the coordinator has.
    for item in 0..most {
        agent.handle.forget(task(item)).await.expect("asked");
    }
    agent.attached = agent.handle.attach().await.expect("attached");
    agent.fake.unhang();
    agent.order(most + 2, act(&id, InstanceAction::Start)).await;
    assert_eq!(agent.end_of(most + 2).await.0.outcome, Outcome::Succeeded);
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_and_says_what_may_go_on() {
    let mut agent = Agent::new().await;
    let id = agent.fake.populate(1).remove(0);
    agent.fake.hang();
    agent.order(0, act(&id, InstanceAction::Pause)).await;
    agent.started(0).await;
    agent.handle.cancel(task(0)).await.expect("asked");
    let (end, _) = agent.end_of(0).await;
    assert_eq!(end.outcome, Outcome::Cancelled);
    assert!(end.reason.is_some_and(|reason| reason.contains("may go on")));
}

#[tokio::test]
async fn an_agent_that_stops_tells_interrupted_and_forgets_who_waits() {
    let mut agent = Agent::new().await;
    let ids = agent.fake.populate(MAX_ORDERS + 1);
    agent.fake.hang();
    for (item, id) in ids.iter().enumerate() {
        agent.order(item, act(id, InstanceAction::Pause)).await;
    }
    agent.started(MAX_ORDERS - 1).await;
    timeout(LIMIT, agent.handle.stop()).await.expect("in time");
    assert_eq!(agent.end_of(0).await.0.outcome, Outcome::Interrupted);
    let held = agent.journal.held().await.expect("held");
    assert!(!held.contains_key(&task(MAX_ORDERS)), "it is sent again, or never starts");
}

#[tokio::test]
async fn an_order_is_given_at_most_once_across_a_crash() {
    let mut agent = Agent::new().await;
    let id = agent.fake.populate(1).remove(0);
    agent.fake.hang();
    agent.order(0, act(&id, InstanceAction::Pause)).await;
    agent.started(0).await;
    let asked = async {
        while agent.fake.calls("pause") < 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LIMIT, asked).await.expect("asked");
    let mut agent = agent.die().await;
    let before = agent.fake.calls("pause");
    assert_eq!(agent.attached.held.len(), 1);
    let (end, _) = agent.end_of(0).await;
    assert_eq!(end.outcome, Outcome::Interrupted, "{end:?}");
    assert!(end.started_at.is_some());
    agent.order(0, act(&id, InstanceAction::Pause)).await;
    assert_eq!(agent.end_of(0).await.0.outcome, Outcome::Interrupted);
    assert_eq!(agent.fake.calls("pause"), before);
}

#[tokio::test]
async fn who_waits_when_a_session_begins_never_starts_from_there() {
    let mut agent = Agent::new().await;
    let ids = agent.fake.populate(MAX_ORDERS + 1);
    agent.fake.hang();
    for (item, id) in ids.iter().enumerate() {
        agent.order(item, act(id, InstanceAction::Pause)).await;
    }
    agent.started(MAX_ORDERS - 1).await;
    agent.attached = agent.handle.attach().await.expect("attached");
    let held: Vec<_> = agent.attached.held.iter().map(|held| held.task).collect();
    assert_eq!(held.len(), MAX_ORDERS);
    assert!(!held.contains(&task(MAX_ORDERS)));
    agent.fake.unhang();
    for item in 0..MAX_ORDERS {
        // In any order: all of them have to be told.
        let ended = async {
            while agent.journal.read_end(task(item)).await.expect("read").is_none() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(LIMIT, ended).await.expect("in time");
    }
    let left = agent.fake.get(&ids[MAX_ORDERS]).await.expect("there");
    assert_eq!(left.state, InstanceState::Running, "it was told as not held");
    // Sent again, it starts.
    agent.order(MAX_ORDERS, act(&ids[MAX_ORDERS], InstanceAction::Pause)).await;
    assert_eq!(agent.end_of(MAX_ORDERS).await.0.outcome, Outcome::Succeeded);
}

/// The hello of a session that begins while an order is being written down tells it as held.
#[tokio::test]
async fn what_is_being_written_down_is_held() {
    let mut agent = Agent::new().await;
    let id = agent.fake.populate(1).remove(0);
    for item in 0..50 {
        agent.order(item, act(&id, InstanceAction::Start)).await;
        let attached = agent.handle.attach().await.expect("attached");
        let held = attached.held.iter().any(|held| held.task == task(item));
        assert!(held, "{item} was ordered, and its session told that it is not held");
        agent.attached = attached;
    }
}
