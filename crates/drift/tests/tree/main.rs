//! Holds trees, differences and deltas to their promises.

mod bounds;
mod bytes;
mod cases;
mod cost;
mod deltas;
mod draw;
mod fields;
mod fuzz;
mod hostile;
mod json;
mod scenarios;
mod transfer;
mod trees;
