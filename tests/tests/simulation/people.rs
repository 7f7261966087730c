//! What people ask of the coordinator: through the services that `tamerctl` calls.

use tamer_coordinator::simulated::asked_by;
use tamer_model::{Run, Stage, UserName, WorkloadName, WorkloadSpec};
use tamer_proto::wire;
use tamer_proto::wire::control_server::Control as _;
use tamer_proto::wire::workloads_server::Workloads as _;
use tonic::Status;
use wire::change_workload_request::Change;

use super::ledger::Ledger;
use super::seat::Seat;
use super::trace::Trace;
use super::wishes::{KINDS, Kind, Wishes};

pub struct People {
    seat: Seat,
    ledger: Ledger,
    trace: Trace,
    random: fastrand::Rng,
    wishes: Wishes,
    /// Counts the requests.
    asked: u64,
}

impl People {
    pub fn new(seat: Seat, ledger: Ledger, trace: Trace, seed: u64) -> Self {
        let (random, wishes) = (fastrand::Rng::with_seed(seed), Wishes::new(!seed));
        Self { seat, ledger, trace, random, wishes, asked: 0 }
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
                let failed = matches!(stage, Some(Stage::Failed { .. }));
                !workload.removing && (failed || Wishes::are_bad(&workload.spec))
            });
            failed.map(|workload| workload.spec.clone()).collect()
        };
        for mut spec in broken {
            self.wishes.mend(&mut spec);
            self.apply_spec("mends", &spec).await;
        }
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
        let spec = self.wishes.of(kind, bad);
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
        let count = self.wishes.count(name);
        self.ask(name, &format!("scale to {count}"), Change::Scale(count)).await;
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
}

fn user() -> UserName {
    "ada".parse().expect("a name")
}
