//! What one task writes: kept within a limit, shown live, and spooled. A task may be several commands one
//! after the other, so this outlives each of them.

use tamer_model::{KeptOutput, StreamKind};
use tokio::time::Instant;

use super::LiveView;
use crate::spool::Writer;

/// Where the output of a task goes.
#[derive(Debug)]
pub struct Output {
    kept: KeptOutput,
    /// Bytes kept of each stream.
    limit: usize,
    live: LiveView,
    spool: Option<Writer>,
}

impl Output {
    /// Nothing was written yet. `limit` bytes of each stream are kept, its head and its tail.
    pub fn new(live: LiveView, limit: usize) -> Self {
        Self { kept: KeptOutput::default(), limit, live, spool: None }
    }

    /// Writes all of it to the spool too.
    #[must_use]
    pub fn spooled(self, spool: Writer) -> Self {
        Self { spool: Some(spool), ..self }
    }

    /// Takes bytes that were written. Returns at once.
    pub fn write(&mut self, stream: StreamKind, bytes: &[u8]) {
        self.kept.stream_mut(stream).push(bytes, self.limit);
        self.live.push(stream, bytes);
        if let Some(spool) = &self.spool {
            spool.push(stream, bytes);
        }
    }

    /// Waits a moment when the spool's disk is behind, so that more is not left out than need be.
    pub async fn room(&mut self) {
        if let Some(spool) = &mut self.spool {
            spool.room().await;
        }
    }

    /// When [`Output::flush`] is due, if bytes wait to be shown.
    pub fn due(&self) -> Option<Instant> {
        self.live.due()
    }

    /// Shows what waits. Not called at the end of a task: the end carries the rest.
    pub fn flush(&mut self) {
        self.live.flush();
    }

    /// What was kept.
    pub fn into_kept(self) -> KeptOutput {
        self.kept
    }
}
