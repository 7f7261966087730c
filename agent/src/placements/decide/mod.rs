//! What comes next for one placement. Pure: what is kept, what is seen and the time go in; what is
//! to be told and the next thing to do come out.

mod go;
mod run;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tamer_model::{Instance, InstanceState, NativeId, Phase, Timestamp};

use super::contact::Contact;
use super::kept::{Kept, Note, Wish};

/// Everything a decision is made of.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    /// What is kept.
    pub kept: &'a Kept,
    /// What its provider shows.
    pub seen: Seen,
    /// Whether its health check finds it well, and what it said.
    pub health: (Option<bool>, &'a str),
    /// By the steady clock.
    pub now: Timestamp,
    /// Whether a coordinator is heard.
    pub contact: Contact,
    /// Why this host takes no placements, if so.
    pub refused: Option<&'a str>,
    /// Until when it waits for others to stop, if it has to.
    pub no_room: Option<Timestamp>,
    /// Whether an instance may be there that is not seen yet.
    pub unsure: bool,
    /// Until when the last thing that could not be done is not tried again, and why.
    pub hold: Option<(Timestamp, &'a str)>,
}

/// What the provider of a placement shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// This host has no such provider, and why.
    NoProvider(String),
    /// Its technology is away, or has not answered yet, and why.
    Away(String),
    /// Nothing of the placement.
    Nothing,
    /// Somebody else's instance has its name.
    Foreign,
    /// Its instance.
    Ours(Arc<Instance>),
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is to be told.
    pub shown: Shown,
    /// What comes next.
    pub next: Next,
    /// When to decide again though nothing happens.
    pub wake: Option<Timestamp>,
}

/// How it stands, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Where.
    pub phase: Phase,
    /// Whether it is well.
    pub healthy: Option<bool>,
    /// Why.
    pub reason: Option<String>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// To write this down, and decide again.
    Note(Note),
    /// To do this.
    Step(Step),
    /// Nothing.
    Rest,
}

/// Something to be done by the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make the instance if there is none, and start it.
    Run {
        /// The instance, if it is seen.
        made: Option<NativeId>,
        /// Whether one may be there that is not seen.
        unsure: bool,
    },
    /// Let it go on that was paused.
    Resume(NativeId),
    /// Stop it.
    Stop(NativeId),
    /// Stop and remove it.
    Clear {
        /// The instance, if it is seen.
        made: Option<NativeId>,
        /// Whether one may be there that is not seen.
        unsure: bool,
    },
    /// Read the end of its log.
    Explain(NativeId),
}

/// Decides.
pub fn decide(scene: &Scene<'_>) -> Decision {
    let decision = match &scene.kept.wish {
        Wish::Run => run::decide(scene),
        Wish::Go { cause, gone, .. } => go::decide(scene, cause, *gone),
    };
    held(scene, decision)
}

impl Decision {
    fn rest(phase: Phase) -> Self {
        let shown = Shown { phase, healthy: None, reason: None };
        Self { shown, next: Next::Rest, wake: None }
    }

    fn because(mut self, reason: impl Into<String>) -> Self {
        self.shown.reason = Some(reason.into()).filter(|reason| !reason.is_empty());
        self
    }

    fn then(mut self, step: Step) -> Self {
        self.next = Next::Step(step);
        self
    }

    fn note(mut self, note: Note) -> Self {
        self.next = Next::Note(note);
        self
    }

    fn until(mut self, at: Option<Timestamp>) -> Self {
        self.wake = self.wake.into_iter().chain(at).min();
        self
    }
}

/// A step that could not be done is not tried again before its time.
fn held(scene: &Scene<'_>, decision: Decision) -> Decision {
    match (&decision.next, scene.hold) {
        (Next::Step(_), Some((until, why))) if scene.now < until => {
            Decision { next: Next::Rest, ..decision }.because(why).until(Some(until))
        }
        (Next::Step(_) | Next::Note(_) | Next::Rest, _) => decision,
    }
}

/// Whether it does something, or may do so at any moment.
fn is_active(instance: &Instance) -> bool {
    match instance.state {
        InstanceState::Running | InstanceState::Paused => true,
        InstanceState::Creating
        | InstanceState::Stopped
        | InstanceState::Suspended
        | InstanceState::Failed
        | InstanceState::Unknown => false,
    }
}
