//! Lists of instances, and what changes in them.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::Stream;
use tamer_model::{InstanceId, Problem};
use tamer_proto::wire::instance_event::Event;
use tamer_proto::{status_of, wire};
use tamer_store::Revision;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::control::People;
use crate::instances::find::Selection;

/// Instances to a page unless the caller wants fewer; with labels at their limit a page stays
/// under the longest message.
const PAGE: usize = 1000;
/// A page ends at this many bytes: a message holds four times as much.
const PAGE_BYTES: usize = 1024 * 1024;
/// Events on their way to one watcher.
const AHEAD: usize = 64;
/// Changes that come this close together are told together.
const TOGETHER: Duration = Duration::from_millis(100);

impl People {
    pub(in crate::control) fn instances(
        &self,
        request: wire::ListInstancesRequest,
    ) -> Result<wire::ListInstancesResponse, Problem> {
        let wire::ListInstancesRequest { selection, limit, page_token } = request;
        let selection = Selection::try_from(selection)?;
        let limit = if limit == 0 { PAGE } else { PAGE.min(limit as usize) };
        let view = self.fleet.view();
        let found = selection.find(&view)?;
        let begin = match page_token.as_str() {
            "" => 0,
            token => {
                let token = Token::read(token)?;
                found.partition_point(|found| Token::of(found.order()) <= token)
            }
        };
        let mut page = wire::ListInstancesResponse::default();
        let mut bytes = 0;
        for found in &found[begin..] {
            if page.instances.len() == limit || bytes > PAGE_BYTES {
                // The page ended before this one.
                break;
            }
            let shown = found.show(&view);
            bytes += prost::Message::encoded_len(&shown);
            page.instances.push(shown);
        }
        let end = begin + page.instances.len();
        if end < found.len() && end > begin {
            page.next_page_token = Token::of(found[end - 1].order()).write();
        }
        Ok(page)
    }

    pub(in crate::control) fn follow_instances(
        &self,
        request: wire::WatchInstancesRequest,
    ) -> Result<impl Stream<Item = Result<wire::InstanceEvent, Status>> + Send + 'static, Problem>
    {
        let selection = Selection::try_from(request.selection)?;
        let (out, stream) = mpsc::channel(AHEAD);
        let people = self.clone();
        // Ends with its watcher or with the program.
        tokio::spawn(async move {
            let stop = people.stop.clone();
            let closed = out.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = closed.closed() => {}
                () = people.tell_changes(selection, out) => {}
            }
        });
        Ok(ReceiverStream::new(stream))
    }

    async fn tell_changes(
        &self,
        selection: Selection,
        out: mpsc::Sender<Result<wire::InstanceEvent, Status>>,
    ) {
        let mut told: HashMap<InstanceId, (Revision, bool)> = HashMap::new();
        let mut changes = self.fleet.changes();
        let mut first = true;
        loop {
            // Marked before the look, so that a change during it is seen.
            changes.borrow_and_update();
            let events = self.changes_since(&selection, &mut told);
            let events = match events {
                Ok(events) => events,
                Err(problem) => {
                    // A watcher that hung up need not know.
                    let _ = out.send(Err(status_of(problem))).await;
                    return;
                }
            };
            let snapshotted =
                std::mem::take(&mut first).then_some(Event::Snapshotted(wire::Snapshotted {}));
            for event in events.into_iter().chain(snapshotted) {
                if out.send(Ok(wire::InstanceEvent { event: Some(event) })).await.is_err() {
                    return;
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
            tokio::time::sleep(TOGETHER).await;
        }
    }

    /// What is not as it was told.
    fn changes_since(
        &self,
        selection: &Selection,
        told: &mut HashMap<InstanceId, (Revision, bool)>,
    ) -> Result<Vec<Event>, Problem> {
        let view = self.fleet.view();
        let found = selection.find(&view)?;
        let mut events = Vec::new();
        let mut now = HashMap::with_capacity(found.len());
        for found in found {
            let instance = found.instance();
            let stale = view.is_stale(instance.host, &instance.provider);
            let mark = (found.placed.at, stale);
            if told.remove(&instance.id) != Some(mark) {
                events.push(Event::Put(found.show(&view)));
            }
            now.insert(instance.id, mark);
        }
        // What is left was told and is not there any more.
        events.extend(told.keys().map(|id| Event::Gone(id.to_string())));
        *told = now;
        Ok(events)
    }
}

/// Where a page ended: the order of its last instance.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Token {
    host: String,
    provider: String,
    name: String,
    id: InstanceId,
}

impl Token {
    fn of((host, provider, name, id): (&str, &str, &str, InstanceId)) -> Self {
        Self { host: host.to_owned(), provider: provider.to_owned(), name: name.to_owned(), id }
    }

    fn write(&self) -> String {
        // No name holds a slash.
        format!("{}/{}/{}/{}", self.host, self.provider, self.name, self.id)
    }

    fn read(text: &str) -> Result<Self, Problem> {
        let bad = || Problem::field("page_token", "not a token that a page ended with");
        let parts: Vec<_> = text.split('/').collect();
        let [host, provider, name, id] = parts[..] else { return Err(bad()) };
        Ok(Self::of((host, provider, name, id.parse().map_err(|_| bad())?)))
    }
}
