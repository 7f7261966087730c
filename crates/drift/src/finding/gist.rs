//! What makes a thing the same thing on several hosts.

use crate::diff::FieldChange;
use crate::resource::Kind;

use super::words::How;

/// The properties that say what came or went. Others differ from host to host: addresses, ids, when.
pub(super) const fn of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Package | Kind::Technology => &["version"],
        Kind::User => &["uid"],
        Kind::Group => &["gid"],
        Kind::Port => &["address", "protocol", "processes"],
        Kind::Mount => &["device", "filesystem"],
        Kind::Route => &["via"],
        Kind::Job => &["command"],
        Kind::Certificate => &["fingerprint"],
        Kind::File | Kind::Config => &["digest"],
        Kind::Instance => &["image"],
        Kind::System
        | Kind::Service
        | Kind::Interface
        | Kind::Resolver
        | Kind::Sysctl
        | Kind::Image
        | Kind::Network
        | Kind::Volume
        | Kind::Pool
        | Kind::Checkpoint => &[],
    }
}

/// The fields by which the same change is known on several hosts.
pub(super) fn fields(kind: Kind, how: How, all: &[FieldChange]) -> Vec<FieldChange> {
    let core = of(kind);
    let counts = |field: &&FieldChange| match how {
        How::Created | How::Deleted => core.contains(&field.path.to_string().as_str()),
        How::Changed | How::Moved | How::Replaced | How::Due => true,
    };
    all.iter().filter(counts).cloned().collect()
}
