//! The whole agent, with a technology in memory, against a coordinator that only listens and asks.

mod contents;
mod coordinator;
#[cfg(unix)]
mod files;
mod inventory;
mod output;
mod placements;
#[cfg(unix)]
mod scripts;
#[cfg(unix)]
mod steps;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod telling;
