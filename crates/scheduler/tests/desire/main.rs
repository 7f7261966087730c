//! One workload's desire in a small world: drawn histories for what must always hold, written ones as
//! transcripts to read, and single cases.

mod agents;
mod cases;
mod checks;
mod histories;
mod hosts;
mod people;
mod scenarios;
mod story;
mod strays;
mod world;
