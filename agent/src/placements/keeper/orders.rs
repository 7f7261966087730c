//! What the coordinator wants, taken over.

use std::collections::BTreeMap;

use tamer_model::{Phase, PlacementId, PlacementOrder, PlacementStatus};

use super::Placements;
use super::copy::Copy;
use crate::clock;
use crate::placements::contact::Contact;
use crate::placements::decide::Step;
use crate::placements::handle::Request;
use crate::placements::kept::{Kept, Wish};
use crate::placements::list::{Change, Named};
use crate::placements::{MAX_PLACEMENTS, words};

/// Those that are gone and still told of, at most. One that was forgotten and is named once more is
/// answered with the same.
const MAX_GONE: usize = 256;

impl Placements {
    pub(super) fn asked(&mut self, request: Request) {
        match request {
            Request::Attach { reply } => {
                self.gathering.forget();
                if self.over.take().is_some() {
                    self.heard(Contact::Away(self.clock.now()));
                }
                let there = |copy: &&Copy| copy.saved && copy.kept.wanted();
                let ids = self.copies.values().filter(there).map(|copy| copy.kept.order.id);
                // A session that ended meanwhile does not ask any more.
                let _ = reply.send(ids.collect());
            }
            Request::InSession { lists, over } => {
                self.over = Some(over);
                self.heard(if lists { Contact::Here } else { Contact::Listed });
            }
            Request::Wanted(wanted) => {
                if let Some(change) = self.gathering.take(*wanted) {
                    self.apply(change);
                }
            }
        }
    }

    fn apply(&mut self, Change { whole, named }: Change) {
        self.batch += 1;
        if whole {
            self.drop_unnamed(&named);
        }
        for (id, named) in named {
            match named {
                Named::Put(order) => self.order(*order),
                Named::Keep => self.keep(id),
                Named::Bad(problem) => self.ghost(id, Phase::Failed, problem.to_string()),
                Named::Gone(cause) => self.go(id, cause, true),
            }
        }
        if whole && self.over.is_some() {
            self.heard(Contact::Listed);
        }
        self.look_at_all();
        self.forget();
    }

    /// What a whole list does not name is not wanted, and not asked for either.
    fn drop_unnamed(&mut self, named: &BTreeMap<PlacementId, Named>) {
        for id in std::mem::take(&mut self.ghosts) {
            self.board.remove(id);
        }
        let unnamed = self.copies.keys().filter(|id| !named.contains_key(id));
        for id in unnamed.copied().collect::<Vec<_>>() {
            self.go(id, "the coordinator does not want it any more".to_owned(), false);
        }
    }

    fn order(&mut self, order: PlacementOrder) {
        let id = order.id;
        match self.copies.get(&id) {
            // Orders never change, and who is to go never comes back.
            Some(copy) if copy.kept.wanted() => {}
            Some(_) => tracing::warn!(placement = %id, "it is ordered again, and is to go already"),
            None if self.copies.len() >= MAX_PLACEMENTS => {
                let why = format!("this host keeps {MAX_PLACEMENTS} placements already");
                self.ghost(id, Phase::Failed, why);
            }
            None => {
                tracing::info!(placement = %id, workload = %order.workload, index = order.index, "it shall run here");
                self.insert(Copy::new(Kept::new(order), self.batch));
                self.disk.unsaved = true;
            }
        }
    }

    fn keep(&mut self, id: PlacementId) {
        if self.copies.get(&id).is_none_or(|copy| !copy.kept.wanted()) {
            self.ghost(id, Phase::Failed, "the agent has no order for it".to_owned());
        }
    }

    /// It shall go; `named`: the coordinator wants to hear that it is gone.
    fn go(&mut self, id: PlacementId, cause: String, named: bool) {
        let now = self.clock.now();
        let Some(copy) = self.copies.get_mut(&id) else {
            return self.ghost(id, Phase::Gone, cause);
        };
        self.dirty.insert(id);
        match &mut copy.kept.wish {
            Wish::Go { named: before, .. } if *before == named => {}
            Wish::Go { named: before, .. } => {
                *before = named;
                self.disk.unsaved = true;
            }
            wish @ Wish::Run => {
                tracing::info!(placement = %id, cause, "it shall go");
                *wish = Wish::Go { cause, named, gone: false };
                copy.hold = None;
                self.leaving.extend(copy.leaving(self.batch, now).map(|leaving| (id, leaving)));
                self.wants.remove(&id);
                self.disk.unsaved = true;
                // An image that nobody needs any more is not waited for.
                if let Some(under_way) = &copy.under_way
                    && matches!(under_way.step, Step::Run { .. })
                {
                    under_way.cancel.cancel();
                }
            }
        }
    }

    /// Tells of one that is not kept.
    fn ghost(&mut self, id: PlacementId, phase: Phase, reason: String) {
        let kept = self.copies.contains_key(&id);
        if kept || (self.ghosts.len() >= MAX_PLACEMENTS && !self.ghosts.contains(&id)) {
            tracing::warn!(placement = %id, %phase, reason, "it is not told of");
            return;
        }
        let status = PlacementStatus {
            phase,
            healthy: None,
            since: clock::now(),
            restarts: 0,
            reason: Some(words::bounded(reason)),
            instance: None,
            exit_code: None,
        };
        self.ghosts.insert(id);
        self.board.put(id, status);
    }

    /// Forgets those that are gone: all that nobody asks for, and of the others the oldest when they
    /// are many.
    pub(super) fn forget(&mut self) {
        let gone = self.copies.iter().filter(|(_, copy)| copy.is_gone());
        let named = |copy: &Copy| matches!(copy.kept.wish, Wish::Go { named: true, .. });
        let (named, unnamed): (Vec<_>, Vec<_>) = gone.partition(|(_, copy)| named(copy));
        let mut forgotten: Vec<_> = unnamed.into_iter().map(|(id, _)| *id).collect();
        let mut named: Vec<_> = named
            .into_iter()
            .map(|(id, copy)| (copy.kept.told.map(|told| told.since), *id))
            .collect();
        named.sort_unstable();
        let many = named.len().saturating_sub(MAX_GONE);
        forgotten.extend(named.into_iter().take(many).map(|(_, id)| id));
        for id in forgotten {
            self.remove(id);
        }
    }
}
