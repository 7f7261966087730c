//! What is on a host, what differs between two moments, and what that means. Pure: no I/O, no
//! clock, no randomness.
//!
//! A collector makes [`Resource`]s; they have one encoding ([`canonical`]) and lie in a tree that
//! is named by its content ([`tree`]): the same root, the same resources. [`diff`] finds what
//! differs in time proportional to it, [`delta`] keeps it small, [`fleet`] is the same tree over
//! hosts, and [`finding`] says what it means. Readers check everything they read, so nodes may
//! come from anywhere.

pub mod canonical;
pub mod delta;
pub mod diff;
mod digest;
pub mod finding;
pub mod fleet;
mod resource;
pub mod tree;
mod words;

pub use digest::{Digest, Domain};
pub use resource::{
    Kind, MAX_DEPTH, MAX_ID_BYTES, MAX_RESOURCE_BYTES, Resource, ResourceKey, Source, Value,
};
