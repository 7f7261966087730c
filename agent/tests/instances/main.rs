//! The whole agent, with a technology in memory, against a coordinator that only listens and asks.

mod coordinator;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod telling;
