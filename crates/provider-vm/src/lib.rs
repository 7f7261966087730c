//! Virtual machines behind the provider contract.

pub mod rpc;
