//! What a search gives, and what it looks for.

use std::net::SocketAddr;

use tamer_model::{CoordinatorId, Fingerprint, FleetId};

/// A coordinator that somebody on the network says there is. A candidate: only a TLS handshake
/// under the right CA makes it a coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which coordinator it says it is.
    pub coordinator: CoordinatorId,
    /// Which fleet it says it is of.
    pub fleet: FleetId,
    /// The fingerprint that it says its CA has.
    pub ca: Fingerprint,
    /// Where it says it listens, the nearest first: loopback, IPv4, IPv6, and link-local IPv6
    /// with the scope it was heard on. At most [`MAX_ADDRESSES`](crate::MAX_ADDRESSES).
    pub addresses: Vec<SocketAddr>,
    /// The major version of the wire protocol that it says it speaks.
    pub wire_version: u32,
    /// The program's version that it says it is.
    pub program_version: Option<String>,
}

/// What is looked for. What does not fit is still listed, after what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The fleet, if it is known.
    pub fleet: Option<FleetId>,
    /// The CA's fingerprint, if it is known: from a join token or an enrolment.
    pub ca: Option<Fingerprint>,
}

impl Wanted {
    /// Whether `found` is of the fleet and CA that are looked for. Everything fits a `Wanted` that
    /// names neither.
    pub fn fits(&self, found: &Found) -> bool {
        self.fleet.is_none_or(|fleet| fleet == found.fleet)
            && self.ca.is_none_or(|ca| ca == found.ca)
    }

    /// Whether anything in particular is looked for.
    pub fn is_specific(&self) -> bool {
        self.fleet.is_some() || self.ca.is_some()
    }
}
