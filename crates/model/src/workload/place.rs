//! Where copies go: what they take, what they like, how they are spread.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Cpu, DeviceName, InstanceSpec, Problem, Selector, Size, WorkloadName};

/// What a copy takes of its host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Processor time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// Devices of a kind, which no other copy has meanwhile.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<DeviceName, u32>,
}

/// What is better, or worse, in a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Affinity {
    /// What is looked at.
    pub to: AffinityTo,
    /// How much it counts: from -100 (away from it) to 100 (towards it), not 0.
    #[cfg_attr(feature = "schema", schemars(range(min = -100, max = 100)))]
    pub weight: i8,
}

/// What an affinity looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AffinityTo {
    /// Hosts that a selector means.
    Hosts(Selector),
    /// Hosts that have a copy of this workload.
    Workload(WorkloadName),
}

/// Copies are spread over the values of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The label, or a fact: `zone`, `rack`, `distro`. Hosts without it count as one value.
    pub over: String,
    /// How much it counts, from 1 to 100.
    #[serde(default = "full")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub weight: u8,
    /// How many more copies one value may have than another; a wish without limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_skew: Option<u32>,
}

/// Whether hosts are filled one after the other, or evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// The least used host that fits comes first.
    #[default]
    Even,
    /// The most used host that fits comes first, so that others stay empty.
    Tight,
}

const fn full() -> u8 {
    100
}

impl Resources {
    /// With the limits of the instance where nothing is said.
    #[must_use]
    pub fn of(&self, instance: &InstanceSpec) -> Self {
        let limits = &instance.limits;
        Self {
            cpu: self.cpu.or(limits.cpu_millis.map(Cpu::from_millis)),
            memory: self.memory.or(limits.memory_bytes.map(Size::from_bytes)),
            disk: self.disk.or(limits.disk_bytes.map(Size::from_bytes)),
            devices: self.devices.clone(),
        }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.devices.len() > 32 {
            return Err(Problem::field("resources.devices", "more than 32 kinds"));
        }
        let absurd = |size: Option<Size>| size.is_some_and(|size| size.bytes() > 1 << 52);
        if self.cpu.is_some_and(|cpu| cpu.millis() > 4_096_000) {
            return Err(Problem::field("resources.cpu", "more than any host has"));
        }
        for (name, size) in [("memory", self.memory), ("disk", self.disk)] {
            if absurd(size) {
                let message = "more than any host has";
                return Err(Problem::field(format!("resources.{name}"), message));
            }
        }
        match self.devices.iter().find(|(_, count)| !(1..=1024).contains(*count)) {
            Some((name, _)) => {
                Err(Problem::field(format!("resources.devices.{name}"), "not between 1 and 1024"))
            }
            None => Ok(()),
        }
    }
}

impl Affinity {
    pub(super) fn check(&self, at: usize) -> Result<(), Problem> {
        match self.weight {
            0 | -128..=-101 | 101..=127 => Err(Problem::field(
                format!("affinity[{at}].weight"),
                "not between -100 and 100, or 0",
            )),
            _ => Ok(()),
        }
    }
}

impl Spread {
    pub(super) fn check(&self, at: usize) -> Result<(), Problem> {
        let problem = |field: &str, message: &str| {
            Err(Problem::field(format!("spread[{at}].{field}"), message))
        };
        if self.over.is_empty() || self.over.len() > 63 {
            return problem("over", "not the key of a label or a fact");
        }
        if !(1..=100).contains(&self.weight) {
            return problem("weight", "not between 1 and 100");
        }
        if self.max_skew == Some(0) {
            return problem("max_skew", "not 1 or more");
        }
        Ok(())
    }
}
