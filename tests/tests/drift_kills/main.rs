//! Drift under kills: agents, their coordinator or both die at seeded moments while hosts are looked
//! at, while pictures travel and while people keep what they saw. What was acknowledged stays, a
//! baseline is what it was, every change is found, none is made up, and who was away says so.
//!
//! `TAMER_SEED` begins at another seed; `cargo xtask soak drift` has some two hundred moments.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a failure is told by its seed, and figures at the end")]

mod answer;
mod check;
mod damage;
mod deed;
mod disk;
mod fleet;
mod history;
mod memory;
mod moment;
mod report;
mod story;
mod strike;
mod tally;

use std::time::Duration;

use tamer_tests::soak;

use fleet::Fleet;
use moment::Moment;
use tally::Tally;

/// As many as there are sorts of them: seeds that follow each other have every sort.
const MOMENTS: u64 = deed::SORTS;
/// Moments of one fleet. Then another begins, so that first pictures are struck too.
const OF_ONE_FLEET: u64 = 20;
/// Whatever has to come comes within this time.
const SETTLED: Duration = Duration::from_secs(60);

#[test]
fn killed_at_seeded_moments_nothing_is_lost_and_nothing_made_up() {
    let first = std::env::var("TAMER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let last = first + MOMENTS * soak();
    let mut tally = Tally::default();
    for begin in (first..last).step_by(OF_ONE_FLEET as usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut fleet = Fleet::start(folder.path(), begin, &mut tally);
        for seed in begin..last.min(begin + OF_ONE_FLEET) {
            fleet.moment(Moment::draw(seed), &mut tally);
        }
    }
    println!("{tally}");
    tally.has_met_everything(soak() > 1);
}
