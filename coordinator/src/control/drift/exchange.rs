//! Snapshots as files, out and in.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tamer_model::Problem;
use tamer_proto::wire::import_snapshot_request::Frame;
use tamer_proto::{problem_of, status_of, wire};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::snapshots::{audited, snapshot_name};
use super::view;
use crate::control::{Asker, People};
use crate::drift::MAX_PIECE;

/// How long a message of an import may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl People {
    pub(super) async fn export_snapshot(
        &self,
        request: wire::ExportSnapshotRequest,
    ) -> Result<impl Stream<Item = Result<wire::SnapshotPiece, Status>> + Send + 'static, Problem>
    {
        let record = self.drift.find_snapshot(&request.snapshot).await?;
        let pieces = self.drift.export(record, self.fleet_id).await?;
        Ok(ReceiverStream::new(pieces).map(|piece| match piece {
            Ok(data) => Ok(wire::SnapshotPiece { data }),
            Err(problem) => Err(status_of(problem)),
        }))
    }

    pub(super) async fn import_snapshot(
        &self,
        asker: &Asker,
        mut messages: Streaming<wire::ImportSnapshotRequest>,
    ) -> Result<wire::SnapshotView, Problem> {
        let Some(Frame::Open(open)) = next(&mut messages).await? else {
            return Err(Problem::field("open", "the first message opens the import"));
        };
        let name = snapshot_name(&open.name)?;
        let mut import = self.drift.import(self.fleet_id);
        while let Some(frame) = next(&mut messages).await? {
            let Frame::Piece(wire::SnapshotPiece { data }) = frame else {
                return Err(Problem::field("open", "an import is opened once"));
            };
            if data.len() > MAX_PIECE {
                let message = format!("{} bytes, more than {MAX_PIECE}", data.len());
                return Err(Problem::field("piece.data", message));
            }
            // What is wrong with the file is known before its end.
            if !import.piece(data).await {
                break;
            }
        }
        let audited = audited(asker, "snapshot.import");
        let record = import.finish(name, &asker.name, &audited).await?;
        Ok(view::snapshot(&record, Vec::new()))
    }
}

async fn next(
    messages: &mut Streaming<wire::ImportSnapshotRequest>,
) -> Result<Option<Frame>, Problem> {
    let message = timeout(PATIENCE, messages.message())
        .await
        .map_err(|_| Problem::field("piece", "the next one did not come in time"))?
        .map_err(|status| problem_of(&status))?;
    match message {
        None => Ok(None),
        Some(message) => message
            .frame
            .map(Some)
            .ok_or_else(|| Problem::field("frame", "a message of an import holds something")),
    }
}
