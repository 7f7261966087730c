//! Virtual machines behind the provider contract.
//!
//! [`MachineProvider`] serves the machines of a host's libvirt. It speaks libvirt's own protocol
//! ([`rpc`]), so that an agent with it starts and works on hosts without libvirt too, and says there
//! what is missing.

mod console;
mod faults;
mod machine;
mod options;
mod platform;
mod provider;
mod qcow2;
pub mod rpc;
mod seed;
mod session;
mod settings;
mod state;
mod stats;
mod xml;

pub use provider::MachineProvider;
pub use settings::{DomainType, Settings};
