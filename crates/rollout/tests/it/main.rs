//! Histories: drawn ones for what must always hold, written ones as transcripts to read.

mod cases;
mod histories;
mod scenarios;
mod world;
