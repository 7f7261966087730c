//! Tests against real engines, each with one of its own.
#![cfg(unix)]

mod carried;
mod conformance;
mod pulled;
mod refusals;
mod support;
