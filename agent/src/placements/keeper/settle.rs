//! Deciding about what changed, writing down what came of it, and only then acting on it.

use std::time::Duration;

use tamer_model::{PlacementId, Timestamp};

use super::Placements;
use super::copy::Copy;
use crate::placements::contact::write_every;
use crate::placements::decide::{Next, Scene, Seen, Step, decide};
use crate::placements::kept::{Note, Stand};
use crate::problem::chain;

/// How many notes one look may lead to. Each of them changes how a placement stands; two follow one
/// another when it is cut off, or ends and has failed.
const NOTES: usize = 8;
/// After a write that failed, when to try again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long what is only good to have on the disk waits for another reason to write.
const LAZY: Duration = Duration::from_secs(5);

impl Placements {
    /// Decides about all that changed, until nothing does. What has to be on the disk is there
    /// before it is told, and before anything is done about it.
    pub(super) async fn settle(&mut self) {
        while let Some(id) = self.dirty.pop_first() {
            self.consider(id);
        }
        self.save().await;
        self.save_contact().await;
        if !self.disk.unsaved {
            for (id, status) in std::mem::take(&mut self.shows) {
                if self.board.get(id).as_ref() != Some(&status) {
                    self.board.put(id, status);
                }
            }
            self.launch();
        }
        self.check();
    }

    /// When to look again though nothing happens.
    pub(super) fn due(&self) -> Option<Timestamp> {
        // Some thousand at most: a few microseconds.
        let wakes = self.copies.values().filter_map(|copy| copy.wake);
        let disk = self.disk.again.or(self.disk.stale.map(|since| since.plus(LAZY)));
        wakes.chain(disk).chain(self.check_due()).chain(self.contact_due()).min()
    }

    fn consider(&mut self, id: PlacementId) {
        let now = self.clock.now();
        for _ in 0..NOTES {
            let Some(copy) = self.copies.get(&id) else { return };
            let seen = self.seen(copy);
            let no_room = self.no_room(copy, now);
            let Some(copy) = self.copies.get_mut(&id) else { return };
            copy.feel(&seen, now);
            if let Seen::Ours(instance) = &seen
                && copy.kept.instance.as_ref() != Some(&instance.native)
            {
                copy.kept.instance = Some(instance.native.clone());
                copy.kept.begun = true;
                copy.unsure = false;
                self.disk.stale.get_or_insert(now);
            }
            let decision = decide(&Scene {
                kept: &copy.kept,
                seen,
                health: copy.pulse.as_ref().map_or((None, ""), |pulse| pulse.verdict()),
                now,
                contact: self.contact,
                refused: self.refused.as_deref(),
                no_room,
                unsure: copy.unsure,
                hold: copy.hold.as_ref().map(|(until, why)| (*until, why.as_str())),
            });
            copy.wake = decision.wake;
            let next = match (decision.next, copy.under_way.is_some()) {
                (Next::Note(_), true) => {
                    // What is under way tells how it ended before that means anything.
                    copy.wake = None;
                    return;
                }
                (Next::Note(note), false) => {
                    self.note(id, note);
                    continue;
                }
                (next @ (Next::Step(_) | Next::Rest), _) => next,
            };
            let (status, new) = copy.status(decision.shown);
            if new {
                self.disk.stale.get_or_insert(now);
            }
            self.shows.insert(id, status);
            self.want(id, next);
            return;
        }
        tracing::error!(placement = %id, "it does not settle; this is a bug, please report it");
    }

    /// Writes down what is to be done, or that nothing is.
    fn want(&mut self, id: PlacementId, next: Next) {
        let Some(copy) = self.copies.get_mut(&id) else { return };
        match next {
            Next::Step(step) if copy.under_way.is_none() => {
                // A step that is due needs no time to come.
                copy.wake = copy.wake.filter(|at| *at > self.clock.now());
                self.wants.insert(id, step);
            }
            Next::Step(_) | Next::Note(_) | Next::Rest => drop(self.wants.remove(&id)),
        }
    }

    pub(super) fn note(&mut self, id: PlacementId, note: Note) {
        let Some(copy) = self.copies.get_mut(&id) else { return };
        let gone = note == Note::Gone;
        // What was to be up and is needs no writing.
        self.disk.unsaved |= note != Note::Up || copy.kept.stand != Stand::Up;
        log(copy, &note);
        copy.kept.note(note);
        self.dirty.insert(id);
        if gone {
            copy.unsure = false;
            self.leaving.remove(&id);
            let waiting = self.copies.iter().filter(|(_, copy)| !copy.kept.begun);
            self.dirty.extend(waiting.map(|(id, _)| *id));
        }
    }

    /// Until when a new one waits for those that go and were told to before it, or with it.
    fn no_room(&self, copy: &Copy, now: Timestamp) -> Option<Timestamp> {
        let before = self.leaving.values().filter(|(batch, _)| *batch <= copy.batch);
        before.map(|(_, until)| *until).filter(|until| *until > now).max()
    }

    async fn save(&mut self) {
        let now = self.clock.now();
        let waited = self.disk.stale.is_some_and(|since| since.plus(LAZY) <= now);
        let barred = self.disk.again.is_some_and(|again| again > now);
        if barred || !(self.disk.unsaved || waited) {
            return;
        }
        self.forget();
        match self.store.write(self.copies.values().map(|copy| &copy.kept)).await {
            Ok(()) => {
                self.copies.values_mut().for_each(|copy| copy.saved = true);
                (self.disk.unsaved, self.disk.stale, self.disk.again) = (false, None, None);
            }
            Err(error) => {
                if self.disk.again.is_none() {
                    tracing::error!(error = %chain(&error), "placements stay as they are until they can be written down");
                }
                self.disk.again = Some(now.plus(AGAIN));
            }
        }
    }

    fn contact_due(&self) -> Option<Timestamp> {
        let patiences = self.copies.values().map(|copy| copy.kept.order.stop_after);
        write_every(patiences).map(|every| self.disk.contact.plus(every))
    }

    async fn save_contact(&mut self) {
        let now = self.clock.now();
        if self.contact_due().is_some_and(|due| due <= now) {
            self.disk.contact = now;
            // The next one will say more; until then an agent that is restarted is wrong by a bit.
            if let Err(error) = self.store.write_contact(self.contact.last(now)).await {
                tracing::warn!(error = %chain(&error), "the last contact is not written down");
            }
        }
    }
}

impl Step {
    /// For the log.
    pub(in crate::placements) const fn as_str(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Resume(_) => "resume",
            Self::Stop(_) => "stop",
            Self::Clear { .. } => "clear",
            Self::Explain(_) => "explain",
        }
    }
}

/// What changes how a placement stands is told once.
fn log(copy: &Copy, note: &Note) {
    let placement = &copy.kept.order.id;
    match note {
        Note::Begun => {}
        Note::Up if copy.kept.stand == Stand::Up => {}
        Note::Up => tracing::info!(%placement, "it is up again"),
        Note::Ended(ended) => tracing::warn!(%placement, why = ended.why, "it ended"),
        Note::Completed { .. } => tracing::info!(%placement, "it is done"),
        Note::Failed { why } => tracing::warn!(%placement, why, "it has failed here"),
        Note::CutOff => tracing::warn!(%placement, "no coordinator was heard for too long"),
        Note::Gone => tracing::info!(%placement, "it is gone"),
    }
}
