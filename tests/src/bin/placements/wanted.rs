//! What the file says that should run.

use anyhow::Result;
use tamer_model::{
    Affinity, AffinityTo, Cpu, InstanceSpec, Lost, Patience, Resources, Run, Selector, Size, Span,
    Spread, Update, WorkloadFile, WorkloadSpec,
};

/// What a copy takes. A slim host has two cores and so has room for forty, by cores sooner than by
/// memory.
const CORES: Cpu = Cpu::from_millis(50);
const COPIES_A_HOST: usize = 40;
/// Workloads of one file: its copies are shared among them.
const WORKLOADS: usize = 5;

/// A file of workloads whose names begin with `prefix` and that want `copies` together: each with
/// two constraints, an affinity and a spread, replaced at once when their host is lost.
pub fn file(prefix: &str, copies: usize) -> Result<Vec<WorkloadSpec>> {
    let share = |number| copies / WORKLOADS + usize::from(number < copies % WORKLOADS);
    let specs: Result<Vec<_>> = (0..WORKLOADS)
        .map(|number| workload(&format!("{prefix}-{number}"), share(number)))
        .collect();
    Ok(WorkloadFile { version: tamer_model::FILE_VERSION, workloads: specs? }.validate()?.workloads)
}

/// How many copies so many hosts have room for: one in twenty is none that copies may be on, and its
/// group is rounded up.
pub const fn room(hosts: usize) -> usize {
    (hosts - hosts.div_ceil(20)) * COPIES_A_HOST
}

/// As they travel, and as a file has them.
pub fn documents(specs: &[WorkloadSpec]) -> Result<Vec<String>> {
    Ok(specs.iter().map(serde_json::to_string).collect::<Result<_, _>>()?)
}

fn workload(name: &str, copies: usize) -> Result<WorkloadSpec> {
    let instance = InstanceSpec {
        image: Some("registry.example.net/shop/web:2026.11.3".to_owned()),
        command: ["web", "--listen", "0.0.0.0:8080"].map(str::to_owned).to_vec(),
        env: [("LEVEL".to_owned(), "info".to_owned())].into(),
        ..InstanceSpec::default()
    };
    let selector = |text: &str| text.parse::<Selector>();
    let affinity = Affinity { to: AffinityTo::Hosts(selector("generation=new")?), weight: 50 };
    Ok(WorkloadSpec {
        run: Run::Count(u32::try_from(copies)?),
        constraints: vec![selector("storage=ssd")?, selector("kernel>=5.10")?],
        affinity: vec![affinity],
        spread: vec![Spread { over: "zone".to_owned(), weight: 100, max_skew: None }],
        resources: Resources {
            cpu: Some(CORES),
            memory: Some(Size::from_bytes(32 << 20)),
            ..Resources::default()
        },
        // What is measured is the coordinator, not its patience.
        update: Update {
            max_in_flight: tamer_model::MAX_COPIES,
            healthy_for: Span::default(),
            ..Update::default()
        },
        lost: Lost { replace_after: Patience::After(Span::default()), ..Lost::default() },
        stop_grace: Span::default(),
        ..WorkloadSpec::new(name.parse()?, "docker".parse()?, instance)
    })
}
