//! What comes next for a placement that shall go.

use tamer_model::Phase;

use super::{Decision, Scene, Seen, Step};
use crate::placements::kept::Note;

pub(super) fn decide(scene: &Scene<'_>, cause: &str, gone: bool) -> Decision {
    let rest = Decision::rest(Phase::Stopping).because(cause);
    match &scene.seen {
        Seen::Ours(instance) => {
            let made = Some(instance.native.clone());
            rest.then(Step::Clear { made, unsure: scene.unsure })
        }
        Seen::NoProvider(_) | Seen::Away(_) | Seen::Nothing | Seen::Foreign if gone => {
            Decision::rest(Phase::Gone).because(cause)
        }
        // What was never begun needs nobody to say that it is not there.
        Seen::NoProvider(_) | Seen::Away(_) if !scene.kept.begun => rest.note(Note::Gone),
        Seen::NoProvider(why) | Seen::Away(why) => rest.because(format!("{cause}; waits: {why}")),
        Seen::Nothing if scene.unsure => rest.then(Step::Clear { made: None, unsure: true }),
        Seen::Nothing | Seen::Foreign => rest.note(Note::Gone),
    }
}
