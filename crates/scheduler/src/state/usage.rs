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
    /// Its largest disk, in bytes.
    pub total_disk: i64,
    /// What devices it has in all.
    kinds: Vec<(DeviceIx, i64)>,
    /// Devices that are left.
    devices: Vec<(DeviceIx, i64)>,
    /// Ports that placements take, and how often.
    ports: Vec<((u16, Protocol), u32)>,
}

/// What there is too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
        self.total_disk = new.2;
        let kinds = facts.into_iter().flat_map(|facts| &facts.devices);
        self.kinds = kinds.map(|(name, count)| (needs.device(name), i64::from(*count))).collect();
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

    /// What devices there are in all.
    pub fn all_devices(&self) -> impl Iterator<Item = (DeviceIx, i64)> {
        self.kinds.iter().copied()
    }

    /// How much it would help what needs this, if what takes that were gone: each thing that there
    /// is too little of counts a thousand when all of it comes free.
    pub fn relief(&self, need: &Need, gone: &Need) -> i64 {
        let part = |need: i64, left: i64, back: i64| {
            let lack = if need > 0 { (need - left).max(0) } else { 0 };
            if lack == 0 {
                0
            } else {
                (i128::from(back.min(lack)) * 1000 / i128::from(lack)) as i64
            }
        };
        let back = |kind| {
            let device = gone.devices.iter().find(|(known, _)| *known == kind);
            device.map_or(0, |(_, count)| i64::from(*count))
        };
        let devices = need
            .devices
            .iter()
            .map(|(kind, count)| part(i64::from(*count), self.devices_left(*kind), back(*kind)));
        let taken = need.ports.iter().filter(|port| self.has_port(**port));
        let ports = taken.filter(|port| gone.ports.contains(port)).count() as i64;
        part(need.cpu, self.cpu, gone.cpu)
            + part(need.memory, self.memory, gone.memory)
            + part(need.disk, self.disk, gone.disk)
            + devices.sum::<i64>()
            + ports * 1000
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

    /// All that there is too little of.
    pub fn lacks(&self, need: &Need) -> impl Iterator<Item = Lack> {
        let plain = [
            (need.cpu, self.cpu, Lack::Cpu),
            (need.memory, self.memory, Lack::Memory),
            (need.disk, self.disk, Lack::Disk),
        ];
        let plain = plain.into_iter().filter(|(need, left, _)| *need > 0 && need > left);
        let few = |(kind, count): &&(DeviceIx, u32)| self.devices_left(*kind) < (*count).into();
        let devices = need.devices.iter().filter(few).map(|(kind, _)| Lack::Device(*kind));
        let ports = need.ports.iter().filter(|port| self.has_port(**port));
        let ports = ports.map(|(port, protocol)| Lack::Port(*port, *protocol));
        plain.map(|(.., lack)| lack).chain(devices).chain(ports)
    }
}

/// Processor time, memory and the largest disk.
fn size(facts: &Facts) -> (i64, i64, i64) {
    let disk = facts.disks.iter().map(|disk| disk.total_bytes).max().unwrap_or_default();
    (i64::from(facts.cpus) * 1000, amount(facts.memory_bytes), amount(disk))
}
