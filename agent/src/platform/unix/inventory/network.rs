//! Interfaces with their addresses, routes, and how names are resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use tamer_drift::{Kind, Resource, Value};

use super::Place;
use crate::inventory::{Cover, Fault, Found, Look, Stop, Worker, host, list, read, set};

/// The most bytes of the kernel's list of routes: some 200,000.
const MOST: usize = 32 << 20;
const RESOLVERS: &str = "etc/resolv.conf";
/// One end of a pair that a container engine or a hypervisor makes for each instance: instances are
/// told by their own source.
const PASSING: &[&str] = &["veth", "vnet", "tap", "cali", "lxc", "ifb"];

/// Flags of routes (linux/route.h, linux/ipv6_route.h).
const UP: u32 = 0x1;
const REJECT: u32 = 0x200;
const CACHE: u32 = 0x0100_0000;
const LOCAL: u32 = 0x8000_0000;
/// Flags of addresses (linux/if_addr.h).
const TEMPORARY: u32 = 0x01;
const PERMANENT: u32 = 0x80;
/// A flag of interfaces that is not as theirs (linux/if.h); UP is the same.
const PROMISCUOUS: u32 = 0x100;

/// Looks at the network.
pub struct Network {
    /// Where it looks.
    pub place: Place,
    /// The IPv4 addresses of each interface, with their prefixes, from the system.
    pub addresses: fn() -> BTreeMap<String, BTreeSet<String>>,
}

impl Look for Network {
    fn marks(&self) -> Vec<PathBuf> {
        vec![self.place.at(RESOLVERS)]
    }

    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        self.interfaces(found)?;
        let text = |path: &str| {
            read::text_if_any(&self.place.at(path), MOST)
                .map(Option::unwrap_or_default)
                .map_err(|error| Fault::new(format!("{path}: {error}")))
        };
        let (four, six) = (text("proc/net/route")?, text("proc/net/ipv6_route")?);
        let read = four.lines().skip(1).map(route4).chain(six.lines().map(route6));
        // The same way may be there twice, in several tables.
        let mut routes = BTreeMap::new();
        for route in read {
            worker.breathe();
            match route {
                Ok(Some(route)) => drop(routes.insert(route.key.clone(), route)),
                Ok(None) => {}
                Err(()) => found.miss(Cover::Kind(Kind::Route), "a route is not understood"),
            }
        }
        for route in routes.into_values() {
            found.put(route)?;
        }
        let resolvers = text(RESOLVERS)?;
        found.put(resolver(&resolvers))?;
        Ok(())
    }
}

impl Network {
    fn interfaces(&self, found: &mut Found) -> Result<(), Stop> {
        let folder = self.place.at("sys/class/net");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                found.miss(Cover::Kind(Kind::Interface), format!("sys/class/net: {error}"));
                return Ok(());
            }
        };
        let mut addresses = (self.addresses)();
        let six = read::text_if_any(&self.place.at("proc/net/if_inet6"), MOST);
        for (name, address) in six.ok().flatten().unwrap_or_default().lines().filter_map(address6) {
            addresses.entry(name).or_default().insert(address);
        }
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_link = entry.path().join("mtu").exists();
            if !is_link || PASSING.iter().any(|passing| name.starts_with(passing)) {
                continue;
            }
            let text = |file: &str| {
                let text = read::text(&entry.path().join(file), 4096).unwrap_or_default();
                text.trim().to_owned()
            };
            let flags =
                u32::from_str_radix(text("flags").trim_start_matches("0x"), 16).unwrap_or(0);
            found.put(
                host(Kind::Interface, &name)
                    .text("mac", text("address"))
                    .maybe("mtu", text("mtu").parse().ok().map(Value::Int))
                    .flag("up", flags & UP != 0)
                    .flag("promiscuous", flags & PROMISCUOUS != 0)
                    .put("addresses", set(addresses.remove(&name).unwrap_or_default()))
                    .done(),
            )?;
        }
        Ok(())
    }
}

/// A line of `/proc/net/route`: `eth0 00000000 0102A8C0 0003 0 0 100 00000000 0 0 0`.
fn route4(line: &str) -> Result<Option<Resource>, ()> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let [device, to, via, flags, _, _, metric, mask, ..] = fields.as_slice() else {
        return Err(());
    };
    let hex = |text: &str| u32::from_str_radix(text, 16).map_err(|_| ());
    let flags = hex(flags)?;
    let address = |text: &str| Ok::<_, ()>(Ipv4Addr::from(hex(text)?.to_ne_bytes()));
    let to = format!("{}/{}", address(to)?, hex(mask)?.count_ones());
    let via = address(via)?;
    let via = if via.is_unspecified() { String::new() } else { via.to_string() };
    route(flags, &to, &via, device, metric.parse().map_err(|_| ())?)
}

/// A line of `/proc/net/ipv6_route`: destination, prefix, source, prefix, next hop, metric,
/// references, use, flags, device.
fn route6(line: &str) -> Result<Option<Resource>, ()> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let [to, prefix, _, _, via, metric, _, _, flags, device] = fields.as_slice() else {
        return Err(());
    };
    let hex = |text: &str| u32::from_str_radix(text, 16).map_err(|_| ());
    let address = |text: &str| u128::from_str_radix(text, 16).map(Ipv6Addr::from).map_err(|_| ());
    let (to, via) = (address(to)?, address(via)?);
    let passing = to.is_multicast() || to.is_unicast_link_local() || *device == "lo";
    let flags = hex(flags)?;
    if passing || flags & (LOCAL | CACHE) != 0 {
        return Ok(None);
    }
    let to = format!("{to}/{}", hex(prefix)?);
    let via = if via.is_unspecified() { String::new() } else { via.to_string() };
    route(flags, &to, &via, device, hex(metric)?)
}

fn route(
    flags: u32,
    to: &str,
    via: &str,
    device: &str,
    metric: u32,
) -> Result<Option<Resource>, ()> {
    if flags & UP == 0 || PASSING.iter().any(|passing| device.starts_with(passing)) {
        return Ok(None);
    }
    let made = host(Kind::Route, &format!("{to} dev {device} metric {metric}"))
        .named(to)
        .text("to", to)
        .text("via", via)
        .text("interface", device)
        .int("metric", metric)
        .flag("refused", flags & REJECT != 0);
    Ok(Some(made.done()))
}

/// A line of `/proc/net/if_inet6`: address, index, prefix, scope, flags, interface. Only addresses
/// that stay: temporary ones are drawn anew, those of autoconfiguration come with the router's word.
fn address6(line: &str) -> Option<(String, String)> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let &[address, _, prefix, _, flags, name] = fields.as_slice() else { return None };
    let address = Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?);
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let prefix = u8::from_str_radix(prefix, 16).ok()?;
    let stays = flags & TEMPORARY == 0 && flags & PERMANENT != 0;
    stays.then(|| (name.to_owned(), format!("{address}/{prefix}")))
}

/// How names are resolved (resolv.conf(5)).
fn resolver(text: &str) -> Resource {
    let (mut servers, mut search, mut options) = (Vec::new(), Vec::new(), BTreeSet::new());
    for line in text.lines() {
        let line = line.split(['#', ';']).next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("nameserver") => servers.extend(words.next().map(str::to_owned)),
            // The last one counts.
            Some("search" | "domain") => search = words.map(str::to_owned).collect(),
            Some("options") => options.extend(words.map(str::to_owned)),
            Some(_) | None => {}
        }
    }
    host(Kind::Resolver, "resolv.conf")
        .put("servers", list(servers))
        .put("search", list(search))
        .put("options", set(options))
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn routes_are_read() {
        let line = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0";
        let read = route4(line).expect("good").expect("a route");
        assert_eq!(read.key.id(), "0.0.0.0/0 dev eth0 metric 100");
        assert_eq!(read.properties["via"], Value::from("192.168.2.1"));
        let line = "20010db8000000000000000000000000 20 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0";
        let read = route6(line).expect("good").expect("a route");
        assert_eq!(read.key.id(), "2001:db8::/32 dev eth0 metric 1024");
        assert_eq!(read.properties["via"], Value::from("fe80::1"));
        let local = line.replace(" 00000003 ", " 80200001 ");
        assert_eq!(route6(&local), Ok(None));
        let of_a_container = "veth12\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0";
        assert_eq!(route4(of_a_container), Ok(None));
    }

    #[test]
    fn what_is_no_route_is_told() {
        for line in ["", "a b c", "eth0 zz 0 3 0 0 0 0", "eth0 0 0 3 0 0 -1 0"] {
            assert_eq!(route4(line), Err(()), "{line}");
            assert_eq!(route6(line), Err(()), "{line}");
        }
    }

    #[test]
    fn addresses_that_are_drawn_anew_are_left_out() {
        let line = |flags: &str| format!("20010db8000000000000000000000001 02 40 00 {flags} eth0");
        let fixed = address6(&line("80"));
        assert_eq!(fixed, Some(("eth0".to_owned(), "2001:db8::1/64".to_owned())));
        assert_eq!(address6(&line("01")), None);
        assert_eq!(address6(&line("00")), None);
        assert_eq!(address6("garbage"), None);
    }

    #[test]
    fn resolvers_keep_their_order() {
        let text = "# x\nnameserver 10.0.0.1 ; y\nnameserver 10.0.0.2\nsearch a b\noptions edns0 ndots:2\nnameserver\n";
        let read = resolver(text);
        assert_eq!(read.properties["servers"], list(["10.0.0.1", "10.0.0.2"]));
        assert_eq!(read.properties["search"], list(["a", "b"]));
        assert_ne!(read, resolver(&text.replace("0.1 ;", "0.3 ;")));
    }
}
