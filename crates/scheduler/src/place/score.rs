//! Points: how good a host is, of those that fit.
//!
//! Room counts 100; each affinity and each spread counts its weight. Each gives between nothing and
//! all of its part, and the parts together are a thousand. Inside they are counted in thousandths
//! of a point, so that small differences still decide.

use tamer_model::{Packing, WorkloadSpec};

use crate::state::{Need, Usage};

/// What room counts, beside affinities and spreads of at most as much.
const ROOM: f64 = 100.0;
/// A point, in what is counted inside.
pub const POINT: i32 = 1000;
/// Of what is taken of a host, so much is how many copies it has: they cost something also where
/// nobody said what they take.
const CROWD: f64 = 0.2;
/// So many copies make a host half crowded.
const HALF: f64 = 16.0;

/// How the points of a workload are weighed.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Points for each unit of weight, in thousandths.
    unit: f64,
    packing: Packing,
}

impl Scale {
    /// Of a spec.
    pub fn of(spec: &WorkloadSpec) -> Self {
        let affinity = spec.affinity.iter().map(|one| f64::from(one.weight.unsigned_abs()));
        let spread = spec.spread.iter().map(|one| f64::from(one.weight));
        let all = ROOM + affinity.sum::<f64>() + spread.sum::<f64>();
        Self { unit: 1000.0 * f64::from(POINT) / all, packing: spec.packing }
    }

    /// What the room on a host gives, once a copy is there.
    pub fn room(&self, usage: &Usage, need: &Need) -> i32 {
        let cpu = taken(usage.total.0, usage.cpu - need.cpu);
        let memory = taken(usage.total.1, usage.memory - need.memory);
        let copies = f64::from(usage.copies);
        let used = (1.0 - CROWD) * 0.5 * (cpu + memory) + CROWD * (copies / (copies + HALF));
        let part = match self.packing {
            Packing::Even => 1.0 - used,
            Packing::Tight => used,
        };
        (ROOM * self.unit * part) as i32
    }

    /// What an affinity gives. One that is against something gives its points where that is not.
    pub fn liking(&self, weight: i8, matched: bool) -> i32 {
        let good = matched == (weight > 0);
        if good { (f64::from(weight.unsigned_abs()) * self.unit) as i32 } else { 0 }
    }

    /// What a spread gives to a value that has so many more copies than the one with the fewest.
    pub fn spread(&self, weight: u8, more: u32) -> i32 {
        (f64::from(weight) * self.unit / (1.0 + f64::from(more))) as i32
    }
}

/// How much of something is taken, from 0 to 1. What a host never told of is taken.
fn taken(total: i64, left: i64) -> f64 {
    if total <= 0 {
        return 1.0;
    }
    ((total - left) as f64 / total as f64).clamp(0.0, 1.0)
}
