//! Desire: what one workload needs now, from its record and its copies alone.
//!
//! [`desire`] remembers nothing. Whatever is stored, however it came to be, it works out the next
//! step towards what is wanted: the same after a crash as on a quiet day. It does not know where
//! there is room: it says what needs a place, and what stops once the place is found.
//!
//! Copies are judged one by one (`judge`), put together by index (`slots`), and where two share one
//! it is settled which stays (`pair`). The update's stage (`update`) and the number of copies that
//! may be taken away (`budget`) say which of those that leave may go now (`change`); places without a
//! copy get one (`fill`). All of it is
//! `O(n log n)` in the copies of one workload, and knows nothing of any other.

mod budget;
mod change;
mod counts;
mod decide;
mod demand;
mod fill;
mod judge;
mod needs;
mod pair;
mod slots;
mod surplus;
mod update;
mod view;

pub use decide::desire;
pub use demand::{Counts, Demand, Desire};
pub use view::{CopyView, Draining, HostStanding, Told};
