//! The owner against the technology in memory, with a clock that only moves when all wait.

mod away;
mod crash;
mod going;
mod keeping;
mod rig;
