//! Workloads, end to end: real engines, real agents, and tamerctl alone. What an engine has is asked
//! of the engine itself.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "figures for whoever reads the log of a run")]

mod agents;
mod applies;
mod cuts;
mod drains;
mod scene;
mod updates;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tamer_tests::technology::installed;

use scene::Scene;

/// A part of the story.
type Part = (&'static str, fn(&mut Scene));

/// A file says what should run, and the fleet keeps it so.
#[test]
fn three_engines_keep_what_files_say() {
    if !installed(&["docker"]) {
        return;
    }
    let parts: &[Part] = &[
        ("apply, scale, and keep", applies::is_kept),
        ("run to completion, and on every host", applies::runs_other_ways),
        ("what no host can take", applies::says_why_not),
        ("bad input", applies::refuses),
        ("a rolling update", updates::rolls),
        ("a bad update goes back", updates::goes_back),
        ("a coordinator dies in the middle of an update", updates::outlives_the_coordinator),
        ("an agent is killed", agents::is_killed),
        ("a removal while the agent is away", agents::hears_later),
        ("a drain", drains::moves_all),
        ("a drain that is cancelled", drains::is_cancelled),
        ("a host is cut off: the replacement stays", cuts::replacement_stays),
        ("a host is cut off: the original stays", cuts::original_stays),
        ("a host is cut off and stops by itself", cuts::stops_by_itself),
    ];
    let mut scene = Scene::start();
    let mut failed = Vec::new();
    for (name, part) in parts {
        let begun = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| part(&mut scene))).is_err() {
            failed.push(*name);
            scene.clear();
        }
        println!("{name}: {:?}", begun.elapsed());
    }
    assert!(failed.is_empty(), "these parts failed, each told above: {failed:?}");
}
