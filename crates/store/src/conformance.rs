//! The contract of a store, as cases to run against one.
