//! The end-to-end harness: real programs as real processes, on port 0 or in network namespaces of
//! their own. What a test starts it stops, also when it fails; a program that logs a warning which
//! the test did not announce fails the test.
//!
//! Tests find the programs in `TAMER_BIN`, or beside themselves in cargo's target folder.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    reason = "a test tells its story and fails by panicking"
)]

pub mod bench;
pub mod crash;
mod files;
mod fleet;
#[cfg(unix)]
pub mod guide;
mod lab;
mod machine;
mod peers;
mod process;
mod programs;
pub mod technology;
mod terminal;
mod wait;

pub use files::Files;
pub use fleet::{Agent, AgentSettings, Coordinator, CoordinatorSettings, Ctl, Finds, states};
pub use lab::{Lab, Place};
pub use machine::Machine;
pub use peers::{peer, peers_folder};
pub use process::{Ended, Process, Signal, mentioning};
pub use programs::{program, windows_program};
pub use terminal::{INTERRUPT, Terminal};
pub use wait::{until, within};

/// How much longer than usual the randomised campaigns are: `cargo xtask soak` sets it.
pub fn soak() -> u64 {
    std::env::var("TAMER_SOAK").ok().and_then(|factor| factor.parse().ok()).unwrap_or(1)
}
