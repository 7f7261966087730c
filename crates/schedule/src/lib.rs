//! When a batch is due. Pure: no clock, no I/O, no randomness; the time zone database is part of the
//! crate, so the same timing gives the same times on every machine.
//!
//! The coordinator asks [`Timing::step`] what to do now; `tamerctl` reads what people write with the
//! same types. What happens in the nights when clocks are changed is said at [`Cron`], [`Window`] and
//! [`Zone::read`].

mod cron;
mod jitter;
mod step;
mod timing;
mod when;
mod window;
mod zone;

pub use cron::Cron;
pub use step::{Passed, Step};
pub use timing::{DEFAULT_CATCH_UP, MAX_CATCH_UP, MAX_JITTER, Overlap, Timing, Upcoming};
pub use when::When;
pub use window::{Opening, Window};
pub use zone::Zone;
