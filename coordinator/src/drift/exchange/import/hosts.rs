//! The hosts of a file, one after the other, and the resources of each.

use std::fmt;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tamer_drift::fleet::HostState;
use tamer_drift::{Resource, tree};
use tamer_model::{HostId, HostName, Problem};

use super::file::{File, key, value};
use super::source::MAX_STRETCH;
use crate::drift::nodes::{Pin, Pinned};
use crate::drift::record::Named;
use crate::drift::snapshots::Taken;

/// Hosts of one file.
const MAX_HOSTS: usize = 100_000;
/// Resources of one host: they are in memory until the host ends.
const MAX_RESOURCES: usize = 500_000;

pub(super) struct Hosts<'a, 'b> {
    pub(super) file: &'a File<'b>,
}

impl<'de> DeserializeSeed<'de> for Hosts<'_, '_> {
    type Value = (Taken, Vec<Pin>);

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Hosts<'_, '_> {
    type Value = (Taken, Vec<Pin>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of hosts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut taken, mut pins) = (Taken::default(), Vec::new());
        while let Some((id, name, state, resources, pin)) =
            list.next_element_seed(OneHost { file: self.file })?
        {
            if taken.hosts.len() >= MAX_HOSTS {
                return Err(de::Error::custom(format!("more than {MAX_HOSTS} hosts")));
            }
            let incomplete = state.sources.iter().filter(|(_, source)| !source.complete);
            let incomplete = incomplete.map(|(source, _)| source.to_string()).collect();
            taken.names.push(Named { id, name, resources, incomplete });
            pins.push(pin);
            if taken.hosts.insert(id, state).is_some() {
                return Err(de::Error::custom(format!("{id} is there twice")));
            }
        }
        Ok((taken, pins))
    }
}

struct OneHost<'a, 'b> {
    file: &'a File<'b>,
}

type HostRead = (HostId, HostName, HostState, u64, Pin);

impl<'de> DeserializeSeed<'de> for OneHost<'_, '_> {
    type Value = HostRead;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<HostRead, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneHost<'_, '_> {
    type Value = HostRead;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a host")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HostRead, A::Error> {
        let id: HostId = value(&mut map, "id")?;
        let name: HostName = value(&mut map, "name")?;
        let state: HostState = value(&mut map, "state")?;
        key(&mut map, "resources")?;
        let resources = map.next_value_seed(Resources { file: self.file })?;
        if map.next_key::<IgnoredAny>()?.is_some() {
            return Err(de::Error::custom(format!("{id} has more than its resources")));
        }
        let (count, nodes) = (resources.len() as u64, self.file.nodes);
        let built = tree::build(resources).map_err(|problem| de::Error::custom(problem.message))?;
        if built.root != state.root {
            let message =
                format!("the resources of {name} are not those of its root: it was changed");
            let problem = Problem::field("snapshot", message);
            return Err(self.file.refuse(problem.remedy("export it again, and send it unchanged")));
        }
        let pin = nodes.pin(Pinned::Host(built.root));
        let written = built.nodes.iter().try_for_each(|(digest, node)| nodes.write(*digest, node));
        written.map_err(|problem| self.file.refuse::<A::Error>(problem))?;
        Ok((id, name, state, count, pin))
    }
}

struct Resources<'a, 'b> {
    file: &'a File<'b>,
}

impl<'de> DeserializeSeed<'de> for Resources<'_, '_> {
    type Value = Vec<Resource>;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Resources<'_, '_> {
    type Value = Vec<Resource>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(resource) = list.next_element::<Resource>()? {
            if all.len() >= MAX_RESOURCES {
                return Err(de::Error::custom(format!("more than {MAX_RESOURCES} resources")));
            }
            resource.check().map_err(|problem| de::Error::custom(problem.message))?;
            all.push(resource);
            self.file.left.set(MAX_STRETCH);
        }
        Ok(all)
    }
}
