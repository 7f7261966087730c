//! One run: a fleet, a history of faults, and the end of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tamer_coordinator::simulated;
use tamer_model::{Host, HostId, JournalId, Timestamp};
use tamer_provider::fake::Fake;
use tamer_store::Store;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::agent::facts;
use super::chaos::Chaos;
use super::disk::Disk;
use super::ledger::Ledger;
use super::link::Line;
use super::machine::Machine;
use super::people::People;
use super::seat::Seat;
use super::trace::Trace;
use super::wishes::{PROVIDER, Wishes};
use super::world::follow;

/// How many hosts a fleet has.
pub const HOSTS: usize = 50;
/// When the faults have ended, the fleet must be as it is wanted within so long. A host that failed
/// a workload again and again is set aside for up to an hour.
const CONVERGES: Duration = Duration::from_secs(90 * 60);
/// And then stay so.
const STAYS: Duration = Duration::from_secs(30);

/// What is broken on purpose, so that it is seen to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    None,
    /// The network forgets that copies shall go.
    LosesGone,
    /// Agents forget what they kept when they die.
    ForgetsFile,
}

/// How a run went.
pub struct Outcome {
    pub broken: Vec<String>,
    pub trace: Trace,
    /// How long the faults lasted, and how long it took to be well after them.
    pub simulated: (Duration, Duration),
}

/// Plays this seed.
pub fn play(seed: u64, sabotage: Sabotage) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let temp = tempfile::tempdir_in(memory()).expect("a folder");
    let outcome = runtime.block_on(async {
        let _lead = tamer_clock::lead(seed);
        Run::new(seed, sabotage, temp.path()).await.play().await
    });
    drop(runtime);
    outcome
}

/// Where files cost no disk, if there is such a place.
fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

struct Run {
    trace: Trace,
    seat: Seat,
    ledger: Ledger,
    people: People,
    chaos: Chaos,
    machines: Vec<Arc<Machine>>,
    patience: Duration,
    /// Follows what happens in the worlds.
    _follow: JoinSet<()>,
}

impl Run {
    async fn new(seed: u64, sabotage: Sabotage, folder: &Path) -> Self {
        let mut seeds = fastrand::Rng::with_seed(seed);
        let trace = Trace::new();
        let disk = Disk::new(seeds.u64(..));
        let ledger = Ledger::new(trace.clone());
        disk.show(ledger.clone());
        let seat = Seat::new(disk.clone(), folder.join("coordinator"), trace.clone());
        let mut follow_all = JoinSet::new();
        let mut machines = Vec::new();
        for number in 0..HOSTS {
            let machine = Arc::new(machine(number, seeds.u64(..), folder, sabotage));
            let foreign = machine.technology.populate(1);
            ledger.open(&machine, foreign);
            let zone = ["a", "b", "c"][number % 3];
            simulated::join(&Store::new(disk.clone()), &host(&machine, zone))
                .await
                .expect("the disk is well");
            follow_all.spawn(follow(machine.clone(), ledger.clone(), seeds.u64(..)));
            machines.push(machine);
        }
        let people = People::new(seat.clone(), ledger.clone(), trace.clone(), seeds.u64(..));
        let chaos = Chaos::new(
            machines.clone(),
            seat.clone(),
            ledger.clone(),
            trace.clone(),
            seeds.u64(..),
            sabotage,
        );
        // What is broken for sure is not waited for as long.
        let patience = if sabotage == Sabotage::None { CONVERGES } else { CONVERGES / 18 };
        Self { trace, seat, ledger, people, chaos, machines, patience, _follow: follow_all }
    }

    async fn play(mut self) -> Outcome {
        let began = Instant::now();
        self.seat.begin().await;
        self.chaos.begin_all();
        sleep(Duration::from_secs(2)).await;
        self.people.begin().await;
        let lasts = self.chaos.lasts();
        while began.elapsed() < lasts && self.trace.promises_broken().is_empty() {
            sleep(self.chaos.pause()).await;
            match self.chaos.is_next() {
                true => self.chaos.act().await,
                false => self.people.act(HOSTS).await,
            }
        }
        self.trace.tell("the faults end");
        self.chaos.end().await;
        self.mend().await;
        let ended = Instant::now();
        self.converge().await;
        let simulated = (ended - began, ended.elapsed());
        Outcome { broken: self.trace.promises_broken(), trace: self.trace, simulated }
    }

    /// People make good what they did, with a coordinator that lives and hosts that are heard.
    async fn mend(&mut self) {
        sleep(Duration::from_secs(15)).await;
        for machine in &self.machines {
            let held = {
                let books = self.ledger.books();
                let host = books.records.hosts.get(&machine.id);
                host.is_some_and(|host| host.cordon.is_some() || host.drain.is_some())
            };
            // Some stay as they are: that is wanted, too.
            if held && machine.number % 4 > 0 {
                self.people.free(machine.name.as_str()).await;
            }
        }
        self.people.mend().await;
    }

    async fn converge(&mut self) {
        let ended = Instant::now();
        let (mut well_since, mut changes, mut why) = (None, 0, String::new());
        while ended.elapsed() < self.patience {
            if !self.trace.promises_broken().is_empty() {
                return;
            }
            let (settled, now) = {
                let books = self.ledger.books();
                (books.settled(), books.changes)
            };
            match settled {
                Ok(()) if now == changes => {
                    let since = *well_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > STAYS {
                        return self.trace.tell("the fleet is as it is wanted");
                    }
                }
                Ok(()) => well_since = None,
                Err(not) => {
                    well_since = None;
                    why = not;
                    // A bad update may fail only now, and a person looks after it.
                    self.people.mend().await;
                }
            }
            changes = now;
            sleep(Duration::from_secs(3)).await;
        }
        let after = self.patience;
        self.trace.broken(format_args!("the fleet is not as it is wanted after {after:?}: {why}"));
    }
}

fn machine(number: usize, seed: u64, folder: &Path, sabotage: Sabotage) -> Machine {
    let id = HostId::from_bytes([number as u8 + 1; 10]);
    let folder = folder.join(format!("h{number:02}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let technology = Fake::new(PROVIDER.parse().expect("a provider"));
    Wishes::images().for_each(|image| technology.add_image(&image));
    // Long enough that nothing begins and ends at one moment.
    technology.set_latency(Duration::from_millis(3));
    Machine {
        number,
        id,
        name: format!("h{number:02}").parse().expect("a name"),
        journal: JournalId::from_bytes([number as u8 + 1; 10]),
        folder,
        technology,
        line: Line::new(seed, sabotage == Sabotage::LosesGone),
    }
}

fn host(machine: &Machine, zone: &str) -> Host {
    Host {
        id: machine.id,
        name: machine.name.clone(),
        labels: serde_json::from_value(serde_json::json!({ "zone": zone })).expect("labels"),
        facts: facts(machine),
        agent_version: tamer_agent::VERSION.to_owned(),
        joined_at: Timestamp::default(),
        joined_by: tamer_model::JoinedBy::Approval("ada".parse().expect("a name")),
        key: simulated::key_of(machine.id),
        next_key: None,
        certificate_ends: Timestamp::from_millis(u64::MAX / 2),
        clock_ahead_ms: 0,
        cordon: None,
        drain: None,
    }
}
