//! An agent: the real placements over the real registry, and sessions that say and hear what those
//! of the program do. What a session does with a connection is here; what it is about is theirs.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tamer_agent::backoff::Backoff;
use tamer_agent::clock;
use tamer_agent::placements::{self, Placements, PlacementsHandle, Replace};
use tamer_agent::providers;
use tamer_agent::session::{Incoming, first};
use tamer_agent::work::Accept;
use tamer_model::{Facts, PlacementId};
use tamer_proto::{WIRE_MINOR, wire};
use tamer_provider::Provider;
use tamer_provider::registry::Registry;
use tamer_provider::supervise::Settings;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use wire::agent_message::Message;

use super::link::Connection;
use super::machine::Machine;
use super::seat::Seat;
use super::trace::Trace;

/// As the agent waits for the answer to its hello.
const HELLO: Duration = Duration::from_secs(10);
/// The longest wait before it dials again.
const REDIAL: &str = "5s";
/// A technology in memory is asked whether it is there less often than a real one: a run has
/// hundreds of thousands of such questions otherwise, and they change nothing.
const SETTINGS: fn() -> Settings = || Settings {
    check_every: Duration::from_secs(8),
    pause_most: Duration::from_secs(3),
    give_up: Duration::from_secs(15),
    ..Settings::default()
};

/// Lives until it is dropped.
pub async fn live(machine: Arc<Machine>, seat: Seat, trace: Trace, replace: Replace) {
    let technology: Arc<dyn Provider> = Arc::new(machine.technology.clone());
    let (registry, keepers) =
        Registry::new([(technology, SETTINGS())]).expect("one provider has one name");
    let opened = Placements::on(&machine.folder, registry.clone(), &Accept::default(), replace);
    let (keeping, handle) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            trace.broken(format_args!("{} cannot open its placements: {error}", machine.name));
            return;
        }
    };
    let never = CancellationToken::new();
    let agent = Agent { machine, seat, trace, registry, handle };
    tokio::join!(keepers.run(never.clone()), keeping.run(never), agent.sessions());
}

struct Agent {
    machine: Arc<Machine>,
    seat: Seat,
    trace: Trace,
    registry: Registry,
    handle: PlacementsHandle,
}

impl Agent {
    /// One session after the other.
    async fn sessions(&self) {
        let mut backoff = Backoff::new(REDIAL.parse().expect("a wait"));
        loop {
            let began = Instant::now();
            let listen = self.seat.listen(&self.machine);
            if let Some(connection) = self.machine.line.dial(listen).await {
                let name = &self.machine.name;
                match self.session(connection).await {
                    Ok(()) => self.trace.tell(format_args!("{name} ends a session")),
                    Err(why) => self.trace.tell(format_args!("{name} loses a session: {why}")),
                }
            }
            backoff.lived(began.elapsed());
            sleep(backoff.next(fastrand::f64())).await;
        }
    }

    async fn session(&self, connection: Connection) -> Result<(), String> {
        let Connection { out, mut incoming } = connection;
        let stopped = |error: placements::Stopped| error.to_string();
        let placed = self.handle.attach().await.map_err(stopped)?;
        let hello = Message::Hello(wire::Hello {
            agent_version: tamer_agent::VERSION.to_owned(),
            wire_minor: WIRE_MINOR,
            facts: Some(facts(&self.machine).into()),
            journal: self.machine.journal.to_string(),
            held: Vec::new(),
            sent_at: clock::now().as_millis(),
            placements: placed.wanted.iter().map(PlacementId::to_string).collect(),
        });
        say(&out, hello).await?;
        let answer = timeout(HELLO, incoming.recv()).await.map_err(|_| "no welcome came")?;
        let welcome = first(answer.ok_or("it hung up")?).map_err(|problem| problem.to_string())?;
        self.trace.tell(format_args!("{} is in session", self.machine.name));
        let _in_session = self.handle.in_session(true).await.map_err(stopped)?;
        let (_ends, to_pass) = mpsc::channel(1);
        let told = Arc::<AtomicU64>::default();
        let instances = providers::tell(self.registry.clone(), out.clone(), to_pass, told);
        let copies = placements::tell(placed.board, out.clone());
        // In this task, not in their own: it is not left to chance who of an agent is woken first.
        let mut telling = std::pin::pin!(async {
            tokio::select! {
                biased;
                () = instances => {}
                () = copies => {}
            }
        });
        let mut beats = interval(welcome.heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut heard, mut sequence) = (Instant::now(), 0);
        loop {
            tokio::select! {
                biased;
                _ = beats.tick() => {
                    sequence += 1;
                    // As the program's: a queue that is full means that nobody reads.
                    let beat = Message::Heartbeat(wire::Heartbeat { sequence, inventory: Vec::new() });
                    let beat = wire::AgentMessage { message: Some(beat) };
                    if let Err(mpsc::error::TrySendError::Closed(_)) = out.try_send(beat) {
                        return Err("it is gone".to_owned());
                    }
                }
                message = incoming.recv() => {
                    let message = message.ok_or("it hung up")?;
                    heard = Instant::now();
                    self.hear(message).await?;
                }
                () = &mut telling => return Err("it is told nothing any more".to_owned()),
                () = sleep_until(heard + welcome.silence) => return Err("it is silent".to_owned()),
            }
        }
    }

    async fn hear(&self, message: wire::CoordinatorMessage) -> Result<(), String> {
        match Incoming::try_from(message).map_err(|problem| problem.to_string())? {
            Incoming::Wanted(wanted) => {
                self.trace.tell(format_args!("{} hears {}", self.machine.name, describe(&wanted)));
                self.handle.want(*wanted).await.map_err(|error| error.to_string())
            }
            Incoming::Close(problem) => Err(problem.to_string()),
            Incoming::Heard | Incoming::Unknown => Ok(()),
            other @ (Incoming::Start(..)
            | Incoming::Cancel(_)
            | Incoming::Stored(_)
            | Incoming::Certificate(_)
            | Incoming::Open(..)
            | Incoming::Inventory(_)
            | Incoming::InventoryRefused(_)) => Err(format!("nobody asked for {other:?}")),
        }
    }
}

async fn say(out: &mpsc::Sender<wire::AgentMessage>, message: Message) -> Result<(), String> {
    let message = wire::AgentMessage { message: Some(message) };
    out.send(message).await.map_err(|_| "it is gone".to_owned())
}

fn describe(wanted: &placements::Wanted) -> String {
    let placements::Wanted { begins, complete, put, bad, keep, gone } = wanted;
    let mut words = Vec::new();
    words.extend(begins.then(|| "all:".to_owned()));
    words.extend(put.iter().map(|order| format!("put {}", order.id)));
    words.extend(bad.iter().map(|(id, problem)| format!("bad {id} ({problem})")));
    words.extend(keep.iter().map(|id| format!("keep {id}")));
    words.extend(gone.iter().map(|(id, _)| format!("gone {id}")));
    words.extend(complete.then(|| "complete".to_owned()));
    words.join(" ")
}

/// What the host says of itself.
pub fn facts(machine: &Machine) -> Facts {
    serde_json::from_value(serde_json::json!({
        "os": "linux", "distro": "debian", "distro_version": "12", "kernel": "6", "arch": "x86_64",
        "hostname": machine.name, "cpus": CPUS, "memory_bytes": MEMORY, "disks": [], "addresses": [],
        "virtualization": "none", "providers": [],
    }))
    .expect("facts")
}

/// Processors of every host.
pub const CPUS: u32 = 8;
/// Memory of every host, in bytes.
pub const MEMORY: u64 = 16 << 30;
