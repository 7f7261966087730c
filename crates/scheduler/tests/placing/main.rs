//! Where copies go: drawn fleets for what must always hold, written ones as transcripts to read.

mod amounts;
mod balance;
mod cases;
mod checks;
mod naive;
mod properties;
mod scenarios;
mod told;
mod world;
