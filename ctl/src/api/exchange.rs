//! The coordinator's `Drift` service: snapshots as files.

use bytes::Bytes;
use futures_util::stream;
use tamer_model::Problem;
use tamer_proto::wire;
use tokio::sync::mpsc;
use tonic::Streaming;
use wire::import_snapshot_request::Frame;

use super::{Api, answer};
use crate::contract::Snapshot;
use crate::errors::of_status;

/// A snapshot's file as it comes.
#[derive(Debug)]
pub struct SnapshotFile(Streaming<wire::SnapshotPiece>);

impl Api {
    /// The file of a snapshot.
    pub async fn export_snapshot(&mut self, snapshot: &str) -> Result<SnapshotFile, Problem> {
        let request = wire::ExportSnapshotRequest { snapshot: snapshot.to_owned() };
        answer(self.drift.export_snapshot(request).await).map(SnapshotFile)
    }

    /// Makes a snapshot of the file that `pieces` gives; an empty name means that in the file. Its
    /// answer comes after the last piece, or as soon as the file is known to be none.
    pub async fn import_snapshot(
        &mut self,
        name: &str,
        pieces: mpsc::Receiver<Bytes>,
    ) -> Result<Snapshot, Problem> {
        let open = Frame::Open(wire::ImportSnapshotOpen { name: name.to_owned() });
        let frames = stream::unfold((Some(open), pieces), async |(open, mut pieces)| {
            let frame = match open {
                Some(open) => open,
                None => Frame::Piece(wire::SnapshotPiece { data: pieces.recv().await? }),
            };
            Some((wire::ImportSnapshotRequest { frame: Some(frame) }, (None, pieces)))
        });
        answer(self.drift.import_snapshot(frames).await).map(Into::into)
    }
}

impl SnapshotFile {
    /// The next piece, or `None` when the file is whole. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let piece = self.0.message().await.map_err(of_status)?;
        Ok(piece.map(|wire::SnapshotPiece { data }| data))
    }
}
