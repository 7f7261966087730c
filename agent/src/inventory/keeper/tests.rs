//! The keeper with collectors that do what a test says.

mod crash;
mod looking;
mod restart;
mod rig;
