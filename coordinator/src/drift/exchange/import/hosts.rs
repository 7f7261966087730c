//! The hosts of a file, one after the other, and the resources of each.

use std::fmt;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tamer_drift::Resource;
use tamer_drift::fleet::{HostState, Member};
use tamer_drift::tree::{Entry as _, Unsorted};
use tamer_model::{HostId, HostName, Problem};

use super::bounds::SOURCE;
use super::file::{File, key, value};
use crate::drift::nodes::{Pin, Pinned};
use crate::drift::record::Named;
use crate::drift::snapshots::Taken;

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
        let (mut taken, mut pins, mut told) = (Taken::default(), Vec::new(), 0);
        let bounds = self.file.bounds;
        while let Some((id, name, state, resources, pin)) =
            list.next_element_seed(OneHost { file: self.file })?
        {
            if taken.hosts.len() >= bounds.hosts {
                return Err(de::Error::custom(format!("more than {} hosts", bounds.hosts)));
            }
            told += weight(&state);
            if told > bounds.sources {
                return Err(de::Error::custom("more than is kept of the sources of its hosts"));
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
        let member = Member { host: id, state };
        // Whether the tree of hosts has room for it.
        member.body().map_err(|problem| de::Error::custom(problem.message))?;
        let Member { host: _, state } = member;
        key(&mut map, "resources")?;
        let resources = map.next_value_seed(Resources { file: self.file })?;
        if map.next_key::<IgnoredAny>()?.is_some() {
            return Err(de::Error::custom(format!("{id} has more than its resources")));
        }
        let (count, nodes) = (resources.len() as u64, self.file.nodes);
        let built = resources.build().map_err(|problem| de::Error::custom(problem.message))?;
        if built.root != state.root {
            let message =
                format!("the resources of {name} are not those of its root: it was changed");
            let problem = Problem::field("snapshot", message);
            return Err(self.file.refuse(problem.remedy("export it again, and send it unchanged")));
        }
        let pin = nodes.pin(Pinned::Host(built.root));
        let written = built.nodes.iter().try_for_each(|(digest, node)| nodes.write(*digest, node));
        written.map_err(|problem| self.file.refuse::<A::Error>(problem))?;
        self.file.ended();
        Ok((id, name, state, count, pin))
    }
}

struct Resources<'a, 'b> {
    file: &'a File<'b>,
}

impl<'de> DeserializeSeed<'de> for Resources<'_, '_> {
    type Value = Unsorted<Resource>;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Resources<'_, '_> {
    type Value = Unsorted<Resource>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (bounds, mut all) = (self.file.bounds, Unsorted::new());
        while let Some(resource) = list.next_element::<Resource>()? {
            if all.len() >= bounds.resources {
                let message = format!("more than {} resources on one host", bounds.resources);
                return Err(de::Error::custom(message));
            }
            resource.check().map_err(|problem| de::Error::custom(problem.message))?;
            all.push(&resource).map_err(|problem| de::Error::custom(problem.message))?;
            if all.bytes() > bounds.host {
                let message = format!("more than {} bytes of resources on one host", bounds.host);
                return Err(de::Error::custom(message));
            }
            self.file.ended();
        }
        Ok(all)
    }
}

/// About how many bytes the sources of a host take in memory.
fn weight(state: &HostState) -> usize {
    let problems = state.sources.values().map(|one| one.problem.as_ref().map_or(0, String::len));
    state.sources.len() * SOURCE + problems.sum::<usize>()
}
