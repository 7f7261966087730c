//! Contents: scripts and files on their way to hosts and from them.

use std::time::Duration;

use tamer_model::{Code, Content, Problem};
use tamer_proto::wire::put_content_request::Frame;
use tamer_proto::{Required, problem_of, wire};
use tamer_store::Commit;
use tokio::time::timeout;
use tonic::Streaming;

use super::{Asker, Events, People};
use crate::audit;
use crate::contents::carry;
use crate::state::Unstorable;

/// How long the first message may take.
const OPENING: Duration = Duration::from_secs(10);

impl People {
    pub(super) async fn content_stat(
        &self,
        request: wire::StatContentRequest,
    ) -> Result<wire::StatContentResponse, Problem> {
        let content = request.content.required("content")?.try_into()?;
        self.contents.stat(content).await.map(carry::told)
    }

    pub(super) async fn content_put(
        &self,
        asker: &Asker,
        mut messages: Streaming<wire::PutContentRequest>,
    ) -> Result<wire::StatContentResponse, Problem> {
        let first = timeout(OPENING, messages.message())
            .await
            .map_err(|_| Problem::field("open", "it did not come in time"))?
            .map_err(|status| problem_of(&status))?;
        let Some(Frame::Open(open)) = first.and_then(|first| first.frame) else {
            return Err(Problem::field("open", "the first message says which content comes"));
        };
        let content: Content = open.content.required("open.content")?.try_into()?;
        let put = carry::receive(&self.contents, content, Duration::ZERO, messages, |message| {
            match message.frame {
                Some(Frame::Chunk(chunk)) => Some(chunk),
                Some(Frame::Open(_)) | None => None,
            }
        })
        .await?;
        let detail = format!("bytes={}", content.size);
        let commit =
            audit::done(Commit::new(), &asker.caller, "content.put", content.digest, detail);
        self.store.commit(commit).await.map_err(Unstorable::problem)?;
        Ok(put)
    }

    pub(super) async fn fetched(
        &self,
        request: wire::GetFetchedRequest,
    ) -> Result<Events<wire::ContentChunk>, Problem> {
        let wire::GetFetchedRequest { batch, host, item, offset } = request;
        let (batch, _) = self.find_batch(&batch).await?;
        let target = self.find_target(&batch, &host, item).await?;
        let record = self.record(batch.id, target.spot()).await?;
        let content = record.state.end().and_then(|end| end.fetched).ok_or_else(|| {
            let message = format!("{} brought no file for {}", target.label(), batch.id);
            Problem::new(Code::NotFound, message)
                .remedy("`tamerctl batch show` says how its task ended")
        })?;
        let reader = self.contents.reader(content, offset).await?;
        Ok(Box::pin(carry::send(reader, self.stop.clone())))
    }
}
