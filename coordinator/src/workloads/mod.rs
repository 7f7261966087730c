//! Workloads: what should run, and the controller that keeps it so.
//!
//! `tamer-scheduler` works out what is to be done; it is pure. [`controller`] tells it of hosts
//! ([`hosts`]), of workloads as people change them, and of what agents tell ([`hear`]); it turns its
//! plans into records ([`deed`]), commits them in groups ([`group`]), and only then tells the agents
//! ([`orders`]). [`Board`] is what is known at a moment; everybody reads it through [`Workloads`].

mod board;
mod config;
mod controller;
mod deed;
mod follow;
mod group;
mod handle;
mod hear;
mod hosts;
mod load;
mod orders;
mod plan;
mod steps;
#[cfg(test)]
mod tests;
mod trouble;

pub use board::{Board, Copy};
pub use config::Scheduling;
pub use controller::{Controller, Notice};
pub use handle::Workloads;
