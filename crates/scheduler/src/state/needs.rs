//! What copies take of their hosts, each distinct one kept once.

use std::collections::{BTreeSet, HashMap};

use tamer_model::{DeviceName, Protocol, WorkloadSpec};

use super::{DeviceIx, NeedIx};

/// What one copy takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Need {
    /// Processor time, in thousandths.
    pub cpu: i64,
    /// Memory, in bytes.
    pub memory: i64,
    /// Disk, in bytes.
    pub disk: i64,
    /// Devices.
    pub devices: Vec<(DeviceIx, u32)>,
    /// Ports of the host, each once.
    pub ports: Vec<(u16, Protocol)>,
}

/// All that is taken. What was seen once is kept: it grows with the distinct requirements of the
/// specs that were ever told, some hundred bytes each.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    all: Vec<Need>,
    known: HashMap<Need, NeedIx>,
    devices: Vec<DeviceName>,
    device_by_name: HashMap<DeviceName, DeviceIx>,
}

impl Needs {
    /// What a copy of a spec takes.
    pub fn of(&mut self, spec: &WorkloadSpec) -> NeedIx {
        let takes = spec.resources.of(&spec.instance);
        let bytes = |size: Option<tamer_model::Size>| size.map_or(0, |size| amount(size.bytes()));
        let ports: BTreeSet<_> = spec
            .instance
            .ports
            .iter()
            .filter_map(|port| port.host.map(|host| (host, port.protocol)))
            .collect();
        let devices =
            takes.devices.iter().map(|(name, count)| (self.device(name), *count)).collect();
        let need = Need {
            cpu: takes.cpu.map_or(0, |cpu| amount(cpu.millis())),
            memory: bytes(takes.memory),
            disk: bytes(takes.disk),
            devices,
            ports: ports.into_iter().collect(),
        };
        self.intern(need)
    }

    /// Nothing at all: what a copy takes whose spec is not known.
    pub fn nothing(&mut self) -> NeedIx {
        self.intern(Need::default())
    }

    fn intern(&mut self, need: Need) -> NeedIx {
        if let Some(known) = self.known.get(&need) {
            return *known;
        }
        let ix = NeedIx(self.all.len() as u32);
        self.all.push(need.clone());
        self.known.insert(need, ix);
        ix
    }

    /// One of them.
    pub fn get(&self, ix: NeedIx) -> &Need {
        &self.all[ix.at()]
    }

    /// The place of a kind of device.
    pub fn device(&mut self, name: &DeviceName) -> DeviceIx {
        if let Some(known) = self.device_by_name.get(name) {
            return *known;
        }
        let ix = DeviceIx(self.devices.len() as u32);
        self.devices.push(name.clone());
        self.device_by_name.insert(name.clone(), ix);
        ix
    }

    /// What a kind of device is called.
    pub fn device_name(&self, ix: DeviceIx) -> &DeviceName {
        &self.devices[ix.at()]
    }
}

/// Amounts are signed, so that what is taken beyond what there is can be told. The largest are
/// far below the limit: the model refuses a pebibyte four times over.
pub fn amount(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX / 4)
}
