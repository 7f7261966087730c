//! The document as a whole: what it is, and how it ends.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use tamer_model::{Code, FleetId, Problem};

use super::Found;
use super::bounds::Bounds;
use super::hosts::Hosts;
use crate::drift::Nodes;
use crate::drift::exchange::{FORMAT, VERSION};
use crate::drift::record::SnapshotRecord;

/// The whole document.
pub(super) struct File<'a> {
    pub(super) nodes: &'a Nodes,
    pub(super) fleet: FleetId,
    pub(super) bounds: Bounds,
    /// Bytes that may come before something ends.
    pub(super) left: Rc<Cell<usize>>,
    /// Why it is refused, where that is more than a place in the file.
    pub(super) refused: Rc<Cell<Option<Problem>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    hosts: u64,
    resources: u64,
}

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = Found;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Found, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        self.head(&mut map)?;
        let snapshot: SnapshotRecord = value(&mut map, "snapshot")?;
        self.ended();
        key(&mut map, "hosts")?;
        let (taken, pins) = map.next_value_seed(Hosts { file: &self })?;
        let End { hosts, resources } = value(&mut map, "end")?;
        if map.next_key::<IgnoredAny>()?.is_some() {
            return Err(de::Error::custom("something comes after the end"));
        }
        let held: u64 = taken.names.iter().map(|host| host.resources).sum();
        if hosts != taken.hosts.len() as u64 || resources != held {
            return Err(de::Error::custom("it does not hold as much as its end says"));
        }
        Ok(Found { snapshot, taken, _pins: pins })
    }
}

impl File<'_> {
    /// What it is, before anything else of it is read.
    fn head<'de, A: MapAccess<'de>>(&self, map: &mut A) -> Result<(), A::Error> {
        let format: String = value(map, "format")?;
        if format != FORMAT {
            return Err(de::Error::custom(format!("its format is not {FORMAT}")));
        }
        let version: u32 = value(map, "version")?;
        if version == 0 || version > VERSION {
            let message =
                format!("the file has version {version}; this coordinator reads {VERSION}");
            let problem = Problem::new(Code::VersionUnsupported, message).on("version");
            return Err(
                self.refuse(problem.remedy("upgrade this coordinator, then import it again"))
            );
        }
        let fleet: FleetId = value(map, "fleet")?;
        if fleet != self.fleet {
            let message = format!("the snapshot is of the fleet {fleet}, this is {}", self.fleet);
            let problem = Problem::new(Code::WrongState, message).on("fleet");
            return Err(
                self.refuse(problem.remedy("import it into the fleet that it was taken of"))
            );
        }
        Ok(())
    }

    /// Something ended: the next may be as long.
    pub(super) fn ended(&self) {
        self.left.set(self.bounds.stretch);
    }

    pub(super) fn refuse<E: de::Error>(&self, problem: Problem) -> E {
        let error = E::custom(&problem.message);
        self.refused.set(Some(problem));
        error
    }
}

/// The next key, which has to be this one: the order is part of the format.
pub(super) fn key<'de, A: MapAccess<'de>>(map: &mut A, name: &'static str) -> Result<(), A::Error> {
    match map.next_key::<String>()? {
        Some(key) if key == name => Ok(()),
        Some(key) => {
            let key: String = key.chars().take(64).collect();
            Err(de::Error::custom(format!("{key:?} is where {name:?} should be")))
        }
        None => Err(de::Error::missing_field(name)),
    }
}

pub(super) fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    name: &'static str,
) -> Result<T, A::Error> {
    key(map, name)?;
    map.next_value()
}
