//! The floor: for each copy a loop over all hosts that takes the one with most memory left.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long so many copies take, and how long one.
pub fn floor(hosts: u32, copies: u32) -> Duration {
    let mut left: Vec<u64> =
        (0..hosts).map(|host| u64::from(16u32 << (host % 3)) * (4 << 30)).collect();
    let began = Instant::now();
    for _ in 0..copies {
        let mut best = 0;
        for at in 1..left.len() {
            if left[at] > left[best] {
                best = at;
            }
        }
        left[best] = left[best].saturating_sub(256 << 20);
        black_box(best);
    }
    began.elapsed()
}
