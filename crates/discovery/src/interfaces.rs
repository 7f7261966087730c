//! Which network interfaces take part.

use mdns_sd::IfKind;

/// Which network interfaces take part. The choice holds for interfaces that appear later too,
/// and for IPv4 and IPv6 alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interfaces {
    /// All of them, the loopback included.
    #[default]
    All,
    /// Those with one of these names: `eth0`; on Windows the adapter's name, which
    /// `Get-NetAdapter` shows as the interface GUID.
    Named(Vec<String>),
}

impl Interfaces {
    /// The same choice as mdns-sd reads it: what to switch off first, and what to switch on then.
    pub(crate) fn selection(&self) -> Option<(IfKind, Vec<IfKind>)> {
        match self {
            Self::All => None,
            Self::Named(names) => Some((IfKind::All, names.iter().map(IfKind::from).collect())),
        }
    }
}
