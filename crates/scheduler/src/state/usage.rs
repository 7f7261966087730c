//! What is left of a host.

use tamer_model::{Facts, Protocol};

use super::needs::amount;
use super::{DeviceIx, Need, Needs};

/// What is left of a host. Less than nothing where more was placed than it has, as when a host
/// came back smaller.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// Processor time that is left, in thousandths.
    pub cpu: i64,
    /// Memory that is left, in bytes.
    pub memory: i64,
    /// Disk that is left, in bytes.
    pub disk: i64,
    /// How many copies are there.
    pub copies: u32,
    /// What it has in all: processor time, then memory.
    pub total: (i64, i64),
    /// Devices that are left.
    devices: Vec<(DeviceIx, i64)>,
    /// Ports that placements take, and how often.
    ports: Vec<((u16, Protocol), u32)>,
}

/// What there is too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
    /// Disk.
    Disk,
    /// Devices of a kind.
    Device(DeviceIx),
    /// A port.
    Port(u16, Protocol),
}

impl Usage {
    /// What there is in all comes to be what the facts say; what is taken stays taken.
    pub fn resize(&mut self, before: Option<&Facts>, facts: Option<&Facts>, needs: &mut Needs) {
        let (old, new) =
            (before.map(size).unwrap_or_default(), facts.map(size).unwrap_or_default());
        self.cpu += new.0 - old.0;
        self.memory += new.1 - old.1;
        self.disk += new.2 - old.2;
        self.total = (new.0, new.1);
        for (facts, sign) in [(before, -1), (facts, 1)] {
            for (name, count) in facts.into_iter().flat_map(|facts| &facts.devices) {
                let device = needs.device(name);
                self.change_device(device, sign * i64::from(*count));
            }
        }
    }

    /// A copy takes what it needs.
    pub fn take(&mut self, need: &Need) {
        self.change(need, -1);
        self.copies += 1;
        for port in &need.ports {
            match self.ports.iter_mut().find(|(taken, _)| taken == port) {
                Some((_, times)) => *times += 1,
                None => self.ports.push((*port, 1)),
            }
        }
    }

    /// A copy gives back what it took.
    pub fn give(&mut self, need: &Need) {
        self.change(need, 1);
        self.copies = self.copies.saturating_sub(1);
        for port in &need.ports {
            if let Some((_, times)) = self.ports.iter_mut().find(|(taken, _)| taken == port) {
                *times = times.saturating_sub(1);
            }
        }
        self.ports.retain(|(_, times)| *times > 0);
    }

    fn change(&mut self, need: &Need, sign: i64) {
        self.cpu += sign * need.cpu;
        self.memory += sign * need.memory;
        self.disk += sign * need.disk;
        for (device, count) in &need.devices {
            self.change_device(*device, sign * i64::from(*count));
        }
    }

    fn change_device(&mut self, device: DeviceIx, by: i64) {
        match self.devices.iter_mut().find(|(known, _)| *known == device) {
            Some((_, left)) => *left += by,
            None => self.devices.push((device, by)),
        }
        self.devices.retain(|(_, left)| *left != 0);
    }

    /// How many devices of a kind are left.
    pub fn devices_left(&self, device: DeviceIx) -> i64 {
        self.devices.iter().find(|(known, _)| *known == device).map_or(0, |(_, left)| *left)
    }

    /// Whether a placement has this port.
    pub fn has_port(&self, port: (u16, Protocol)) -> bool {
        self.ports.iter().any(|(taken, _)| *taken == port)
    }

    /// Whether it can take this, as far as numbers go.
    pub fn has_room(&self, need: &Need) -> bool {
        // What is not asked for is not missed, also where more is taken than there is.
        (need.cpu == 0 || need.cpu <= self.cpu)
            && (need.memory == 0 || need.memory <= self.memory)
            && (need.disk == 0 || need.disk <= self.disk)
            && need.devices.iter().all(|(kind, count)| self.devices_left(*kind) >= (*count).into())
            && !need.ports.iter().any(|port| self.has_port(*port))
    }

    /// The first that there is too little of.
    pub fn lack(&self, need: &Need) -> Option<Lack> {
        if need.cpu > 0 && need.cpu > self.cpu {
            return Some(Lack::Cpu);
        }
        if need.memory > 0 && need.memory > self.memory {
            return Some(Lack::Memory);
        }
        if need.disk > 0 && need.disk > self.disk {
            return Some(Lack::Disk);
        }
        let few = |(kind, count): &&(DeviceIx, u32)| self.devices_left(*kind) < (*count).into();
        if let Some((kind, _)) = need.devices.iter().find(few) {
            return Some(Lack::Device(*kind));
        }
        let port = need.ports.iter().find(|port| self.has_port(**port));
        port.map(|(port, protocol)| Lack::Port(*port, *protocol))
    }
}

/// Processor time, memory and the largest disk.
fn size(facts: &Facts) -> (i64, i64, i64) {
    let disk = facts.disks.iter().map(|disk| disk.total_bytes).max().unwrap_or_default();
    (i64::from(facts.cpus) * 1000, amount(facts.memory_bytes), amount(disk))
}
