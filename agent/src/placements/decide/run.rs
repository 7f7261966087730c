//! What comes next for a placement that shall run.

use tamer_model::{Instance, InstanceState, Phase};

use super::super::contact::Contact;
use super::super::kept::{Down, Ended, Note, Stand};
use super::super::words;
use super::{Decision, Scene, Seen, Step, is_active};

const FOREIGN: &str = "an instance of its name is there that is not its own";
const REMOVED: &str = "its instance was removed by somebody else";

pub(super) fn decide(scene: &Scene<'_>) -> Decision {
    match &scene.kept.stand {
        Stand::Failed { why, log } => failed(scene, why, log.as_deref()),
        Stand::Completed => over(scene, Decision::rest(Phase::Completed)),
        Stand::Up | Stand::Down(_) | Stand::CutOff if scene.refused.is_some() => {
            let why = scene.refused.unwrap_or_default();
            over(scene, Decision::rest(Phase::Failed).because(why))
        }
        Stand::CutOff => cut_off(scene),
        Stand::Up | Stand::Down(_) if is_cut_off(scene) => {
            Decision::rest(Phase::CutOff).note(Note::CutOff)
        }
        Stand::Up => up(scene).until(scene.contact.ends(scene.kept.order.stop_after)),
        Stand::Down(down) => {
            self::down(scene, down).until(scene.contact.ends(scene.kept.order.stop_after))
        }
    }
}

fn is_cut_off(scene: &Scene<'_>) -> bool {
    scene.contact.ends(scene.kept.order.stop_after).is_some_and(|at| at <= scene.now)
}

/// It is not to run: whatever still does is stopped, and stays for whoever wants to look at it.
fn over(scene: &Scene<'_>, rest: Decision) -> Decision {
    match &scene.seen {
        Seen::Ours(instance) if is_active(instance) => {
            rest.then(Step::Stop(instance.native.clone()))
        }
        Seen::Ours(_) | Seen::NoProvider(_) | Seen::Away(_) | Seen::Nothing | Seen::Foreign => rest,
    }
}

fn failed(scene: &Scene<'_>, why: &str, log: Option<&str>) -> Decision {
    let rest = Decision::rest(Phase::Failed).because(words::with_log(why, log));
    match &scene.seen {
        Seen::Ours(instance) if !is_active(instance) && log.is_none() => {
            rest.then(Step::Explain(instance.native.clone()))
        }
        Seen::Ours(_) | Seen::NoProvider(_) | Seen::Away(_) | Seen::Nothing | Seen::Foreign => {
            over(scene, rest)
        }
    }
}

fn cut_off(scene: &Scene<'_>) -> Decision {
    let rest = Decision::rest(Phase::CutOff);
    match scene.contact {
        Contact::Listed => wanted_again(scene, rest),
        Contact::Away(_) | Contact::Here => {
            let patience = scene.kept.order.stop_after;
            over(scene, rest.because(format!("no coordinator was heard for {patience}")))
        }
    }
}

/// A coordinator lists what it wants, and wants it still. What we stopped is started again before it
/// counts as up: its stop was no end of its own.
fn wanted_again(scene: &Scene<'_>, rest: Decision) -> Decision {
    match &scene.seen {
        Seen::NoProvider(why) | Seen::Away(why) => rest.because(why),
        Seen::Ours(instance) if !is_active(instance) => {
            rest.then(Step::Run { made: Some(instance.native.clone()), unsure: false })
        }
        Seen::Ours(_) | Seen::Nothing | Seen::Foreign => rest.note(Note::Up),
    }
}

fn down(scene: &Scene<'_>, down: &Down) -> Decision {
    let again = scene.kept.again_at(down);
    let wait = again.since(down.at).as_millis();
    let wait = tamer_model::Span::from_millis(u64::try_from(wait).unwrap_or(u64::MAX));
    let why = format!("{}; it starts again {wait} after that", down.why);
    let rest = Decision::rest(Phase::Waiting).because(words::with_log(&why, down.log.as_deref()));
    let start = |made| match scene.now >= again {
        true => rest.clone().then(Step::Run { made, unsure: scene.unsure }),
        false => rest.clone().until(Some(again)),
    };
    match &scene.seen {
        Seen::NoProvider(why) | Seen::Away(why) => rest.because(format!("{}; {why}", down.why)),
        Seen::Foreign => rest.note(Note::Failed { why: FOREIGN.to_owned() }),
        Seen::Nothing => start(None),
        Seen::Ours(instance) if is_active(instance) && down.stop => {
            rest.then(Step::Stop(instance.native.clone()))
        }
        // Somebody started it, or we did and died before we wrote it down.
        Seen::Ours(instance) if is_active(instance) => rest.note(Note::Up),
        // Or that one has ended by now: what is down had failed, and this has not.
        Seen::Ours(instance)
            if scene.kept.order.completes && instance.exit_code == Some(0) && !down.unwell =>
        {
            rest.note(Note::Completed { exit_code: instance.exit_code })
        }
        Seen::Ours(instance) if down.log.is_none() => {
            rest.then(Step::Explain(instance.native.clone()))
        }
        Seen::Ours(instance) => start(Some(instance.native.clone())),
    }
}

fn up(scene: &Scene<'_>) -> Decision {
    let kept = scene.kept;
    // What it was told as last, while nobody can see it.
    let last = kept.told.map_or(Phase::Accepted, |told| told.phase);
    let unmade = if kept.begun { Phase::Preparing } else { Phase::Accepted };
    match &scene.seen {
        Seen::NoProvider(why) if !kept.begun => {
            Decision::rest(Phase::Failed).note(Note::Failed { why: why.clone() })
        }
        Seen::NoProvider(why) | Seen::Away(why) => unseen(scene, last, why),
        Seen::Foreign => {
            Decision::rest(Phase::Failed).note(Note::Failed { why: FOREIGN.to_owned() })
        }
        Seen::Nothing if !kept.begun => match scene.no_room {
            Some(until) => Decision::rest(unmade)
                .because("waits for others to stop on this host")
                .until(Some(until)),
            None => Decision::rest(unmade).note(Note::Begun),
        },
        Seen::Nothing if kept.instance.is_some() && !scene.unsure => {
            let ended = ended(scene, REMOVED.to_owned(), None);
            Decision::rest(unmade).note(Note::Ended(Ended { logged: false, ..ended }))
        }
        Seen::Nothing => {
            Decision::rest(unmade).then(Step::Run { made: None, unsure: scene.unsure })
        }
        Seen::Ours(instance) => seen(scene, instance),
    }
}

/// Nobody can see it: what was so is taken to be so.
fn unseen(scene: &Scene<'_>, last: Phase, why: &str) -> Decision {
    let mut rest = Decision::rest(last).because(why);
    rest.shown.healthy = scene.kept.told.and_then(|told| told.healthy);
    rest
}

fn seen(scene: &Scene<'_>, instance: &Instance) -> Decision {
    let native = instance.native.clone();
    match instance.state {
        InstanceState::Running => running(scene),
        InstanceState::Creating => {
            Decision::rest(Phase::Preparing).then(Step::Run { made: Some(native), unsure: false })
        }
        InstanceState::Paused => {
            Decision::rest(Phase::Waiting).because("it is paused").then(Step::Resume(native))
        }
        InstanceState::Suspended => Decision::rest(Phase::Waiting)
            .because("it is suspended")
            .then(Step::Run { made: Some(native), unsure: false }),
        InstanceState::Stopped | InstanceState::Failed => stopped(scene, instance),
        InstanceState::Unknown => {
            let last = scene.kept.told.map_or(Phase::Preparing, |told| told.phase);
            let why = instance.reason.as_deref().unwrap_or("its technology does not say its state");
            unseen(scene, last, why)
        }
    }
}

fn running(scene: &Scene<'_>) -> Decision {
    let (healthy, said) = scene.health;
    let mut rest = Decision::rest(Phase::Running);
    rest.shown.healthy = healthy;
    match healthy {
        Some(false) => {
            let ended = ended(scene, format!("it is not well: {said}"), None);
            rest.note(Note::Ended(Ended { stop: true, ..ended }))
        }
        // A check that fails before it counts is worth saying.
        None | Some(true) => rest.because(said),
    }
}

fn stopped(scene: &Scene<'_>, instance: &Instance) -> Decision {
    let rest = Decision::rest(Phase::Waiting);
    let succeeded = match instance.exit_code {
        Some(code) => code == 0,
        // Machines have no code: one that was not ended by a failure did what it was to do.
        None => instance.state == InstanceState::Stopped,
    };
    if scene.kept.order.completes && succeeded {
        return rest.note(Note::Completed { exit_code: instance.exit_code });
    }
    rest.note(Note::Ended(ended(scene, words::ended(instance), instance.exit_code)))
}

fn ended(scene: &Scene<'_>, why: String, exit_code: Option<i32>) -> Ended {
    Ended { at: scene.now, why, exit_code, stop: false, logged: true }
}
