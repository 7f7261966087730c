//! `tamerctl version`.

use serde::Serialize;
use tamer_proto::WIRE_MINOR;

use crate::Session;
use crate::errors::Failure;
use crate::output::Line;

#[derive(Serialize)]
struct Version {
    version: &'static str,
    wire: String,
    os: &'static str,
    arch: &'static str,
}

/// Runs it.
pub fn run(session: &Session) -> Result<(), Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        wire: format!("1.{WIRE_MINOR}"),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    };
    session.show(&version, |_| {
        let Version { version, wire, os, arch } = &version;
        vec![Line::plain(format!("tamerctl {version}  (wire {wire}, {os} {arch})"))]
    })
}
