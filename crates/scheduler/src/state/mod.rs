//! What the scheduler remembers: hosts, workloads and placements, and the indexes that make a
//! decision cheap.

mod bits;
mod columns;
mod hosts;
mod ix;
mod masks;
mod needs;
mod placements;
mod usage;
mod workloads;

pub use bits::Bits;
pub use columns::Columns;
pub use hosts::Hosts;
pub use ix::{ColumnIx, DeviceIx, HostIx, MaskIx, NeedIx, Slot, WorkloadIx};
pub use masks::Masks;
pub use needs::{Need, Needs};
pub use placements::{List, Placements, Seat};
pub use usage::{Lack, Usage};
pub use workloads::{Likes, Spreading, Terms, WorkloadRecord, Workloads};
