//! The agent as a library: its parts, for the program and for tests of the fleet.
#![warn(missing_docs)]

pub mod backoff;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dial;
pub mod enrol;
pub mod exec;
pub mod facts;
pub mod find;
pub mod folder;
pub mod identity;
pub mod inventory;
pub mod journal;
pub mod placements;
pub mod platform;
pub mod problem;
pub mod providers;
pub mod run;
pub mod service;
pub mod session;
pub mod spool;
pub mod streams;
pub mod tasks;
pub mod work;

/// The version of the agent.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
