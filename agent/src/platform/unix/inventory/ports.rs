//! Ports that something listens on, and what does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use tamer_drift::{Kind, Value};

use super::Place;
use crate::inventory::{Cover, Fault, Found, Look, Stop, Worker, host, read, set};

/// The most bytes of one of the kernel's lists: some 400,000 sockets.
const MOST: usize = 64 << 20;
/// The state of a socket that listens, and of one of UDP that is connected to nobody.
const LISTENS: &str = "0A";
const UNCONNECTED: &str = "07";

/// Looks at ports.
pub struct Ports {
    /// Where it looks.
    pub place: Place,
}

/// A socket that waits for others.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    address: SocketAddr,
    uid: u32,
    inode: u64,
}

/// What is told of one address.
#[derive(Default)]
struct Listener {
    processes: BTreeSet<String>,
    users: BTreeSet<u32>,
}

impl Look for Ports {
    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let passing = range(
            &read::text(&self.place.at("proc/sys/net/ipv4/ip_local_port_range"), 1024)
                .unwrap_or_default(),
        );
        let mut sockets = Vec::new();
        for (protocol, file, state) in [
            ("tcp", "tcp", LISTENS),
            ("tcp", "tcp6", LISTENS),
            ("udp", "udp", UNCONNECTED),
            ("udp", "udp6", UNCONNECTED),
        ] {
            let path = self.place.at(format!("proc/net/{file}"));
            // A kernel without IPv6 has no such file.
            let text = read::text_if_any(&path, MOST)
                .map_err(|error| Fault::new(format!("proc/net/{file}: {error}")))?;
            for line in text.as_deref().unwrap_or_default().lines().skip(1) {
                worker.breathe();
                match socket(line, state) {
                    Ok(Some(socket)) => sockets.push((protocol, socket)),
                    Ok(None) => {}
                    Err(()) => found.miss(
                        Cover::Kind(Kind::Port),
                        format!("a line of proc/net/{file} is not understood"),
                    ),
                }
            }
        }
        // Where a program asks from is its own affair, and another one each time.
        sockets.retain(|(protocol, socket)| {
            *protocol == "tcp" || !passing.contains(&socket.address.port())
        });
        let wanted = sockets.iter().map(|(_, socket)| socket.inode).collect();
        let holders = self.holders(&wanted, worker);
        let mut listeners: BTreeMap<(&str, SocketAddr), Listener> = BTreeMap::new();
        for (protocol, socket) in sockets {
            let listener = listeners.entry((protocol, socket.address)).or_default();
            listener.processes.extend(holders.get(&socket.inode).into_iter().flatten().cloned());
            listener.users.insert(socket.uid);
        }
        for ((protocol, address), listener) in listeners {
            let users = listener.users.into_iter().map(|uid| Value::Int(uid.into())).collect();
            found.put(
                host(Kind::Port, &format!("{protocol} {address}"))
                    .text("protocol", protocol)
                    .text("address", address.ip().to_string())
                    .int("port", address.port())
                    .put("processes", set(listener.processes))
                    .put("uids", Value::Set(users))
                    .done(),
            )?;
        }
        Ok(())
    }
}

impl Ports {
    /// The names of the processes that hold these sockets. Processes come and go while they are
    /// looked at: what is gone holds nothing.
    fn holders(
        &self,
        wanted: &BTreeSet<u64>,
        worker: &mut Worker,
    ) -> HashMap<u64, BTreeSet<String>> {
        let mut holders: HashMap<u64, BTreeSet<String>> = HashMap::new();
        if wanted.is_empty() {
            return holders;
        }
        let processes = fs::read_dir(self.place.at("proc")).into_iter().flatten().flatten();
        for process in processes {
            if !process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            worker.breathe();
            let handles = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
            let inodes = handles.filter_map(|handle| {
                let target = fs::read_link(handle.path()).ok()?;
                let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                inode.parse::<u64>().ok().filter(|inode| wanted.contains(inode))
            });
            let inodes: Vec<_> = inodes.collect();
            if inodes.is_empty() {
                continue;
            }
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            for inode in inodes {
                holders.entry(inode).or_default().insert(name.trim().to_owned());
            }
        }
        holders
    }
}

/// A line of `/proc/net/tcp` and its like (proc_net(5)), if its socket is in this state.
fn socket(line: &str, wanted: &str) -> Result<Option<Socket>, ()> {
    let mut fields = line.split_ascii_whitespace();
    let (local, state) = (fields.nth(1).ok_or(())?, fields.nth(1).ok_or(())?);
    if state != wanted {
        return Ok(None);
    }
    let uid = fields.nth(3).and_then(|uid| uid.parse().ok()).ok_or(())?;
    let inode = fields.nth(1).and_then(|inode| inode.parse().ok()).ok_or(())?;
    Ok(Some(Socket { address: address(local).ok_or(())?, uid, inode }))
}

/// `0100007F:0016`: words of the address in the machine's order, in hex, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if !address.is_ascii() {
        return None;
    }
    let word = |at: usize| -> Option<[u8; 4]> {
        Some(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes())
    };
    let address: IpAddr = match address.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut bytes = [0; 16];
            bytes.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// The ports that programs are given which ask for none (ip(7)).
fn range(text: &str) -> RangeInclusive<u16> {
    let mut numbers = text.split_whitespace().filter_map(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(from), Some(to)) => from..=to,
        _ => 32768..=60999,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSH: &str = "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17482 1 0000000000000000 100 0 0 10 0";
    const SIX: &str = "   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 99 1 0 100 0 0 10 0";

    #[cfg(target_endian = "little")]
    #[test]
    fn sockets_that_listen_are_read() {
        let ssh = socket(SSH, LISTENS).expect("good").expect("it listens");
        assert_eq!(
            ssh,
            Socket { address: "0.0.0.0:22".parse().expect("one"), uid: 0, inode: 17482 }
        );
        let six = socket(SIX, LISTENS).expect("good").expect("it listens");
        assert_eq!(six, Socket { address: "[::1]:631".parse().expect("one"), uid: 101, inode: 99 });
        assert_eq!(address("0100007F:1F90"), Some("127.0.0.1:8080".parse().expect("one")));
        assert_eq!(socket(SSH, UNCONNECTED), Ok(None));
    }

    #[test]
    fn what_is_no_socket_is_told() {
        for line in [
            "",
            "x",
            "0: 0 0 0A",
            "0: zz:16 0 0A 0 0 0 0 0 7",
            "0: 00000000:FFFFF 0:0 0A 0 0 0 0 0 7",
        ] {
            assert_eq!(socket(line, LISTENS), Err(()), "{line}");
        }
        for text in
            ["", ":", "0100007F", "0100007:1", "ééééé:1", "00000000000000000000000001000000000:1"]
        {
            assert_eq!(address(text), None, "{text}");
        }
        assert_eq!(range("1024\t2048\n"), 1024..=2048);
        assert_eq!(range("garbage"), 32768..=60999);
    }

    #[test]
    fn a_port_that_is_opened_is_found_with_its_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let mine = format!("tcp {}", listener.local_addr().expect("an address"));
        let look = || {
            let mut found = Found::within(Default::default());
            let pace = crate::inventory::Pace::free();
            Ports { place: Place::root() }.look(&mut found, &mut pace.worker()).expect("looked");
            assert!(found.is_complete(), "{:?}", found.problem());
            found.resources().find(|one| one.key.id() == mine).cloned()
        };
        let port = look().expect("it is open");
        let comm = fs::read_to_string("/proc/self/comm").expect("a name");
        assert_eq!(port.properties["processes"], set([comm.trim()]));
        drop(listener);
        assert_eq!(look(), None);
    }
}
