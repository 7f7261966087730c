//! How a batch proceeds. Pure: no I/O, no clock, and no randomness but the seed in the spec.
//!
//! [`step`] is the whole of it: from what was asked for ([`tamer_model::Rollout`]), what is known of each
//! target ([`Target`], [`Reach`]), what people have said meanwhile ([`Control`]) and the time, it works out what to
//! send, what to give up and how the batch stands, each with its reason. It remembers nothing: the
//! same inputs give the same plan, after a crash as on a quiet day, so whoever calls it may call it
//! as often as it likes.
//!
//! Two promises hold for every history, and the tests draw many: there are never more targets in
//! flight than allowed, where a target is in flight until its end is known, however silent it is;
//! and once a budget is spent nothing new is sent, until a person says so.

mod order;
mod plan;
mod retry;
mod tally;
mod target;
mod waves;

pub use order::{order, sample};
pub use plan::{Control, Ending, Plan, Sending, step};
pub use retry::is_final;
pub use target::{Attempt, End, Phase, Reach, Target};
pub use waves::Waves;
