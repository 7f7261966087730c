//! What people ask of the coordinator: through the services that `tamerctl` calls.

use tamer_coordinator::simulated::asked_by;
use tamer_model::{
    Affinity, AffinityTo, Cpu, InstanceSpec, Lost, Patience, Restart, Run, Size, Span, Spread,
    Stage, Update, UpdateOrder, UserName, Winner, WorkloadName, WorkloadSpec,
};
use tamer_proto::wire;
use tamer_proto::wire::control_server::Control as _;
use tamer_proto::wire::workloads_server::Workloads as _;
use tamer_provider::fake::IMAGE;
use tonic::Status;
use wire::change_workload_request::Change;

use super::ledger::Ledger;
use super::seat::Seat;
use super::trace::Trace;

/// An image that no registry has: an update to it cannot succeed.
pub const BAD: &str = "nowhere/broken:1";
/// Images that every host has.
const IMAGES: u8 = 16;
/// The provider of every host.
pub const PROVIDER: &str = "fake";

pub struct People {
    seat: Seat,
    ledger: Ledger,
    trace: Trace,
    random: fastrand::Rng,
    /// Counts the requests, and the images.
    asked: u64,
}

/// What people have in this fleet; each run has some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    StartFirst,
    Canary,
    EveryHost,
    ToCompletion,
    Apart,
    Strict,
}

const KINDS: [Kind; 7] = [
    Kind::Plain,
    Kind::StartFirst,
    Kind::Canary,
    Kind::EveryHost,
    Kind::ToCompletion,
    Kind::Apart,
    Kind::Strict,
];

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::StartFirst => "start-first",
            Self::Canary => "canary",
            Self::EveryHost => "every-host",
            Self::ToCompletion => "work",
            Self::Apart => "apart",
            Self::Strict => "strict",
        }
    }
}

impl People {
    pub fn new(seat: Seat, ledger: Ledger, trace: Trace, seed: u64) -> Self {
        Self { seat, ledger, trace, random: fastrand::Rng::with_seed(seed), asked: 0 }
    }

    /// Somebody does something.
    pub async fn act(&mut self, hosts: usize) {
        let host = format!("h{:02}", self.random.usize(..hosts));
        match self.random.u8(..20) {
            0..=3 => self.apply_any(false).await,
            4 => self.apply_any(true).await,
            5..=7 => self.scale().await,
            8 => self.change("restart", Change::Restart(wire::Empty {})).await,
            9 => self.change("stop", Change::Stop(wire::Empty {})).await,
            10 | 11 => self.change("start", Change::Start(wire::Empty {})).await,
            12 => self.change("revert", Change::Revert(0)).await,
            13 => self.change("remove", Change::Remove(wire::Empty {})).await,
            14 => self.label(&host).await,
            15 => self.cordon(&host, true).await,
            16 | 17 => self.cordon(&host, false).await,
            18 => self.drain(&host, false).await,
            _ => self.drain(&host, true).await,
        }
    }

    /// Applies some of the workloads for the first time.
    pub async fn begin(&mut self) {
        for kind in KINDS {
            if self.random.u8(..4) > 0 {
                self.apply(kind, false).await;
            }
        }
    }

    /// Mends what was left broken: applies what failed anew, with an image that is there.
    pub async fn mend(&mut self) {
        let broken: Vec<_> = {
            let books = self.ledger.books();
            let failed = books.records.workloads.values().filter(|workload| {
                let stage = workload.update.as_ref().map(|update| &update.stage);
                let bad = workload.spec.instance.image.as_deref() == Some(BAD);
                !workload.removing && (bad || matches!(stage, Some(Stage::Failed { .. })))
            });
            failed.map(|workload| workload.spec.clone()).collect()
        };
        for mut spec in broken {
            self.asked += 1;
            spec.instance.image = Some(self.image());
            self.apply_spec("mends", &spec).await;
        }
    }

    /// The images that every host has, besides the one that it always has.
    pub fn images() -> impl Iterator<Item = String> {
        (0..IMAGES).map(|number| format!("{IMAGE}-{number}"))
    }

    /// Lets a host take work.
    pub async fn free(&mut self, host: &str) {
        self.drain(host, true).await;
        self.cordon(host, false).await;
    }

    async fn apply_any(&mut self, bad: bool) {
        let kind = KINDS[self.random.usize(..KINDS.len())];
        // Work that ends is never made of anything else: whether what is done is done then is not
        // for a simulation to say.
        let bad = bad && kind != Kind::ToCompletion;
        self.apply(kind, bad).await;
    }

    async fn apply(&mut self, kind: Kind, bad: bool) {
        let spec = self.spec(kind, bad);
        self.apply_spec(if bad { "applies a bad" } else { "applies" }, &spec).await;
    }

    async fn apply_spec(&mut self, how: &str, spec: &WorkloadSpec) {
        self.asked += 1;
        let request = wire::ApplyWorkloadsRequest {
            documents: vec![serde_json::to_string(spec).expect("a spec is JSON")],
            take_over: false,
            expected: Vec::new(),
            request_id: format!("request-{}", self.asked),
        };
        let what = format!("somebody {how} {} ({:?})", spec.name, spec.instance.image);
        let Some(coordinator) = self.seat.coordinator() else { return };
        let done = coordinator.people().apply_workloads(asked_by(user(), request)).await;
        self.tell(&what, done.map(drop));
    }

    async fn scale(&mut self) {
        let counted: Vec<_> = {
            let books = self.ledger.books();
            let counted = books.records.workloads.values().filter(|workload| {
                matches!(workload.spec.run, Run::Count(_)) && !workload.removing
            });
            counted.map(|workload| workload.spec.name.clone()).collect()
        };
        if counted.is_empty() {
            return;
        }
        let name = &counted[self.random.usize(..counted.len())];
        let count = self.count(name);
        self.ask(name, &format!("scale to {count}"), Change::Scale(count)).await;
    }

    fn count(&mut self, name: &WorkloadName) -> u32 {
        // One copy a host must find as many hosts.
        let most = if name.as_str() == Kind::Apart.name() { 8 } else { 24 };
        self.random.u32(0..most)
    }

    async fn change(&mut self, what: &str, change: Change) {
        let names: Vec<_> = self.ledger.books().records.workloads.keys().cloned().collect();
        // Work that ends stays what it is.
        let ends = |name: &WorkloadName| name.as_str() == Kind::ToCompletion.name();
        let names: Vec<_> = names.into_iter().filter(|name| !ends(name)).collect();
        if names.is_empty() {
            return;
        }
        let name = names[self.random.usize(..names.len())].clone();
        self.ask(&name, what, change).await;
    }

    async fn ask(&mut self, name: &WorkloadName, what: &str, change: Change) {
        let name = name.to_string();
        let told = format!("somebody asks for {name}: {what}");
        let request = wire::ChangeWorkloadRequest { name, change: Some(change), take_over: false };
        let Some(coordinator) = self.seat.coordinator() else { return };
        let done = coordinator.people().change_workload(asked_by(user(), request)).await;
        self.tell(&told, done.map(drop));
    }

    async fn label(&mut self, host: &str) {
        let zone = ["a", "b", "c"][self.random.usize(..3)];
        let request = wire::LabelHostRequest {
            host: host.to_owned(),
            set: [("zone".to_owned(), zone.to_owned())].into(),
            remove: Vec::new(),
        };
        let Some(coordinator) = self.seat.coordinator() else { return };
        let done = coordinator.people().label_host(asked_by(user(), request)).await;
        self.tell(&format!("somebody labels {host} zone={zone}"), done.map(drop));
    }

    async fn cordon(&mut self, host: &str, cordoned: bool) {
        let reason = String::new();
        let request = wire::CordonHostRequest { host: host.to_owned(), cordoned, reason };
        let Some(coordinator) = self.seat.coordinator() else { return };
        let done = coordinator.people().cordon_host(asked_by(user(), request)).await;
        let how = if cordoned { "cordons" } else { "uncordons" };
        self.tell(&format!("somebody {how} {host}"), done.map(drop));
    }

    async fn drain(&mut self, host: &str, cancel: bool) {
        let request = wire::DrainHostRequest {
            host: host.to_owned(),
            deadline_ms: self.random.bool().then(|| self.random.u64(0..60_000)),
            keep_every_host: self.random.bool(),
            cancel,
            reason: String::new(),
        };
        let Some(coordinator) = self.seat.coordinator() else { return };
        let done = coordinator.people().drain_host(asked_by(user(), request)).await;
        let how = if cancel { "drains no more" } else { "drains" };
        self.tell(&format!("somebody {how} {host}"), done.map(drop));
    }

    fn tell(&self, what: &str, done: Result<(), Status>) {
        match done {
            Ok(()) => self.trace.tell(what),
            Err(status) => self.trace.tell(format_args!("{what}: refused: {}", status.message())),
        }
    }

    fn spec(&mut self, kind: Kind, bad: bool) -> WorkloadSpec {
        self.asked += 1;
        let image = match (bad, kind) {
            (true, _) => BAD.to_owned(),
            (false, Kind::ToCompletion) => IMAGE.to_owned(),
            (false, _) => self.image(),
        };
        let instance = InstanceSpec {
            image: Some(image),
            options: [("start_ms".to_owned(), tamer_model::OptionValue::Number(200))].into(),
            ..InstanceSpec::default()
        };
        let name: WorkloadName = kind.name().parse().expect("a name");
        let count = self.count(&name);
        let mut spec =
            WorkloadSpec::new(name.clone(), PROVIDER.parse().expect("a provider"), instance);
        spec.run = Run::Count(count);
        spec.resources.cpu = Some(Cpu::from_millis(250));
        spec.resources.memory = Some(Size::from_bytes(256 << 20));
        spec.stop_grace = Span::from_secs(2);
        spec.restart = Restart {
            attempts: 4,
            window: Span::from_secs(60),
            backoff: Span::from_millis(500),
            longest: Span::from_secs(4),
        };
        spec.update = Update {
            max_in_flight: self.random.u32(1..5),
            canary: 0,
            order: UpdateOrder::StopFirst,
            healthy_for: Span::from_secs(2),
            deadline: Span::from_secs(60),
            auto_revert: self.random.u8(..4) > 0,
        };
        spec.lost = Lost {
            replace_after: Patience::After(Span::from_secs(self.random.u64(5..40))),
            ..Lost::default()
        };
        self.vary(kind, &mut spec, name);
        spec
    }

    fn image(&mut self) -> String {
        format!("{IMAGE}-{}", self.random.u8(..IMAGES))
    }

    fn vary(&mut self, kind: Kind, spec: &mut WorkloadSpec, name: WorkloadName) {
        match kind {
            Kind::Plain => {
                let to = AffinityTo::Hosts("zone=b".parse().expect("a selector"));
                spec.affinity.push(Affinity { to, weight: 50 });
                spec.priority = 60;
            }
            Kind::StartFirst => {
                spec.update.order = UpdateOrder::StartFirst;
                spec.lost.winner = Winner::Original;
            }
            Kind::Canary => spec.update.canary = self.random.u32(1..3),
            Kind::EveryHost => {
                spec.run = Run::EveryHost;
                spec.constraints.push("zone in (a,b)".parse().expect("a selector"));
                spec.update.max_in_flight = 10;
            }
            Kind::ToCompletion => {
                spec.run = Run::ToCompletion { completions: 12, parallelism: 4 };
                spec.lost.replace_after = Patience::After(Span::from_secs(20));
            }
            Kind::Apart => {
                spec.apart_from.push(name);
                let spread = Spread { over: "zone".to_owned(), weight: 100, max_skew: None };
                spec.spread.push(spread);
            }
            Kind::Strict => {
                spec.lost.replace_after = Patience::After(Span::from_secs(40));
                spec.lost.stop_after = Patience::After(Span::from_secs(20));
            }
        }
    }
}

fn user() -> UserName {
    "ada".parse().expect("a name")
}
