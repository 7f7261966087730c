//! A small network: hosts with stacks and addresses of their own, on a switch, as namespaces of
//! the kernel. Host N has 10.77.0.(N+1) and link-local IPv6; nothing leads out of it.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Files, peer};

/// Namespaces are called PREFIX-pid-lab-host, so that those of dead processes can be told.
const PREFIX: &str = "tamer";

/// Where a program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// With the test.
    Here,
    /// On a host of a lab.
    Namespace(String),
    /// The same, with files of its own.
    Furnished {
        /// The host's network.
        namespace: String,
        /// Its files.
        files: Files,
    },
}

impl Place {
    /// A command that runs there, and dies with the test however that ends.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Here => Command::new("setpriv"),
            Self::Namespace(name) => {
                let mut command = Command::new(peer("ip"));
                command.args(["netns", "exec", name, "setpriv"]);
                command
            }
            Self::Furnished { namespace, .. } => {
                let mut command = Command::new(peer("ip"));
                command.args(["netns", "exec", namespace, "setpriv"]);
                command
            }
        };
        command.args(["--pdeathsig", "KILL", "--"]);
        if let Self::Furnished { files, .. } = self {
            command.args(files.entrance());
        }
        command.arg(program);
        command
    }
}

/// The network. It goes when this value goes.
#[derive(Debug)]
pub struct Lab {
    name: String,
    hosts: usize,
}

impl Lab {
    /// Makes a network of so many hosts.
    ///
    /// # Panics
    /// When the kernel or the user's rights do not allow it.
    #[track_caller]
    pub fn new(hosts: usize) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        sweep();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let lab = Self { name: format!("{PREFIX}-{}-{number}", std::process::id()), hosts };
        let switch = lab.switch();
        // The switch is a host of its own: the machine's firewall and routes stay out of it.
        ip(&["netns", "add", &switch]);
        ip(&["-n", &switch, "link", "add", "br0", "type", "bridge"]);
        ip(&["-n", &switch, "link", "set", "br0", "up"]);
        for host in 0..hosts {
            lab.add(host);
        }
        lab
    }

    fn add(&self, host: usize) {
        let (switch, name, port) = (self.switch(), self.host(host), format!("port{host}"));
        ip(&["netns", "add", &name]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        // Duplicate address detection would keep IPv6 silent for the first second or two.
        sysctl(&name, "net/ipv6/conf/default/accept_dad", "0");
        ip(&["-n", &switch, "link", "add", &port, "type", "veth", "peer", "eth0", "netns", &name]);
        ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"]);
        let address = format!("{}/24", self.address(host));
        ip(&["-n", &name, "address", "add", &address, "broadcast", "+", "dev", "eth0"]);
        ip(&["-n", &name, "link", "set", "eth0", "up"]);
        // Multicast needs a route on a host without a default one.
        ip(&["-n", &name, "route", "add", "224.0.0.0/4", "dev", "eth0"]);
    }

    /// Where host `number` is; they count from 0.
    pub fn place(&self, number: usize) -> Place {
        assert!(number < self.hosts, "this lab has {} hosts", self.hosts);
        Place::Namespace(self.host(number))
    }

    /// The same place with these files.
    pub fn furnished(&self, number: usize, files: Files) -> Place {
        assert!(number < self.hosts, "this lab has {} hosts", self.hosts);
        Place::Furnished { namespace: self.host(number), files }
    }

    /// The IPv4 address of a host.
    pub fn address(&self, number: usize) -> String {
        format!("10.77.0.{}", number + 1)
    }

    /// Pulls a host's cable. Its own interface stays up, as when the switch loses power.
    pub fn unplug(&self, number: usize) {
        ip(&["-n", &self.switch(), "link", "set", &format!("port{number}"), "down"]);
    }

    /// Puts it back.
    pub fn plug(&self, number: usize) {
        ip(&["-n", &self.switch(), "link", "set", &format!("port{number}"), "up"]);
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.name)
    }

    fn host(&self, number: usize) -> String {
        format!("{}-h{number}", self.name)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        remove(&self.switch());
        for host in 0..self.hosts {
            remove(&self.host(host));
        }
    }
}

/// Removes what processes left that were killed before they could.
fn sweep() {
    let listed = Command::new(peer("ip")).args(["netns", "list"]).output().expect("`ip` runs");
    for name in
        String::from_utf8_lossy(&listed.stdout).lines().filter_map(|line| line.split(' ').next())
    {
        let mut parts = name.split('-');
        let pid = parts.next().filter(|prefix| *prefix == PREFIX).and_then(|_| parts.next());
        let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            remove(name);
        }
    }
}

fn remove(name: &str) {
    let removed = Command::new(peer("ip")).args(["netns", "delete", name]).output();
    if let Ok(output) = removed
        && !output.status.success()
    {
        println!("{name} stays: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
}

fn sysctl(namespace: &str, key: &str, value: &str) {
    let script = format!("echo {value} > /proc/sys/{key}");
    ip(&["netns", "exec", namespace, "sh", "-c", &script]);
}

#[track_caller]
fn ip(arguments: &[&str]) {
    let output = Command::new(peer("ip")).args(arguments).output().expect("`ip` runs");
    assert!(
        output.status.success(),
        "`ip {}`: {} (network namespaces need root and Linux)",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
}
