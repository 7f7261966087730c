//! The candidates known now, bounded. Pure: the browser feeds it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use mdns_sd::{ResolvedService, ScopedIp};

use crate::{Found, Txt, Wanted};

/// The most candidates that are kept. What fits what is wanted displaces what does not; among
/// equals the first comer stays, so that a flood does not push out who was there before.
pub const MAX_CANDIDATES: usize = 256;
/// The most addresses that are kept of one candidate.
pub const MAX_ADDRESSES: usize = 32;

/// Candidates by the name of their service instance. The name, not the coordinator's id, because
/// anybody can claim the id of another: both claims are kept, and TLS tells them apart.
pub(crate) struct Table {
    wanted: Wanted,
    entries: BTreeMap<String, Found>,
}

impl Table {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self { wanted, entries: BTreeMap::new() }
    }

    /// Puts a candidate in or in the place of its former self; whether anything changed.
    pub(crate) fn insert(&mut self, instance: &str, found: Found) -> bool {
        if self.entries.get(instance) == Some(&found) {
            return false;
        }
        if !self.entries.contains_key(instance) && self.entries.len() >= MAX_CANDIDATES {
            let misfit = self.entries.iter().find(|(_, held)| !self.wanted.fits(held));
            match misfit.map(|(name, _)| name.clone()) {
                Some(name) if self.wanted.fits(&found) => self.entries.remove(&name),
                _ => return false,
            };
        }
        self.entries.insert(instance.to_owned(), found);
        true
    }

    /// Takes a candidate out; whether it was there.
    pub(crate) fn remove(&mut self, instance: &str) -> bool {
        self.entries.remove(instance).is_some()
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Whether something that fits is there.
    pub(crate) fn has_fit(&self) -> bool {
        self.entries.values().any(|found| self.wanted.fits(found))
    }

    /// All of them, what fits first.
    pub(crate) fn list(&self) -> Arc<[Found]> {
        let (fit, rest): (Vec<_>, Vec<_>) =
            self.entries.values().cloned().partition(|found| self.wanted.fits(found));
        fit.into_iter().chain(rest).collect()
    }
}

/// A candidate of a TXT record and where it was heard.
pub(crate) fn found(txt: Txt, service: &ResolvedService) -> Found {
    let Txt { fleet, ca, coordinator, wire_version, program_version } = txt;
    let addresses = addresses(service.addresses.iter(), service.port);
    Found { coordinator, fleet, ca, addresses, wire_version, program_version }
}

fn addresses<'a>(ips: impl Iterator<Item = &'a ScopedIp>, port: u16) -> Vec<SocketAddr> {
    let mut addresses: Vec<_> = ips
        .filter_map(|ip| match ip {
            ScopedIp::V4(v4) => address(IpAddr::V4(*v4.addr()), 0, port),
            ScopedIp::V6(v6) => address(IpAddr::V6(*v6.addr()), v6.scope_id().index, port),
            _ => None,
        })
        .collect();
    addresses.sort_by_key(|address| (distance(address), *address));
    addresses.dedup();
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

/// An address to dial, if it can be one. The scope is for link-local addresses, which mean nothing
/// without (RFC 4007 §6), and for no others.
fn address(ip: IpAddr, scope: u32, port: u16) -> Option<SocketAddr> {
    if port == 0 || ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    Some(match ip {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            SocketAddrV6::new(v6, port, 0, scope).into()
        }
        ip => SocketAddr::new(ip, port),
    })
}

/// Which addresses to try first.
fn distance(address: &SocketAddr) -> u8 {
    match address {
        address if address.ip().is_loopback() => 0,
        SocketAddr::V4(v4) if v4.ip().is_link_local() => 2,
        SocketAddr::V4(_) => 1,
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => 4,
        SocketAddr::V6(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{CoordinatorId, Fingerprint, FleetId};

    use super::*;

    fn candidate(ca: u8) -> Found {
        Found {
            coordinator: CoordinatorId::from_bytes([1; 10]),
            fleet: FleetId::from_bytes([1; 10]),
            ca: Fingerprint::from_bytes([ca; 32]),
            addresses: Vec::new(),
            wire_version: 1,
            program_version: None,
        }
    }

    fn table() -> Table {
        Table::new(Wanted { fleet: None, ca: Some(Fingerprint::from_bytes([7; 32])) })
    }

    fn flood(table: &mut Table, ca: u8) {
        (0..2000).for_each(|n| {
            table.insert(&format!("flood-{ca}-{n}"), candidate(ca));
        });
    }

    #[test]
    fn a_flood_of_strangers_neither_grows_nor_hides() {
        let mut table = table();
        flood(&mut table, 1);
        assert_eq!(table.list().len(), MAX_CANDIDATES);
        assert!(!table.has_fit());
        assert!(table.insert("wanted", candidate(7)));
        assert_eq!(table.list().len(), MAX_CANDIDATES);
        assert_eq!(table.list()[0], candidate(7), "what fits comes first");
        flood(&mut table, 2);
        assert!(table.has_fit());
    }

    #[test]
    fn who_was_there_first_stays() {
        let mut table = table();
        let first = Found { wire_version: 9, ..candidate(7) };
        table.insert("first", first.clone());
        flood(&mut table, 7);
        assert_eq!(table.list().len(), MAX_CANDIDATES);
        assert!(table.list().contains(&first));
    }

    #[test]
    fn only_changes_count() {
        let mut table = table();
        assert!(table.insert("a", candidate(1)));
        assert!(!table.insert("a", candidate(1)));
        assert!(table.insert("a", candidate(2)));
        assert!(table.remove("a"));
        assert!(!table.remove("a"));
        assert!(table.list().is_empty());
    }

    #[test]
    fn the_nearest_address_comes_first() {
        let ips = [
            "fe80::1",
            "2001:db8::1",
            "192.0.2.1",
            "127.0.0.1",
            "169.254.0.1",
            "0.0.0.0",
            "ff02::1",
        ];
        let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().expect("an address")).collect();
        let mut all: Vec<_> = ips.iter().filter_map(|ip| address(*ip, 3, 8443)).collect();
        all.sort_by_key(|address| (distance(address), *address));
        let text: Vec<_> = all.iter().map(SocketAddr::to_string).collect();
        let expected = [
            "127.0.0.1:8443",
            "192.0.2.1:8443",
            "169.254.0.1:8443",
            "[2001:db8::1]:8443",
            "[fe80::1%3]:8443",
        ];
        assert_eq!(text, expected);
        assert_eq!(address(ips[2], 3, 0), None);
    }

    #[test]
    fn addresses_are_bounded() {
        let ips: Vec<ScopedIp> =
            (0..200).map(|n| ScopedIp::from(IpAddr::from([10, 0, 0, n]))).collect();
        assert_eq!(addresses(ips.iter(), 1).len(), MAX_ADDRESSES);
    }
}
