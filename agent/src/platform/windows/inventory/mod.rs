//! What is looked at on Windows: the system, programs as the registry lists them, and files. It has
//! no watches yet: everything is asked at intervals.

mod programs;
mod set;
mod system;
mod watch;

pub use set::{
    Stamp, collectors, configs, default_certificates, default_files, is_private, is_settled,
    owner_of, stamp, trust_stores,
};
pub use watch::Watch;
