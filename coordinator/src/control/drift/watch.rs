//! Telling when the set of findings is another one. Not that there are some.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::Stream;
use tamer_model::{FindingId, Problem};
use tamer_proto::{status_of, wire};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::report::{asked, fingerprint, of_interest};
use crate::clock;
use crate::control::People;
use crate::drift::changed;

/// Alarms on their way to one watcher; one that is slow gets the next later, not more of them.
const AHEAD: usize = 1;
/// At least this long between two looks.
const PACE: Duration = Duration::from_secs(1);
/// How often it is looked whether what changes without a record (a lost host, a certificate whose
/// time runs out) changed something.
const LOOK: Duration = Duration::from_secs(30);
/// Findings that one alarm names.
const NAMED: usize = 1_000;

impl People {
    pub(super) async fn watch_drift(
        &self,
        request: wire::GetDriftRequest,
    ) -> Result<impl Stream<Item = Result<wire::DriftAlarm, Status>> + Send + 'static, Problem>
    {
        // What is wrong with the question is said at once.
        self.drift.drifted(&asked(&request)?).await?;
        let (out, stream) = mpsc::channel(AHEAD);
        let (people, stop) = (self.clone(), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = out.closed() => {}
                () = people.tell_drift(&request, &out) => {}
            }
        });
        Ok(ReceiverStream::new(stream))
    }

    async fn tell_drift(
        &self,
        request: &wire::GetDriftRequest,
        out: &mpsc::Sender<Result<wire::DriftAlarm, Status>>,
    ) {
        let mut told: Option<(BTreeSet<FindingId>, bool)> = None;
        loop {
            let at = *self.drift.board().changes().borrow();
            let seen = self.see(request).await;
            let alarm = match seen {
                Ok(seen) if told.as_ref() == Some(&seen) => None,
                Ok(seen) => {
                    let before = told.take().map(|(set, _)| set).unwrap_or_default();
                    let alarm = alarm(&before, &seen);
                    told = Some(seen);
                    Some(Ok(alarm))
                }
                Err(problem) => Some(Err(status_of(problem))),
            };
            let over = matches!(alarm, Some(Err(_)));
            if let Some(alarm) = alarm
                && (out.send(alarm).await.is_err() || over)
            {
                return;
            }
            tokio::time::sleep(PACE).await;
            // A look that finds nothing new tells nothing.
            let _ = tokio::time::timeout(LOOK, changed(self.drift.board(), at)).await;
        }
    }

    async fn see(
        &self,
        request: &wire::GetDriftRequest,
    ) -> Result<(BTreeSet<FindingId>, bool), Problem> {
        let drifted = self.drift.drifted(&asked(request)?).await?;
        Ok((of_interest(&drifted, request)?, drifted.observed()))
    }
}

fn alarm(
    before: &BTreeSet<FindingId>,
    (now, observed): &(BTreeSet<FindingId>, bool),
) -> wire::DriftAlarm {
    let named =
        |ids: Vec<&FindingId>| ids.into_iter().take(NAMED).map(ToString::to_string).collect();
    wire::DriftAlarm {
        set: fingerprint(now),
        new: named(now.difference(before).collect()),
        gone: named(before.difference(now).collect()),
        same: u32::try_from(now.intersection(before).count()).unwrap_or(u32::MAX),
        at: clock::now().as_millis(),
        observed: *observed,
    }
}
