//! Finding each other on the local network by mDNS (RFC 6762) and DNS-SD (RFC 6763).
//!
//! The coordinator owns an [`Advertiser`]; an agent that is not connected owns a [`Browser`] and
//! stops it once it is; `tamerctl` calls [`find`]. mDNS finds, the fingerprint decides: anybody on
//! the network can say anything here, so what comes out are candidates to try with TLS, never an
//! answer. Everything that strangers fill is bounded.
//!
//! Needs a tokio runtime. Each advertiser or browser has one thread of its own (of mdns-sd) while
//! it lives, and UDP port 5353 is shared with whatever else speaks mDNS on the machine.

mod advertiser;
mod browser;
mod daemon;
mod find;
mod found;
mod interfaces;
mod table;
mod txt;

pub use advertiser::{Advertisement, Advertiser};
pub use browser::Browser;
pub use daemon::StartError;
pub use find::find;
pub use found::{Found, Wanted};
pub use interfaces::Interfaces;
pub use table::{MAX_ADDRESSES, MAX_CANDIDATES};
pub use txt::{Txt, TxtError};

/// The service that coordinators offer.
pub const SERVICE_TYPE: &str = "_tamer._tcp.local.";
