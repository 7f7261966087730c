//! The audit: a record for every change, in the commit that makes the change, and for every change
//! that was refused.
//!
//! Refusals are written by a task of their own, at most [`REFUSALS_PER_SECOND`]: a flood of them
//! must not fill the disk. What is left out is counted in the next record.

use std::time::Duration;

use tamer_model::{AuditOutcome, AuditRecord, Code};
use tamer_store::{Commit, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::caller::Caller;
use crate::clock;
use crate::state::{encode, keys};

/// Refusals that can wait to be written; more are counted, not kept.
const QUEUE: usize = 256;
const REFUSALS_PER_SECOND: u32 = 20;

/// Adds the record of a change to the commit that makes it.
pub fn done(
    commit: Commit,
    caller: &Caller,
    what: &str,
    on: impl ToString,
    detail: impl ToString,
) -> Commit {
    done_by(commit, caller.who(), caller, what, on, detail)
}

/// The same, where the caller's name is not its certificate's: a token, for one.
pub fn done_by(
    commit: Commit,
    who: String,
    caller: &Caller,
    what: &str,
    on: impl ToString,
    detail: impl ToString,
) -> Commit {
    record(commit, who, caller.from.to_string(), what, on, detail)
}

/// The same, where nobody called: a schedule, for one.
pub fn record(
    commit: Commit,
    who: String,
    from: String,
    what: &str,
    on: impl ToString,
    detail: impl ToString,
) -> Commit {
    let record = AuditRecord {
        at: clock::now(),
        who,
        what: what.to_owned(),
        on: on.to_string(),
        from,
        outcome: AuditOutcome::Done,
        detail: detail.to_string(),
    };
    commit.put(keys::audit(record.at, clock::random()), encode(&record))
}

/// Where refusals are told. Cheap to clone.
#[derive(Clone)]
pub struct Refusals(mpsc::Sender<AuditRecord>);

impl Refusals {
    /// The line, and the task that writes what comes over it.
    pub fn new(
        store: Store,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (line, records) = mpsc::channel(QUEUE);
        (Self(line), write(store, records, stop))
    }

    /// Notes that something was refused. Never waits.
    pub fn tell(
        &self,
        caller: &Caller,
        what: &str,
        on: impl ToString,
        code: Code,
        detail: impl ToString,
    ) {
        let record = AuditRecord {
            at: clock::now(),
            who: caller.who(),
            what: what.to_owned(),
            on: on.to_string(),
            from: caller.from.to_string(),
            outcome: AuditOutcome::Refused(code),
            detail: detail.to_string(),
        };
        if self.0.try_send(record).is_err() {
            warn!(
                what,
                code = code.as_str(),
                "a refusal was not audited: there are too many at once"
            );
        }
    }
}

async fn write(store: Store, mut records: mpsc::Receiver<AuditRecord>, stop: CancellationToken) {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / REFUSALS_PER_SECOND);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let record = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            record = records.recv() => record,
        };
        let Some(record) = record else { return };
        let commit = Commit::new().put(keys::audit(record.at, clock::random()), encode(&record));
        if let Err(error) = store.commit(commit).await {
            warn!(%error, "a refusal could not be audited");
        }
        pace.tick().await;
    }
}
