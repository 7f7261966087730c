//! Placing: which host takes a wanted copy, who waits, who gives way.

mod draft;
mod explain;
mod frame;
mod level;
mod preempt;
mod rank;
mod rebalance;
mod remedies;
mod score;
mod search;
mod searches;
mod spread;
mod turns;

pub use draft::{Draft, Has};
pub use explain::explain;
pub use frame::Frame;
pub use level::{Placer, Waiting};
pub use rank::rank;
pub use rebalance::{Balance, moves};
