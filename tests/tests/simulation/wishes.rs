//! What people want to run in this fleet.

use tamer_model::{
    Affinity, AffinityTo, Check, Cpu, Health, InstanceSpec, Lost, Patience, Restart, Run, Size,
    Span, Spread, Update, UpdateOrder, Winner, WorkloadName, WorkloadSpec,
};
use tamer_provider::fake::IMAGE;

/// An image that no registry has: an update to it cannot succeed.
const BAD: &str = "nowhere/broken:1";
/// Images that every host has.
const IMAGES: u8 = 16;
/// The provider of every host.
pub const PROVIDER: &str = "fake";

/// Draws what people want.
pub struct Wishes(fastrand::Rng);

/// What people have in this fleet; each run has some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    StartFirst,
    Canary,
    EveryHost,
    ToCompletion,
    Apart,
    Strict,
    /// More than half of a host each.
    Heavy,
    /// Asked again and again whether it is well.
    Checked,
}

pub const KINDS: [Kind; 9] = [
    Kind::Plain,
    Kind::StartFirst,
    Kind::Canary,
    Kind::EveryHost,
    Kind::ToCompletion,
    Kind::Apart,
    Kind::Strict,
    Kind::Heavy,
    Kind::Checked,
];

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::StartFirst => "start-first",
            Self::Canary => "canary",
            Self::EveryHost => "every-host",
            Self::ToCompletion => "work",
            Self::Apart => "apart",
            Self::Strict => "strict",
            Self::Heavy => "heavy",
            Self::Checked => "checked",
        }
    }
}

impl Wishes {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// The images that every host has, besides the one that it always has.
    pub fn images() -> impl Iterator<Item = String> {
        (0..IMAGES).map(|number| format!("{IMAGE}-{number}"))
    }

    /// Whether it cannot be well.
    pub fn are_bad(spec: &WorkloadSpec) -> bool {
        let unwell = spec.health.as_ref().is_some_and(|known| *known == health(true));
        unwell || spec.instance.image.as_deref() == Some(BAD)
    }

    /// Makes it one that can be well.
    pub fn mend(&mut self, spec: &mut WorkloadSpec) {
        spec.instance.image = Some(self.image());
        spec.health = spec.health.take().map(|_| health(false));
    }

    /// A workload as somebody may want it; `bad`: so that it cannot be well.
    pub fn of(&mut self, kind: Kind, bad: bool) -> WorkloadSpec {
        let image = match (bad, kind) {
            // It runs, and is not well.
            (true, Kind::Checked) => self.image(),
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
            max_in_flight: self.0.u32(1..5),
            canary: 0,
            order: UpdateOrder::StopFirst,
            healthy_for: Span::from_secs(2),
            deadline: Span::from_secs(60),
            auto_revert: self.0.u8(..4) > 0,
        };
        spec.lost = Lost {
            replace_after: Patience::After(Span::from_secs(self.0.u64(5..40))),
            ..Lost::default()
        };
        self.vary(kind, bad, &mut spec);
        spec
    }

    fn image(&mut self) -> String {
        format!("{IMAGE}-{}", self.0.u8(..IMAGES))
    }

    fn vary(&mut self, kind: Kind, bad: bool, spec: &mut WorkloadSpec) {
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
            Kind::Canary => spec.update.canary = self.0.u32(1..3),
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
                spec.apart_from.push(spec.name.clone());
                let spread = Spread { over: "zone".to_owned(), weight: 100, max_skew: None };
                spec.spread.push(spread);
            }
            Kind::Strict => {
                spec.lost.replace_after = Patience::After(Span::from_secs(40));
                spec.lost.stop_after = Patience::After(Span::from_secs(20));
            }
            Kind::Heavy => {
                spec.resources.cpu = Some(Cpu::from_millis(4500));
                spec.resources.memory = Some(Size::from_bytes(9 << 30));
                spec.priority = 70;
            }
            Kind::Checked => spec.health = Some(health(bad)),
        }
    }

    /// How many copies somebody may want.
    pub fn count(&mut self, name: &WorkloadName) -> u32 {
        // One copy a host must find as many hosts.
        let most = if name.as_str() == Kind::Apart.name() { 8 } else { 24 };
        self.0.u32(0..most)
    }
}

/// A check that always says that it is well, or always that it is not.
fn health(bad: bool) -> Health {
    let code = if bad { "1" } else { "0" };
    Health {
        check: Check::Exec(vec!["exit".to_owned(), code.to_owned()]),
        every: Span::from_secs(5),
        timeout: Span::from_secs(2),
        start_period: Span::from_secs(1),
        failures: 2,
        successes: 1,
    }
}
