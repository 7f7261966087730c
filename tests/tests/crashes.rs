//! Crash points: the coordinator, an agent or both die at exact places of a batch of three waves
//! over eight hosts. No side effect happens twice, no task is lost, no end is untrue, and no
//! threshold is overstepped.
//!
//! An ordinary run dies at a sample; `cargo xtask soak crashes` at every point there is.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a campaign says how large it was")]

use std::thread;
use std::time::Instant;

use tamer_tests::crash::{Campaign, Fleet, Kill, points, points_of_second_lives};
use tamer_tests::soak;

/// What an ordinary run dies at.
const SAMPLE: usize = 40;
/// Deaths after which every point of the next life is a point too.
const SECOND_LIVES: usize = 8;
/// What the whole campaign is to reach at least.
const WHOLE: usize = 300;
/// Fleets that run side by side: most of the time of a batch is waiting.
const FLEETS: usize = 2;

#[test]
fn crashes_in_the_middle_of_a_batch_break_no_promise() {
    let begun = Instant::now();
    let seed = std::env::var("TAMER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut draws = fastrand::Rng::with_seed(seed);
    let folders = [(); FLEETS].map(|()| tempfile::tempdir().expect("a folder"));
    let mut fleets = folders.each_ref().map(|folder| Fleet::start(folder.path()));
    let mut kills = points(&mut fleets[0], &mut draws);
    kills.extend(points_of_second_lives(&mut fleets[0], &kills, &mut draws, SECOND_LIVES));
    let known = kills.len();
    draws.shuffle(&mut kills);
    let whole = soak() > 1;
    if !whole {
        kills.truncate(SAMPLE);
    }
    let campaign = run(&mut fleets, &kills);
    println!(
        "seed {seed}: died at {} of {known} points in {:?}, {} were not passed as often: {:?}",
        campaign.died.len(),
        begun.elapsed(),
        campaign.missed.len(),
        campaign.table()
    );
    assert!(campaign.broken.is_empty(), "{}", campaign.broken.join("\n=====\n"));
    let enough = if whole { WHOLE } else { SAMPLE * 3 / 4 };
    assert!(campaign.died.len() >= enough, "only {}: {:#?}", campaign.died.len(), campaign.missed);
}

/// Divides the points among the fleets.
fn run(fleets: &mut [Fleet], kills: &[Kill]) -> Campaign {
    let share = kills.len().div_ceil(fleets.len());
    thread::scope(|scope| {
        let workers: Vec<_> = fleets
            .iter_mut()
            .zip(kills.chunks(share))
            .map(|(fleet, kills)| {
                scope.spawn(move || {
                    let mut campaign = Campaign::default();
                    campaign.run(fleet, kills.iter().cloned());
                    campaign
                })
            })
            .collect();
        let mut all = Campaign::default();
        for worker in workers {
            all.add(worker.join().expect("a worker that panics has said why"));
        }
        all
    })
}
