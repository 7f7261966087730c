//! Findings that are one story: one matcher an area, each of which says why.

mod configuration;
mod context;
mod deployment;
mod network;
mod scaling;
mod security;
mod storage;
mod story;
mod subject;

pub(super) use story::{Story, stories};
