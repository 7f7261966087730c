//! The liveness controller: the one writer of host states.
//!
//! Each pass compares what the sessions know with what the records say and writes the difference,
//! in commits of many hosts. A pass costs a look at each host; it needs no timer per host, so the
//! time from silence to `lost` is the same at any fleet size: [`SILENCE`] and one [`TICK`]. Longer is
//! given only to hosts that this coordinator never heard and that may be on their way to it
//! ([`RETURN`]), and to those who wait at a crowded door.

mod rush;

use std::time::Duration;

use futures_util::future::join_all;
use tamer_model::{HostId, HostState, HostStatus};
use tamer_store::{Commit, CommitError, Revision, Store};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::rush::Rush;
use crate::clock;
use crate::fleet::{Fleet, Member};
use crate::session::{Live, Sessions};
use crate::state::{encode, keys};

/// How often an agent is heard.
pub const HEARTBEAT: Duration = Duration::from_secs(3);
/// A host that was not heard for this long is lost: three heartbeats.
pub const SILENCE: Duration = Duration::from_secs(9);
/// A host that this coordinator has not heard yet is lost after this long: the longest that an agent
/// waits before it dials again, unless it is configured to wait longer, and a greeting after it. While
/// the coordinator was away its agents dialled in vain, and waited longer each time.
const RETURN: Duration = Duration::from_secs(30 + 5);
/// How often silence is looked for. Silence, tick and commit stay under the promised 10 s.
const TICK: Duration = Duration::from_millis(250);
/// A pass that comes this late was held up by this machine (a suspended laptop, a stopped
/// process), and nobody could be heard meanwhile.
const OWN_PAUSE: Duration = Duration::from_secs(2);
/// Hosts to a commit: one precondition and one write each, of 128.
const HOSTS_PER_COMMIT: usize = 100;

/// Keeps the states of hosts true until `stop`.
pub async fn run(store: Store, fleet: Fleet, sessions: Sessions, stop: CancellationToken) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut passed = Instant::now();
    let started = clock::steady();
    let mut rush = Rush::new(sessions.opened(), started);
    loop {
        // Both branches are cancel-safe: a lost notification is made up for by the next tick.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
            () = sessions.changed() => {}
        }
        if passed.elapsed() > OWN_PAUSE {
            warn!(
                pause_ms = passed.elapsed().as_millis() as u64,
                "this coordinator was held up; silence meanwhile is not the hosts'"
            );
            sessions.forgive();
        }
        let crowd = rush.last(sessions.opened(), clock::steady());
        pass(&store, &fleet, &sessions, Door { started, crowd }).await;
        passed = Instant::now();
    }
}

/// When a host without a session may have stood before a closed door, by the steady clock.
#[derive(Debug, Clone, Copy)]
struct Door {
    /// When this coordinator began to listen.
    started: u64,
    /// When the door was last seen crowded.
    crowd: Option<u64>,
}

impl Door {
    /// How long a host without a session may not be heard, and since when that counts.
    fn patience(&self, heard: Option<u64>) -> (u64, Duration) {
        let (since, patience) = match heard {
            Some(heard) => (heard, SILENCE),
            None => (self.started, RETURN),
        };
        (since.max(self.crowd.unwrap_or(0)), patience)
    }
}

async fn pass(store: &Store, fleet: &Fleet, sessions: &Sessions, door: Door) {
    let due: Vec<_> = {
        let view = fleet.view();
        sessions.retain(|host| view.host(host).is_some());
        view.hosts()
            .filter_map(|member| {
                Some((member.host.id, member.status_at, due(member, sessions, door)?))
            })
            .collect()
    };
    let commits = due.chunks(HOSTS_PER_COMMIT).map(|hosts| write(store, hosts));
    if let Some(last) = join_all(commits).await.into_iter().flatten().max() {
        fleet.reached(last).await;
    }
}

/// The status that a host's record should have, if it has another.
fn due(member: &Member, sessions: &Sessions, door: Door) -> Option<HostStatus> {
    let id = member.host.id;
    let live = sessions.get(id);
    let heard = live.as_ref().map(Live::heard).or_else(|| sessions.heard(id));
    let since = |moment| Duration::from_millis(clock::steady().saturating_sub(moment));
    let silent = since(heard.unwrap_or(door.started));
    let last_seen = tamer_model::Timestamp::from_millis(
        clock::now().as_millis().saturating_sub(silent.as_millis() as u64),
    );
    let gone = match &live {
        Some(_) => silent > SILENCE,
        None => {
            let (from, patience) = door.patience(heard);
            since(from) > patience
        }
    };
    match (member.status.state, live) {
        (HostState::Ready, live) if gone => {
            if let Some(live) = live {
                live.close("silent", "nothing was heard from this agent");
            }
            Some(HostStatus {
                state: HostState::Lost,
                since: clock::now(),
                last_seen,
                ..member.status.clone()
            })
        }
        (HostState::Lost | HostState::Pending, Some(live)) if silent <= SILENCE => {
            Some(ready(&live, last_seen))
        }
        (HostState::Ready, Some(live)) if member.status.journal != Some(live.journal) => {
            Some(ready(&live, last_seen))
        }
        _ => None,
    }
}

fn ready(live: &Live, last_seen: tamer_model::Timestamp) -> HostStatus {
    HostStatus {
        state: HostState::Ready,
        since: clock::now(),
        last_seen,
        peer: live.peer.to_string(),
        journal: Some(live.journal),
    }
}

async fn write(store: &Store, hosts: &[(HostId, Revision, HostStatus)]) -> Option<Revision> {
    let commit = hosts.iter().fold(Commit::new(), |commit, (id, at, status)| {
        let commit = match at {
            // The record was never there, or was not read yet; the precondition decides.
            &Revision::ZERO => commit.absent(keys::status(*id)),
            at => commit.modified_at(keys::status(*id), *at),
        };
        // A host that is removed at this moment must not leave a status behind.
        commit.put(keys::status(*id), encode(status))
    });
    match store.commit(commit).await {
        Ok(revision) => {
            for (id, _, status) in hosts {
                info!(host = %id, state = status.state.as_str(), "host state");
            }
            Some(revision)
        }
        // Someone else changed one of them: the next pass sees it.
        Err(CommitError::Conflict { .. } | CommitError::Closed) => None,
        Err(error) => {
            warn!(%error, "the states of hosts could not be written; the next pass tries again");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    fn lost(door: Door, heard: Option<u64>, now: u64) -> bool {
        let (from, patience) = door.patience(heard);
        Duration::from_millis(now.saturating_sub(from)) > patience
    }

    #[test]
    fn who_was_heard_is_lost_after_nine_seconds() {
        let door = Door { started: 0, crowd: None };
        assert!(!lost(door, Some(100 * SECOND), 109 * SECOND));
        assert!(lost(door, Some(100 * SECOND), 109 * SECOND + 1));
    }

    #[test]
    fn who_was_never_heard_has_time_to_dial_again() {
        let door = Door { started: 100 * SECOND, crowd: None };
        assert!(!lost(door, None, 135 * SECOND));
        assert!(lost(door, None, 135 * SECOND + 1));
    }

    #[test]
    fn a_crowd_gives_both_of_them_as_much_time_again() {
        let door = Door { started: 100 * SECOND, crowd: Some(120 * SECOND) };
        assert!(!lost(door, Some(105 * SECOND), 129 * SECOND));
        assert!(lost(door, Some(105 * SECOND), 129 * SECOND + 1));
        assert!(!lost(door, None, 155 * SECOND));
        assert!(lost(door, None, 155 * SECOND + 1));
    }
}
