//! Makes the batches that are due.
//!
//! One task. For each schedule: look, decide, commit, and again until there is nothing to do; then
//! sleep until something is due or has changed. A batch is made in three steps, the intention, the
//! batch, what came of it, and the batch's request has an id that only this occurrence has: whatever
//! dies between them, it is made once.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tamer_model::{BatchId, Code, Problem, Timestamp};
use tamer_schedule::Passed;
use tamer_store::{Commit, CommitError, Entry};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::decide::{Act, decide};
use super::follow::{FollowError, Followed, Kept, Look, Slot};
use super::{CameOf, Earlier, Schedule};
use crate::batch::Maker;
use crate::clock;
use crate::state::{Unstorable, decode, encode, keys};

/// The longest sleep. Sleep goes by the steady clock: a wall clock that was set is noticed then.
const LONGEST: Duration = Duration::from_secs(30);
/// Until the next try after the store failed.
const AGAIN: Duration = Duration::from_secs(1);
/// Schedules that are seen to at once: enough for the store to write their commits together.
const AT_ONCE: usize = 16;

/// The task that makes them.
pub struct Keeper {
    maker: Maker,
}

/// What a look at a schedule came to: as it is now, and when to look again. None when it is gone.
type Looked = Option<(Kept, Look)>;

impl Keeper {
    /// A keeper that makes batches with `maker`.
    pub fn new(maker: Maker) -> Self {
        Self { maker }
    }

    /// Makes what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.keep() => ended,
            };
            // A watch that fell behind, most often: everything is read again.
            warn!(%ended, "the schedules cannot be followed; reading them again");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    async fn keep(&self) -> FollowError {
        let mut followed = match Followed::load(&self.maker.store).await {
            Ok(followed) => followed,
            Err(error) => return error,
        };
        loop {
            self.pass(&mut followed).await;
            let sleep = followed.all.values().filter_map(|slot| match slot.look {
                Look::Now => Some(Duration::ZERO),
                Look::At(at) => Some(at.since(clock::now())),
                Look::Then => None,
            });
            let sleep = sleep.min().unwrap_or(LONGEST).min(LONGEST);
            // Both branches are cancel-safe.
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                changed = followed.changed() => if let Err(error) = changed { return error },
            }
        }
    }

    /// Sees to every schedule whose time has come.
    async fn pass(&self, followed: &mut Followed) {
        let now = clock::now();
        let due = |slot: &Slot| match slot.look {
            Look::Now => true,
            Look::At(at) => at <= now,
            Look::Then => false,
        };
        let due: Vec<_> = followed
            .all
            .iter()
            .filter(|(_, slot)| due(slot))
            .map(|(key, slot)| (key.clone(), slot.kept.clone()))
            .collect();
        let looks = due.into_iter().map(|(key, kept)| async move { (key, self.look(kept).await) });
        let looked: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        for (key, looked) in looked {
            match looked {
                Some((kept, look)) => drop(followed.all.insert(key, Slot { kept, look })),
                None => drop(followed.all.remove(&key)),
            }
        }
    }

    async fn look(&self, kept: Kept) -> Looked {
        let before = kept.clone();
        match self.settle(kept).await {
            Ok(looked) => looked,
            Err(problem) => {
                let name = &before.schedule.name;
                warn!(schedule = %name, %problem, "a schedule cannot be seen to; trying again");
                Some((before, Look::At(clock::now().plus(AGAIN))))
            }
        }
    }

    /// Does what is to be done for one schedule, until that is nothing. Each act settles something
    /// that was due, so this ends.
    async fn settle(&self, mut kept: Kept) -> Result<Looked, Problem> {
        loop {
            let earlier = match could_overlap(&kept.schedule) {
                true => Earlier::of(&self.maker.store, &kept.schedule).await?,
                false => None,
            };
            let now = clock::now();
            let act = decide(&kept.schedule, earlier.is_some(), now);
            let done = match act {
                Act::Rest { until } => {
                    return Ok(Some((kept, until.map_or(Look::Then, Look::At))));
                }
                Act::LookUp { due } => self.look_up(kept, due).await?,
                Act::Make { due, closes } => self.make(kept, due, closes).await?,
                Act::Hold { due, cancel } => {
                    // First the one before: a crash in between finds this one due again.
                    if let (true, Some(earlier)) = (cancel, earlier) {
                        earlier.cancel(&self.maker.store, &kept.schedule).await?;
                    }
                    self.change(kept, |schedule| schedule.hold(due, now)).await?
                }
                Act::Pass { due, why } => self.pass_over(kept, due, why, now).await?,
            };
            match done {
                Some(done) => kept = done,
                None => return Ok(None),
            }
        }
    }

    /// The intention, the batch, what came of it.
    async fn make(
        &self,
        kept: Kept,
        due: Timestamp,
        closes: Option<Timestamp>,
    ) -> Result<Option<Kept>, Problem> {
        let meant = self.change(kept, |schedule| schedule.making = Some(due)).await?;
        let kept = match meant {
            Some(kept) if kept.schedule.making == Some(due) => kept,
            // Somebody changed or removed it first.
            other => return Ok(other),
        };
        let schedule = &kept.schedule;
        let order = schedule.order(due, closes, clock::now());
        let came_of = match self.maker.create(order, &schedule.by()).await {
            Ok(batch) => {
                info!(schedule = %schedule.name, batch = %batch.id, "a batch was due");
                CameOf::Batch(batch.id)
            }
            // Whether it was made is not known: it is looked up.
            Err(problem) if problem.code == Code::StoreFailed => return Err(problem),
            Err(problem) => {
                warn!(schedule = %schedule.name, %problem, "a batch was due and is refused");
                CameOf::Refused(problem)
            }
        };
        self.change(kept, |schedule| schedule.close(due, came_of, clock::now())).await
    }

    /// Finds out whether the batch for what was due was made before something died.
    async fn look_up(&self, kept: Kept, due: Timestamp) -> Result<Option<Kept>, Problem> {
        let key = keys::request(&kept.schedule.request_id(due));
        let entry = self.maker.store.get(&key).await.map_err(Unstorable::problem)?;
        let made: Option<BatchId> = entry.map(|entry| decode(&key, &entry.value)).transpose()?;
        self.change(kept, |schedule| match made {
            Some(batch) => schedule.close(due, CameOf::Batch(batch), clock::now()),
            None => schedule.making = None,
        })
        .await
    }

    async fn pass_over(
        &self,
        kept: Kept,
        due: Timestamp,
        why: Passed,
        now: Timestamp,
    ) -> Result<Option<Kept>, Problem> {
        info!(schedule = %kept.schedule.name, why = why.as_str(), "what was due is left out");
        self.change(kept, |schedule| schedule.close(due, CameOf::Passed(why), now)).await
    }

    /// Changes the record. If somebody else changed it first, it stays as it is, and what to do is
    /// decided again; none when the schedule is gone.
    async fn change(
        &self,
        kept: Kept,
        change: impl FnOnce(&mut Schedule),
    ) -> Result<Option<Kept>, Problem> {
        let (key, Kept { mut schedule, at }) = (keys::schedule(&kept.schedule.name), kept);
        change(&mut schedule);
        let commit = Commit::new().modified_at(key.clone(), at).put(key.clone(), encode(&schedule));
        match self.maker.store.commit(commit).await {
            Ok(at) => return Ok(Some(Kept { schedule, at })),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.problem()),
        }
        let entry = self.maker.store.get(&key).await.map_err(Unstorable::problem)?;
        let kept =
            |entry: Entry| Ok(Kept { schedule: decode(&key, &entry.value)?, at: entry.modified });
        entry.map(kept).transpose()
    }
}

/// Whether the end of the batch before matters now: only then it is looked for.
fn could_overlap(schedule: &Schedule) -> bool {
    let due = || schedule.timing.due_after(schedule.settled).is_some_and(|due| due <= clock::now());
    schedule.enabled && schedule.last_batch.is_some() && (schedule.waiting.is_some() || due())
}
