//! The audit, listed and followed.

use futures_util::Stream;
use tamer_model::{AuditRecord, Problem};
use tamer_proto::{status_of, wire};
use tamer_store::{Change, Range};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{People, page};
use crate::state::{Unstorable, decode, keys, unstorable};

/// Records on their way to one reader; a slow one slows itself.
const AHEAD: usize = 64;
/// The most records a tail begins with.
const CATCH_UP: u32 = 1000;

impl People {
    pub(super) async fn audits(
        &self,
        request: wire::ListAuditRequest,
    ) -> Result<wire::ListAuditResponse, Problem> {
        let wire::ListAuditRequest { limit, page_token } = request;
        let limit = if limit == 0 { 100 } else { limit };
        let (page, next_page_token) =
            page::read(&self.store, &keys::audits(), limit, &page_token).await?;
        let records = page.entries.iter().map(read).collect::<Result<_, _>>()?;
        Ok(wire::ListAuditResponse { records, next_page_token })
    }

    pub(super) async fn follow_audit(
        &self,
        request: wire::TailAuditRequest,
    ) -> Result<impl Stream<Item = Result<wire::AuditRecord, Status>> + Send + 'static, Problem>
    {
        let from = self.store.revision().await.map_err(Unstorable::problem)?;
        let mut watch = self
            .store
            .watch(keys::audits(), from.next())
            .await
            .map_err(|error| unstorable(&error))?;
        let mut missed = Vec::new();
        if !request.after.is_empty() {
            let range = Range::prefix(&keys::audits()).limit(CATCH_UP);
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in
                page.entries.iter().take_while(|entry| keys::tail(&entry.key) != request.after)
            {
                missed.push(read(entry)?);
            }
        }
        let (out, stream) = tokio::sync::mpsc::channel(AHEAD);
        let stop = self.stop.clone();
        // Ends with its reader, with the watch, or with the program.
        tokio::spawn(async move {
            for record in missed.into_iter().rev() {
                if out.send(Ok(record)).await.is_err() {
                    return;
                }
            }
            loop {
                let events = tokio::select! {
                    () = stop.cancelled() => return,
                    () = out.closed() => return,
                    events = watch.next() => events,
                };
                let records: Vec<_> = match events {
                    Ok(events) => events
                        .into_iter()
                        .filter_map(|event| match event.change {
                            Change::Put(entry) => Some(read(&entry).map_err(status_of)),
                            Change::Delete(_) => None,
                        })
                        .collect(),
                    Err(error) => vec![Err(status_of(unstorable(&error)))],
                };
                for record in records {
                    let last = record.is_err();
                    if out.send(record).await.is_err() || last {
                        return;
                    }
                }
            }
        });
        Ok(ReceiverStream::new(stream))
    }
}

fn read(entry: &tamer_store::Entry) -> Result<wire::AuditRecord, Problem> {
    let record: AuditRecord = decode(&entry.key, &entry.value)?;
    Ok((keys::tail(&entry.key).to_owned(), record).into())
}
