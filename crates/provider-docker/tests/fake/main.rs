//! A Docker Engine in memory that speaks API 1.41 as far as our provider uses it, and the suite
//! that every provider passes against it: so it runs where no Docker is. Statuses and messages are
//! those of Docker Engine 20.10.24.
#![cfg(unix)]

mod alike;
mod answer;
mod ask;
mod conformance;
mod containers;
mod engine;
mod events;
mod exec;
mod host;
mod images;
mod lifecycle;
mod output;
mod route;
mod world;
