//! The technologies of this host: which are served, how an order is carried out, and what the
//! session tells of them. `run`, `tasks` and `session` call it.

mod configured;
mod perform;
mod progress;
mod tell;
#[cfg(test)]
mod testing;

pub use configured::{Served, container, not_here, patience, word};
pub use perform::{name, perform};
pub use tell::tell;
#[cfg(test)]
pub use testing::serving;
