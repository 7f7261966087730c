//! Reading a snapshot's file, which may be anything.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tamer_drift::fleet::HostState;
use tamer_drift::{Resource, tree};
use tamer_model::{Code, FleetId, HostId, HostName, Problem, SnapshotName, UserName};
use tokio::sync::mpsc;

use super::super::nodes::{Pin, Pinned};
use super::super::record::{Named, SnapshotRecord};
use super::super::snapshots::{Audited, Taken, Wanted};
use super::super::{Drift, Nodes, off};
use super::{FORMAT, VERSION};

/// The longest file, in bytes.
const MAX_FILE: u64 = 4 << 30;
/// Bytes between two places where something ends: a resource, a host's head. Longer is no resource.
const MAX_STRETCH: usize = 1 << 20;
/// Hosts of one file.
const MAX_HOSTS: usize = 100_000;
/// Resources of one host: they are in memory until the host ends.
const MAX_RESOURCES: usize = 500_000;
/// Pieces that wait to be read.
const AHEAD: usize = 4;

/// A file that is being read.
pub struct Import {
    pieces: mpsc::Sender<Bytes>,
    reading: tokio::task::JoinHandle<Result<Found, Problem>>,
    drift: Drift,
}

/// What a file held.
struct Found {
    snapshot: SnapshotRecord,
    taken: Taken,
    /// Until the record is written.
    _pins: Vec<Pin>,
}

impl Drift {
    /// Begins to read a file.
    pub fn import(&self, fleet: FleetId) -> Import {
        let (pieces, came) = mpsc::channel(AHEAD);
        let nodes = self.nodes().clone();
        let reading = tokio::spawn(off(move || read(&nodes, fleet, came)));
        Import { pieces, reading, drift: self.clone() }
    }
}

impl Import {
    /// Takes the next piece. False when the reading has ended: [`Import::finish`] says why.
    pub async fn piece(&mut self, piece: Bytes) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// The file is over: keeps what it held as a snapshot.
    ///
    /// # Errors
    /// `InvalidField` for what is no such file; it says where. `VersionUnsupported` for a newer one,
    /// `WrongState` for one of another fleet.
    pub async fn finish(
        self,
        name: Option<SnapshotName>,
        by: &UserName,
        audited: Audited<'_>,
    ) -> Result<SnapshotRecord, Problem> {
        drop(self.pieces);
        let ended = self.reading.await;
        let found = ended
            .map_err(|error| Problem::new(Code::Internal, format!("reading ended: {error}")))?;
        let Found { snapshot, taken, _pins } = found?;
        let wanted = Wanted {
            name: name.or(snapshot.name),
            tags: snapshot.tags,
            selector: snapshot.selector,
            ..Wanted::default()
        };
        self.drift.keep(wanted, taken, by, true, audited).await
    }
}

fn read(nodes: &Nodes, fleet: FleetId, came: mpsc::Receiver<Bytes>) -> Result<Found, Problem> {
    let left = Rc::new(Cell::new(MAX_STRETCH));
    let refused = Rc::new(Cell::new(None));
    let source = Source { came, piece: Bytes::new(), left: left.clone(), all: 0 };
    let mut from = serde_json::Deserializer::from_reader(io::BufReader::new(source));
    let seed = File { nodes, fleet, left, refused: refused.clone() };
    let found = seed.deserialize(&mut from).and_then(|found| from.end().map(|()| found));
    found.map_err(|error| {
        refused.take().unwrap_or_else(|| {
            Problem::field("snapshot", format!("this is no snapshot's file: {error}"))
                .remedy("send a file that `tamerctl snapshot export` wrote, unchanged")
        })
    })
}

/// The pieces as a stream of bytes, with bounds.
struct Source {
    came: mpsc::Receiver<Bytes>,
    piece: Bytes,
    /// Bytes that may come before something ends.
    left: Rc<Cell<usize>>,
    all: u64,
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.came.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece,
            }
        }
        let taken = to.len().min(self.piece.len());
        to[..taken].copy_from_slice(&self.piece.split_to(taken));
        self.all += taken as u64;
        if self.all > MAX_FILE {
            return Err(io::Error::other(format!("the file is longer than {MAX_FILE} bytes")));
        }
        // What is read ahead into the buffer counts as well: the bound is no finer than that.
        match self.left.get().checked_sub(taken) {
            Some(left) => self.left.set(left),
            None => {
                let message = format!("one thing in it is longer than {MAX_STRETCH} bytes");
                return Err(io::Error::other(message));
            }
        }
        Ok(taken)
    }
}

/// The whole document.
struct File<'a> {
    nodes: &'a Nodes,
    fleet: FleetId,
    left: Rc<Cell<usize>>,
    /// Why it is refused, where that is more than a place in the file.
    refused: Rc<Cell<Option<Problem>>>,
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
        self.left.set(MAX_STRETCH);
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

    fn refuse<E: de::Error>(&self, problem: Problem) -> E {
        let error = E::custom(&problem.message);
        self.refused.set(Some(problem));
        error
    }
}

/// The next key, which has to be this one: the order is part of the format.
fn key<'de, A: MapAccess<'de>>(map: &mut A, name: &'static str) -> Result<(), A::Error> {
    match map.next_key::<String>()? {
        Some(key) if key == name => Ok(()),
        Some(key) => {
            let key: String = key.chars().take(64).collect();
            Err(de::Error::custom(format!("{key:?} is where {name:?} should be")))
        }
        None => Err(de::Error::missing_field(name)),
    }
}

fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    name: &'static str,
) -> Result<T, A::Error> {
    key(map, name)?;
    map.next_value()
}

struct Hosts<'a, 'b> {
    file: &'a File<'b>,
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
