//! Being found on the local network.

use std::net::SocketAddr;

use tamer_certs::Authority;
use tamer_discovery::{Advertisement, Advertiser, Interfaces, Txt};
use tamer_model::CoordinatorId;
use tamer_proto::WIRE_MAJOR;
use tracing::warn;

use crate::config::Config;

/// Announces the coordinator, if it shall be. A network without multicast is no reason not to
/// serve: agents then need to be told the address.
pub fn advertise(
    config: &Config,
    authority: &Authority,
    coordinator: CoordinatorId,
    address: SocketAddr,
) -> Option<Advertiser> {
    if !config.mdns {
        return None;
    }
    let interfaces = if config.interfaces.is_empty() {
        Interfaces::All
    } else {
        Interfaces::Named(config.interfaces.clone())
    };
    let txt = Txt {
        fleet: authority.fleet(),
        ca: authority.fingerprint(),
        coordinator,
        wire_version: WIRE_MAJOR,
        program_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
    };
    Advertiser::start(Advertisement { txt, port: address.port(), interfaces })
        .inspect_err(
            |error| warn!(%error, "not announced on the local network; agents need --coordinator"),
        )
        .ok()
}
