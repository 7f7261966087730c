//! Reading a snapshot's file, which may be anything.

mod bounds;
mod file;
mod hosts;
mod source;

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use serde::de::DeserializeSeed as _;
use tamer_drift::fleet::{HostState, Member};
use tamer_drift::tree;
use tamer_model::{Code, FleetId, HostId, Problem, SnapshotName, UserName};
use tokio::sync::mpsc;

use self::bounds::Bounds;
use self::file::File;
use self::source::Source;
use crate::drift::nodes::Pin;
use crate::drift::record::SnapshotRecord;
use crate::drift::snapshots::{Audited, Taken, Wanted};
use crate::drift::{Drift, Nodes, off};

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
        let reading = tokio::spawn(off(move || read(&nodes, fleet, came, Bounds::USUAL)));
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

fn read(
    nodes: &Nodes,
    fleet: FleetId,
    came: mpsc::Receiver<Bytes>,
    bounds: Bounds,
) -> Result<Found, Problem> {
    let left = Rc::new(Cell::new(bounds.stretch));
    let refused = Rc::new(Cell::new(None));
    let source = Source::new(came, left.clone(), bounds);
    let mut from = serde_json::Deserializer::from_reader(io::BufReader::new(source));
    let seed = File { nodes, fleet, bounds, left, refused: refused.clone() };
    let found = seed.deserialize(&mut from).and_then(|found| from.end().map(|()| found));
    let found = found.map_err(|error| {
        refused.take().unwrap_or_else(|| {
            Problem::field("snapshot", format!("this is no snapshot's file: {error}"))
                .remedy("send a file that `tamerctl snapshot export` wrote, unchanged")
        })
    })?;
    check_root(&found)?;
    Ok(found)
}

/// That the hosts, with what is said of each, are those that the snapshot was made of.
fn check_root(found: &Found) -> Result<(), Problem> {
    let member =
        |(host, state): (&HostId, &HostState)| Member { host: *host, state: state.clone() };
    let built = tree::build(found.taken.hosts.iter().map(member))?;
    if built.root == found.snapshot.root {
        return Ok(());
    }
    let message = "the hosts are not those of the snapshot's root: the file was changed";
    Err(Problem::field("snapshot.root", message).remedy("export it again, and send it unchanged"))
}

#[cfg(test)]
mod tests;
