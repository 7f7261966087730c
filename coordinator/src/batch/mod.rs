//! Batches: the controller that drives each to its end, and the feeds that show it.
//!
//! `tamer-rollout` says what is sent and given up, [`decide`] what becomes of an attempt that was
//! sent; both are pure. [`controller`] owns the batches that have not ended ([`open`]), turns plans
//! into records ([`plan`]), commits them ([`group`]), and only then acts on them. [`make`] makes
//! batches, for the targets that [`select`] freezes. [`feed`] carries changes and live output to
//! whoever watches.

pub mod controller;
mod decide;
pub mod feed;
mod group;
pub mod make;
mod open;
mod plan;
mod recent;
mod select;
pub mod targets;
#[cfg(test)]
mod tests;
pub mod watch;

pub use controller::{Controller, Notice};
pub use feed::{Feeds, News};
pub use make::{Maker, Order};
