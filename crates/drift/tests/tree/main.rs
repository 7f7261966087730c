//! Holds trees, differences and deltas to their promises.

mod bytes;
mod cases;
mod cost;
mod deltas;
mod draw;
mod fields;
mod hostile;
mod json;
mod scenarios;
mod transfer;
mod trees;
