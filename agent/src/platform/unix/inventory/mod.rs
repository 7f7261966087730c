//! What is looked at on Linux.

mod accounts;
mod jobs;
mod mounts;
mod network;
mod packages;
mod place;
mod ports;
mod program;
mod rpm;
mod services;
mod set;
mod sysctls;
mod system;
mod watch;

use place::Place;
pub use set::{
    Stamp, collectors, configs, default_certificates, default_files, is_private, is_settled,
    owner_of, stamp, trust_stores,
};
pub use watch::Watch;
