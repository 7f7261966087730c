//! One moment, drawn from its seed.

use std::time::Duration;

use fastrand::Rng;

use super::deed::Deed;
use super::fleet::HOSTS;

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victims {
    Agent,
    Coordinator,
    Both,
}

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// So long after everything began.
    After(Duration),
    /// So long after the agent has written a picture down, which it tells then.
    Told(Duration),
}

/// A moment.
pub struct Moment {
    pub seed: u64,
    pub deed: Deed,
    pub victims: Victims,
    /// Whose agent dies, or is watched.
    pub host: usize,
    pub aim: Aim,
    /// Files that change before, on each host, and while somebody is dead.
    pub edits: [usize; 2],
    /// What else is drawn.
    pub draws: Rng,
}

impl Victims {
    pub fn has_agent(self) -> bool {
        self != Self::Coordinator
    }

    pub fn has_coordinator(self) -> bool {
        self != Self::Agent
    }
}

impl Moment {
    /// That of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut draws = Rng::with_seed(seed);
        let deed = Deed::of(seed);
        let victims = match (deed, draws.u8(..3)) {
            (Deed::Forget, 0 | 1) => Victims::Agent,
            (Deed::Harm(_), 0 | 1) => Victims::Coordinator,
            (Deed::Forget | Deed::Harm(_), _) | (_, 2) => Victims::Both,
            (_, 1) => Victims::Agent,
            (_, _) => Victims::Coordinator,
        };
        let host = draws.usize(..HOSTS);
        let aim = match deed {
            // A request is served within some milliseconds, and nothing else is going on.
            Deed::Take | Deed::Set | Deed::Accept => Aim::After(millis(&mut draws, 60)),
            Deed::Harm(_) => Aim::After(millis(&mut draws, 200)),
            Deed::Edit | Deed::Forget if draws.bool() => Aim::Told(millis(&mut draws, 40)),
            Deed::Edit | Deed::Forget => Aim::After(millis(&mut draws, 1_500)),
        };
        let edits = [draws.usize(1..25), draws.usize(..15)];
        Self { seed, deed, victims, host, aim, edits, draws }
    }

    /// One in which a fleet begins: its first pictures are on their way.
    pub fn first(seed: u64) -> Self {
        let mut draws = Rng::with_seed(!seed);
        let victims = [Victims::Agent, Victims::Coordinator, Victims::Both][draws.usize(..3)];
        let host = draws.usize(..HOSTS);
        let aim = match draws.u8(..4) {
            0 => Aim::After(millis(&mut draws, 500)),
            _ => Aim::Told(millis(&mut draws, 120)),
        };
        Self { seed, deed: Deed::Edit, victims, host, aim, edits: [0, 0], draws }
    }
}

fn millis(draws: &mut Rng, most: u64) -> Duration {
    Duration::from_millis(draws.u64(..most))
}
