//! Files that are anything: each is refused with the place, or is the snapshot that it was made of,
//! and takes no more memory than the bounds say. `TAMER_SOAK` makes it a campaign.

mod campaign;
mod document;
mod endless;

use std::thread;

use bytes::Bytes;
use tamer_model::{Code, FleetId, Problem};
use tokio::sync::mpsc;

use super::bounds::Bounds;
use super::{AHEAD, Found, read};
use crate::drift::Nodes;

const OURS: FleetId = FleetId::from_bytes([1; 10]);

/// Where nodes are written, for one test.
struct Shelf {
    nodes: Nodes,
    _folder: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { nodes: Nodes::open(folder.path()).expect("nodes"), _folder: folder }
    }

    /// What is found in a stream of pieces, and how many of them it took to say so.
    fn read(
        &self,
        bounds: Bounds,
        pieces: impl IntoIterator<Item = Bytes>,
    ) -> (Result<Found, Problem>, usize) {
        let (out, came) = mpsc::channel(AHEAD);
        let nodes = self.nodes.clone();
        let reading = thread::spawn(move || read(&nodes, OURS, came, bounds));
        let taken = pieces.into_iter().take_while(|piece| out.blocking_send(piece.clone()).is_ok());
        let taken = taken.count();
        drop(out);
        (reading.join().expect("reading never panics"), taken)
    }

    fn whole(&self, file: &[u8]) -> Result<Found, Problem> {
        // Pieces end anywhere.
        let pieces: Vec<_> = file.chunks(997).map(Bytes::copy_from_slice).collect();
        self.read(Bounds::USUAL, pieces).0
    }
}

/// That a refusal says what is wrong, where, and what to do.
fn says_where(problem: &Problem) -> bool {
    let named = match problem.code {
        Code::VersionUnsupported | Code::WrongState => true,
        _damaged => ["at line ", "its root", "snapshot's root", "before byte "]
            .iter()
            .any(|place| problem.message.contains(place)),
    };
    named && problem.field.is_some() && problem.remedy.is_some()
}
