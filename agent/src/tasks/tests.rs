//! Tasks over a real journal and real processes.
#![cfg(unix)]

use std::time::Duration;

use tamer_model::{
    BatchId, Code, CommandSpec, HostId, JournalId, Outcome, Problem, TaskEnd, TaskId, Work,
};
use tamer_provider::registry::Registry;
use tokio::time::timeout;

use super::*;
use crate::journal::Journal;
use crate::spool::{Limits, Spool};
use crate::work::{Accept, Link, Workshop};

const LIMIT: Duration = Duration::from_secs(20);

fn task(number: u8) -> TaskId {
    TaskId::of_host(BatchId::from_bytes([number; 10]), HostId::from_bytes([1; 10]))
}

/// A host without providers.
fn nothing() -> Registry {
    Registry::default()
}

fn spool(folder: &tempfile::TempDir) -> Spool {
    Spool::open(folder.path(), Limits::default()).expect("a spool").0
}

fn shop(folder: &tempfile::TempDir, providers: Registry) -> Workshop {
    Workshop::open(folder.path(), providers, Link::new(), Accept::default())
}

struct Agent {
    folder: tempfile::TempDir,
    journal: Journal,
    thread: std::thread::JoinHandle<()>,
    handle: TasksHandle,
    actor: tokio::task::JoinHandle<()>,
    attached: Attached,
}

impl Agent {
    async fn begin(folder: tempfile::TempDir) -> Self {
        let id = JournalId::from_bytes([7; 10]);
        let (journal, thread) = Journal::open(folder.path(), id).expect("a journal");
        let (tasks, handle) = Tasks::new(journal.clone(), shop(&folder, nothing()), spool(&folder));
        let actor = tokio::spawn(async move { tasks.run().await.expect("runs") });
        let attached = handle.attach().await.expect("attached");
        Self { folder, journal, thread, handle, actor, attached }
    }

    async fn new() -> Self {
        Self::begin(tempfile::tempdir().expect("a folder")).await
    }

    /// Dies as by a kill: nothing is ended, nothing is written.
    async fn die(self) -> tempfile::TempDir {
        let Self { folder, journal, thread, handle, actor, attached } = self;
        actor.abort();
        let _ = actor.await;
        drop((journal, handle, attached));
        thread.join().expect("ended");
        folder
    }

    async fn event(&mut self) -> Event {
        timeout(LIMIT, self.attached.events.recv()).await.expect("in time").expect("an event")
    }

    async fn end_of(&mut self, number: u8) -> TaskEnd {
        loop {
            match self.event().await {
                Event::Ended { task: ended } if ended == task(number) => break,
                Event::Refused { task: refused, end } if refused == task(number) => return end,
                _ => {}
            }
        }
        self.journal.read_end(task(number)).await.expect("read").expect("an end").0
    }

    async fn start(&self, number: u8, text: &str) {
        let command = CommandSpec { shell: true, grace_ms: 200, ..CommandSpec::new([text]) };
        self.handle.start(task(number), Ok(Work::Command(command))).await.expect("asked");
    }
}

#[tokio::test]
async fn a_task_runs_once_however_often_it_is_ordered() {
    let mut agent = Agent::new().await;
    let count = agent.folder.path().join("count");
    let command = format!("echo x >> {}", count.display());
    for _ in 0..3 {
        agent.start(1, &command).await;
    }
    assert_eq!(agent.end_of(1).await.outcome, Outcome::Succeeded);
    agent.start(1, &command).await;
    assert_eq!(agent.end_of(1).await.outcome, Outcome::Succeeded);
    let folder = agent.die().await;
    let mut agent = Agent::begin(folder).await;
    assert_eq!(agent.attached.held.len(), 1);
    agent.start(1, &command).await;
    assert_eq!(agent.end_of(1).await.outcome, Outcome::Succeeded);
    assert_eq!(std::fs::read_to_string(count).expect("read"), "x\n");
}

#[tokio::test]
async fn a_cancelled_task_never_starts() {
    let mut agent = Agent::new().await;
    agent.handle.cancel(task(1)).await.expect("asked");
    assert_eq!(agent.end_of(1).await.outcome, Outcome::NeverStarted);
    agent.start(1, "exit 0").await;
    assert_eq!(agent.end_of(1).await.outcome, Outcome::NeverStarted);
    agent.start(2, "sleep 1000").await;
    assert!(matches!(agent.event().await, Event::Started { .. }));
    agent.handle.cancel(task(2)).await.expect("asked");
    assert_eq!(agent.end_of(2).await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn an_agent_that_died_tells_interrupted() {
    let mut agent = Agent::new().await;
    agent.start(1, "sleep 1000").await;
    assert!(matches!(agent.event().await, Event::Started { .. }));
    let mut agent = Agent::begin(agent.die().await).await;
    let end = agent.end_of(1).await;
    assert_eq!(end.outcome, Outcome::Interrupted);
    assert!(end.reason.is_some());
}

#[tokio::test]
async fn a_stop_ends_and_tells() {
    let mut agent = Agent::new().await;
    agent.start(1, "sleep 1000").await;
    assert!(matches!(agent.event().await, Event::Started { .. }));
    agent.handle.stop().await;
    assert_eq!(agent.end_of(1).await.outcome, Outcome::Interrupted);
    agent.start(2, "exit 0").await;
    let attached = agent.handle.attach().await.expect("attached");
    assert_eq!(attached.held.len(), 1, "nothing starts any more");
}

#[tokio::test]
async fn one_too_many_is_refused_and_could_start_later() {
    let mut agent = Agent::new().await;
    for number in 0..MAX_RUNNING as u8 {
        agent.start(number, "sleep 1000").await;
    }
    agent.start(200, "exit 0").await;
    let end = agent.end_of(200).await;
    assert_eq!(end.outcome, Outcome::NeverStarted);
    assert!(!agent.journal.held().await.expect("held").contains_key(&task(200)));
    agent.handle.stop().await;
}

#[tokio::test]
async fn a_command_that_is_refused_ends_its_task() {
    let mut agent = Agent::new().await;
    let problem = Problem::new(Code::InvalidField, "too long").on("command");
    agent.handle.start(task(1), Err(problem)).await.expect("asked");
    let end = agent.end_of(1).await;
    assert_eq!(end.outcome, Outcome::Refused);
    assert_eq!(end.reason.as_deref(), Some("the host does not take it: command: too long"));
}

#[tokio::test]
async fn a_session_that_does_not_listen_is_cut_and_told_later() {
    let agent = Agent::new().await;
    let many = |number: usize| {
        TaskId::of_host(BatchId::at(number as u64, [0; 4]), HostId::from_bytes([1; 10]))
    };
    for number in 0..EVENTS + 2 {
        agent.handle.cancel(many(number)).await.expect("asked");
    }
    let cut = async {
        while !agent.attached.events.is_closed() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, cut).await.expect("cut");
    let attached = agent.handle.attach().await.expect("attached");
    assert!(attached.held.len() > EVENTS, "{}", attached.held.len());
}
