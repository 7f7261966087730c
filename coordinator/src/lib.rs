//! The program that holds the fleet: sessions, liveness, batches, enrolment, the audit.
//!
//! [`program`] puts it together; `main` only parses. State lives in the store; what is in memory is
//! a cache of it or a decision on its way there.

mod access;
mod advertise;
mod audit;
mod batch;
mod caller;
mod clock;
pub mod config;
mod contents;
mod control;
mod data;
mod door;
mod drift;
mod enrol;
mod fleet;
mod health;
mod instances;
mod janitor;
mod liveness;
mod platform;
pub mod program;
mod schedules;
pub mod service;
mod session;
#[cfg(debug_assertions)]
#[doc(hidden)]
pub mod simulated;
mod state;
pub mod transfer;
mod workloads;
