//! The clocks and the randomness of the programs: the wall, what is steady, and the bytes of ids.
//!
//! A simulation leads them: while [`lead`] holds on a thread, both clocks there follow tokio's,
//! which a test can stop and move, and all randomness comes from a seed. A program that was built
//! without debug assertions, so every release, holds nothing of this (decision 30).

#[cfg(debug_assertions)]
mod led;
mod real;

#[cfg(debug_assertions)]
pub use led::{Lead, begin, lead, random, steady, wall};
#[cfg(not(debug_assertions))]
pub use real::{random, steady, wall};
