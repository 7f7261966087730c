//! The liveness controller: the one writer of host states.
//!
//! Each pass compares what the sessions know with what the records say and writes the difference,
//! in commits of many hosts. A pass costs a look at each host; it needs no timer per host, so the
//! time from silence to `lost` is the same at any fleet size: [`SILENCE`] and one [`TICK`]. Only
//! those who wait at a crowded door are given longer.

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
    let mut rush = Rush::new(sessions.opened(), clock::steady());
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
        let crowded = rush.excuses(sessions.opened(), clock::steady());
        pass(&store, &fleet, &sessions, crowded).await;
        passed = Instant::now();
    }
}

async fn pass(store: &Store, fleet: &Fleet, sessions: &Sessions, crowded: bool) {
    let due: Vec<_> = {
        let view = fleet.view();
        sessions.retain(|host| view.host(host).is_some());
        view.hosts()
            .filter_map(|member| {
                Some((member.host.id, member.status_at, due(member, sessions, crowded)?))
            })
            .collect()
    };
    let commits = due.chunks(HOSTS_PER_COMMIT).map(|hosts| write(store, hosts));
    if let Some(last) = join_all(commits).await.into_iter().flatten().max() {
        fleet.reached(last).await;
    }
}

/// The status that a host's record should have, if it has another. `crowded`: whoever has no session
/// may be waiting for one.
fn due(member: &Member, sessions: &Sessions, crowded: bool) -> Option<HostStatus> {
    let id = member.host.id;
    let live = sessions.get(id);
    // A host that this coordinator never heard was last heard when it started, at the earliest.
    let heard = live.as_ref().map(Live::heard).or_else(|| sessions.heard(id)).unwrap_or(0);
    let silent = Duration::from_millis(clock::steady().saturating_sub(heard));
    let last_seen = tamer_model::Timestamp::from_millis(
        clock::now().as_millis().saturating_sub(silent.as_millis() as u64),
    );
    match (member.status.state, live) {
        (HostState::Ready, None) if crowded => None,
        (HostState::Ready, live) if silent > SILENCE => {
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
