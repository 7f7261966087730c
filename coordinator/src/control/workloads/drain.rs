//! Draining hosts: their placements are moved away, as their workloads' update policies allow.

use std::time::Duration;

use tamer_model::{Code, Cordon, Drain, Host, Problem, Timestamp};
use tamer_proto::wire;
use tamer_store::{Commit, CommitError};

use super::view;
use crate::control::hosts::MAX_REASON;
use crate::control::{Asker, People};
use crate::state::{Unstorable, decode, encode, keys};
use crate::{audit, clock};

/// The longest deadline of a drain.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// Placements that a view shows of those that are left.
const SHOWN: usize = 100;

impl People {
    pub(in crate::control) async fn drain_host(
        &self,
        asker: &Asker,
        request: wire::DrainHostRequest,
    ) -> Result<wire::DrainView, Problem> {
        let wire::DrainHostRequest { host, deadline_ms, keep_every_host, cancel, reason } = request;
        if reason.len() > MAX_REASON {
            return Err(Problem::field("reason", format!("longer than {MAX_REASON} bytes")));
        }
        let wait = deadline_ms.map(Duration::from_millis);
        if wait.is_some_and(|wait| wait > LONGEST) {
            return Err(Problem::field("deadline", "longer than a year"));
        }
        loop {
            let id = self.fleet.view().find(&host)?.host.id;
            let key = keys::host(id);
            // From the store, not from the cache: what conflicts is seen at the next look.
            let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
            let Some(entry) = entry else {
                let message = format!("{host:?} was removed at this moment");
                return Err(Problem::new(Code::Conflict, message).on("host"));
            };
            let before: Host = decode(&key, &entry.value)?;
            let now = clock::now();
            let mut changed = before.clone();
            let what = if cancel { "host.drain.cancel" } else { "host.drain" };
            if cancel {
                changed.drain = None;
            } else {
                let drain = Drain {
                    by: asker.name.clone(),
                    at: now,
                    deadline: wait.map(|wait| now.plus(wait)),
                    keep_every_host,
                };
                begin(&mut changed, drain, &reason);
            }
            if changed == before {
                return self.view_drain(&host);
            }
            let commit = Commit::new().unchanged(&entry).put(key, encode(&changed));
            let commit = audit::done(commit, &asker.caller, what, changed.id, detail(&changed));
            match self.store.commit(commit).await {
                Ok(revision) => {
                    self.fleet.reached(revision).await;
                    return self.view_drain(&host);
                }
                // Labels, or a renewed certificate: the next look has them.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.problem()),
            }
        }
    }

    /// How the drain of a host stands.
    pub(super) fn view_drain(&self, host: &str) -> Result<wire::DrainView, Problem> {
        let (view, board) = (self.fleet.view(), self.workloads.read());
        let host = &view.find(host)?.host;
        let left = board.scheduler().left_to_drain(host.id);
        let shown = left.iter().take(SHOWN).filter_map(|id| board.copy(*id));
        let drain = host.drain.as_ref();
        Ok(wire::DrainView {
            host: host.name.to_string(),
            draining: drain.is_some(),
            drained: drain.is_some() && left.is_empty(),
            begun_at: drain.map_or(0, |drain| drain.at.as_millis()),
            deadline: drain.and_then(|drain| drain.deadline).map(Timestamp::as_millis),
            left: u32::try_from(left.len()).unwrap_or(u32::MAX),
            placements: shown.map(|copy| view::placement(&view, copy)).collect(),
        })
    }
}

/// Drains a host, or changes the terms of its drain, which goes on from when it began.
fn begin(host: &mut Host, drain: Drain, reason: &str) {
    let at = host.drain.as_ref().map_or(drain.at, |before| before.at);
    if host.cordon.is_none() {
        let (by, reason) = (drain.by.clone(), reason.to_owned());
        host.cordon = Some(Cordon { by, at: drain.at, reason });
    }
    host.drain = Some(Drain { at, ..drain });
}

fn detail(host: &Host) -> String {
    match host.drain.as_ref().map(|drain| (drain.deadline, drain.keep_every_host)) {
        None => String::new(),
        Some((None, keep)) => format!("deadline=none keep_every_host={keep}"),
        Some((Some(at), keep)) => format!("deadline={} keep_every_host={keep}", at.as_millis()),
    }
}
