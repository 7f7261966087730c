//! How a batch proceeds. Pure: no I/O, no clock, and no randomness but the seed in the spec.
//!
//! [`step`] is the whole of it: from what was asked for ([`Rollout`]), what is known of each target
//! ([`Target`]), what people have said meanwhile ([`Control`]) and the time, it works out what to
//! send, what to give up and how the batch stands, each with its reason. It remembers nothing: the
//! same inputs give the same plan, after a crash as on a quiet day, so whoever calls it may call it
//! as often as it likes.
//!
//! Two promises hold for every history, and the tests draw many: there are never more targets in
//! flight than allowed, where a target is in flight until its end is known, however silent it is;
//! and once a budget is spent nothing new is sent, until a person says so.

mod amount;
mod order;
mod plan;
mod retry;
mod spec;
mod tally;
mod target;
mod waves;

pub use amount::{Amount, InvalidAmount};
pub use order::order;
pub use plan::{Control, Ending, Plan, Sending, Stand, step};
pub use spec::{Offline, OnTrip, Order, Pause, Retry, Rollout, SpecError, WaveSizes};
pub use target::{Attempt, End, Phase, Reach, Retryable, Target, Unsent};
pub use waves::Waves;
