//! Following a workload or a drain: a view at first, and at each change.

use std::time::Duration;

use futures_util::Stream;
use tamer_model::Problem;
use tamer_proto::{status_of, wire};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::control::People;

/// Views on their way to one watcher; one that is slow gets the next later, not more of them.
const AHEAD: usize = 1;
/// At least this long between two views: at most four a second.
const PACE: Duration = Duration::from_millis(250);
/// How often it is looked whether what changes without a record (a lost host) changed something.
const LOOK: Duration = Duration::from_secs(2);

/// A view, and whether it is the last one.
struct Seen<T> {
    view: T,
    last: bool,
}

impl People {
    pub(in crate::control) fn watch_workload(
        &self,
        request: wire::GetWorkloadRequest,
    ) -> Result<impl Stream<Item = Result<wire::WorkloadView, Status>> + Send + 'static, Problem>
    {
        let changes = self.workloads.changes(&super::name(&request.name)?);
        self.view_workload(&request.name)?;
        let people = self.clone();
        let look = move || {
            let view = people.view_workload(&request.name)?;
            Ok(Seen { view, last: false })
        };
        Ok(follow(look, changes, self.stop.clone()))
    }

    pub(in crate::control) fn watch_drain(
        &self,
        request: wire::WatchDrainRequest,
    ) -> Result<impl Stream<Item = Result<wire::DrainView, Status>> + Send + 'static, Problem> {
        let host = self.fleet.view().find(&request.host)?.host.id;
        let changes = self.workloads.changes_on(host);
        let people = self.clone();
        let look = move || {
            let view = people.view_drain(&request.host)?;
            let last = !view.draining || view.drained;
            Ok(Seen { view, last })
        };
        Ok(follow(look, changes, self.stop.clone()))
    }
}

/// Tells what `look` sees whenever that is something new. Ends with its watcher, with the program,
/// with the last view, or when there is nothing to look at any more.
fn follow<T: Clone + PartialEq + Send + 'static>(
    look: impl Fn() -> Result<Seen<T>, Problem> + Send + Sync + 'static,
    changes: watch::Receiver<()>,
    stop: CancellationToken,
) -> ReceiverStream<Result<T, Status>> {
    let (out, stream) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = out.closed() => {}
            () = tell(&look, changes, &out) => {}
        }
    });
    ReceiverStream::new(stream)
}

async fn tell<T: Clone + PartialEq>(
    look: &(impl Fn() -> Result<Seen<T>, Problem> + Sync),
    mut changes: watch::Receiver<()>,
    out: &mpsc::Sender<Result<T, Status>>,
) {
    let mut told = None;
    loop {
        changes.mark_unchanged();
        let Seen { view, last } = match look() {
            Ok(seen) => seen,
            Err(problem) => {
                // A watcher that hung up meanwhile need not know.
                let _ = out.send(Err(status_of(problem))).await;
                return;
            }
        };
        if told.as_ref() != Some(&view) {
            if out.send(Ok(view.clone())).await.is_err() {
                return;
            }
            told = Some(view);
        }
        if last {
            return;
        }
        tokio::time::sleep(PACE).await;
        // Cancel-safe, and an end of the news is as good as none: what is there is looked at.
        if let Ok(Err(_)) = tokio::time::timeout(LOOK, changes.changed()).await {
            tokio::time::sleep(LOOK).await;
        }
    }
}
