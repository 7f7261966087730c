use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tamer_model::{InstanceKind, Patience, PlacementOrder, Span};

use super::*;
use crate::placements::kept::testing::order;
use crate::placements::kept::{Down, Stand, Told};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis().saturating_add_signed(millis))
}

fn instance(state: InstanceState, exit_code: Option<i32>) -> Arc<Instance> {
    Arc::new(Instance {
        native: "1".parse().expect("an id"),
        name: "web".parse().expect("a name"),
        kind: InstanceKind::Container,
        state,
        reason: None,
        image: None,
        created_at: None,
        exit_code,
        managed: true,
        labels: BTreeMap::new(),
        addresses: Vec::new(),
        ports: Vec::new(),
    })
}

fn ours(state: InstanceState) -> Seen {
    Seen::Ours(instance(state, None))
}

fn ended(code: i32) -> Seen {
    Seen::Ours(instance(InstanceState::Stopped, Some(code)))
}

/// A placement that was made and is known to have an instance.
fn made(change: impl FnOnce(&mut PlacementOrder)) -> Kept {
    let mut order = order(1);
    change(&mut order);
    let mut kept = Kept::new(order);
    kept.begun = true;
    kept.instance = Some("1".parse().expect("an id"));
    kept.told = Some(Told { phase: Phase::Running, healthy: Some(true), since: at(-5000) });
    kept
}

fn scene(kept: &Kept, seen: Seen) -> Scene<'_> {
    Scene {
        kept,
        seen,
        health: (None, ""),
        now: NOW,
        contact: Contact::Listed,
        refused: None,
        no_room: None,
        unsure: false,
        hold: None,
    }
}

/// What comes next in a word, and the phase that is told.
fn short(scene: &Scene<'_>) -> String {
    let Decision { shown, next, wake } = decide(scene);
    let next = match next {
        Next::Note(Note::Begun) => "note begun",
        Next::Note(Note::Up) => "note up",
        Next::Note(Note::Ended(ended)) if ended.stop => "note ended, to stop",
        Next::Note(Note::Ended(_)) => "note ended",
        Next::Note(Note::Completed { .. }) => "note completed",
        Next::Note(Note::Failed { .. }) => "note failed",
        Next::Note(Note::CutOff) => "note cut off",
        Next::Note(Note::Gone) => "note gone",
        Next::Step(step) => return format!("{}: {}", shown.phase, step.as_str()),
        Next::Rest if wake.is_some() => "wait",
        Next::Rest => "rest",
    };
    format!("{}: {next}", shown.phase)
}

#[track_caller]
fn check(scene: &Scene<'_>, expected: &str) {
    assert_eq!(short(scene), expected, "{scene:#?}");
}

#[test]
fn one_that_is_up_is_kept_so() {
    let fresh = Kept::new(order(1));
    check(&scene(&fresh, Seen::Nothing), "accepted: note begun");
    check(&scene(&fresh, Seen::NoProvider("no fake".into())), "failed: note failed");
    check(&scene(&fresh, Seen::Away("away".into())), "accepted: rest");
    check(&Scene { no_room: Some(at(5)), ..scene(&fresh, Seen::Nothing) }, "accepted: wait");
    let begun = Kept { begun: true, ..fresh };
    check(&scene(&begun, Seen::Nothing), "preparing: run");
    check(&scene(&begun, ours(InstanceState::Creating)), "preparing: run");
    let kept = made(|_| {});
    for (seen, expected) in [
        (ours(InstanceState::Running), "running: rest"),
        (ours(InstanceState::Paused), "waiting: resume"),
        (ours(InstanceState::Suspended), "waiting: run"),
        (ours(InstanceState::Unknown), "running: rest"),
        (ended(0), "waiting: note ended"),
        (ended(1), "waiting: note ended"),
        (ours(InstanceState::Failed), "waiting: note ended"),
        (Seen::Nothing, "preparing: note ended"),
        (Seen::Foreign, "failed: note failed"),
        // What nobody can see is taken to be as it was.
        (Seen::Away("away".into()), "running: rest"),
        (Seen::NoProvider("no fake".into()), "running: rest"),
    ] {
        check(&scene(&kept, seen), expected);
    }
    // It was made, and nobody knows whether that was the end of it.
    check(&Scene { unsure: true, ..scene(&kept, Seen::Nothing) }, "preparing: run");
}

#[test]
fn one_that_completes_ends_once() {
    let kept = made(|order| order.completes = true);
    check(&scene(&kept, ended(0)), "waiting: note completed");
    check(&scene(&kept, ended(3)), "waiting: note ended");
    // Machines tell no code.
    check(&scene(&kept, ours(InstanceState::Stopped)), "waiting: note completed");
    check(&scene(&kept, ours(InstanceState::Failed)), "waiting: note ended");
    let done = Kept { stand: Stand::Completed, ..kept };
    for seen in [ended(0), Seen::Nothing, Seen::Away("away".into()), Seen::Foreign] {
        check(&scene(&done, seen), "completed: rest");
    }
    check(&scene(&done, ours(InstanceState::Running)), "completed: stop");
}

/// It failed, was started again, and succeeded before anybody wrote down that it was up again.
#[test]
fn one_that_completes_is_not_run_again_for_what_it_did_before() {
    let mut kept = made(|order| order.completes = true);
    let mut down =
        Down { at: NOW, why: "exited with 1".into(), log: None, stop: false, unwell: false };
    kept.stand = Stand::Down(down.clone());
    check(&scene(&kept, ended(0)), "waiting: note completed");
    check(&scene(&kept, ended(1)), "waiting: explain");
    // Without a code it cannot be told from the end that is known.
    check(&scene(&kept, ours(InstanceState::Stopped)), "waiting: explain");
    // We stopped it, and it went politely.
    down.unwell = true;
    kept.stand = Stand::Down(down.clone());
    check(&scene(&kept, ended(0)), "waiting: explain");
    let kept = Kept { stand: Stand::Down(Down { unwell: false, ..down }), ..made(|_| {}) };
    check(&scene(&kept, ended(0)), "waiting: explain");
}

#[test]
fn one_that_ended_waits_says_why_and_starts_again() {
    let mut kept = made(|_| {});
    let mut down =
        Down { at: NOW, why: "exited with 1".into(), log: None, stop: false, unwell: false };
    kept.ends.push(NOW);
    kept.stand = Stand::Down(down.clone());
    check(&scene(&kept, ended(1)), "waiting: explain");
    down.log = Some("no such file".into());
    kept.stand = Stand::Down(down.clone());
    let decision = decide(&scene(&kept, ended(1)));
    assert_eq!((decision.next, decision.wake), (Next::Rest, Some(at(1000))));
    let reason = "exited with 1; it starts again 1s after that; the log ends with: no such file";
    assert_eq!(decision.shown.reason.as_deref(), Some(reason));
    check(&Scene { now: at(1000), ..scene(&kept, ended(1)) }, "waiting: run");
    check(&Scene { now: at(1000), ..scene(&kept, Seen::Nothing) }, "waiting: run");
    check(&Scene { now: at(1000), ..scene(&kept, Seen::Away("x".into())) }, "waiting: rest");
    check(&scene(&kept, ours(InstanceState::Running)), "waiting: note up");
    down.stop = true;
    kept.stand = Stand::Down(down);
    check(&scene(&kept, ours(InstanceState::Running)), "waiting: stop");
}

#[test]
fn one_that_is_not_well_ends() {
    let kept = made(|_| {});
    let running = || scene(&kept, ours(InstanceState::Running));
    check(&Scene { health: (Some(false), "503"), ..running() }, "running: note ended, to stop");
    let well = decide(&Scene { health: (Some(true), ""), ..running() });
    assert_eq!((well.shown.healthy, well.shown.reason), (Some(true), None));
}

#[test]
fn without_a_coordinator_it_goes_on_as_long_as_it_may() {
    let never = made(|_| {});
    let away = |seconds: i64| Contact::Away(at(-1000 * seconds));
    let running = |kept| scene(kept, ours(InstanceState::Running));
    check(&Scene { contact: away(100_000), ..running(&never) }, "running: rest");
    let kept = made(|order| order.stop_after = Patience::After(Span::from_secs(60)));
    let soon = decide(&Scene { contact: away(59), ..running(&kept) });
    assert_eq!((soon.next, soon.wake), (Next::Rest, Some(at(1000))));
    check(&Scene { contact: away(60), ..running(&kept) }, "cut_off: note cut off");
    let mut off = kept.clone();
    off.note(Note::CutOff);
    check(&Scene { contact: away(70), ..running(&off) }, "cut_off: stop");
    // A stop by us is no end of its own.
    check(&Scene { contact: away(70), ..scene(&off, ended(0)) }, "cut_off: rest");
    // Whether it is still wanted is known with the list, not with the session.
    check(&Scene { contact: Contact::Here, ..running(&off) }, "cut_off: stop");
    check(&Scene { contact: Contact::Listed, ..running(&off) }, "cut_off: note up");
    check(&scene(&off, ended(143)), "cut_off: run");
    check(&scene(&off, Seen::Away("away".into())), "cut_off: rest");
    let done = Kept { stand: Stand::Completed, ..kept };
    check(&Scene { contact: away(70), ..scene(&done, ended(0)) }, "completed: rest");
}

#[test]
fn one_that_shall_go_goes() {
    let go = |gone| Wish::Go { cause: "an update replaces it".into(), named: true, gone };
    let kept = Kept { wish: go(false), ..made(|_| {}) };
    for state in InstanceState::ALL {
        check(&scene(&kept, ours(*state)), "stopping: clear");
    }
    check(&scene(&kept, Seen::Nothing), "stopping: note gone");
    check(&Scene { unsure: true, ..scene(&kept, Seen::Nothing) }, "stopping: clear");
    check(&scene(&kept, Seen::Foreign), "stopping: note gone");
    check(&scene(&kept, Seen::Away("away".into())), "stopping: rest");
    let unmade = Kept { wish: go(false), ..Kept::new(order(1)) };
    check(&scene(&unmade, Seen::Away("away".into())), "stopping: note gone");
    let gone = Kept { wish: go(true), ..kept };
    check(&scene(&gone, Seen::Nothing), "gone: rest");
    check(&scene(&gone, ours(InstanceState::Running)), "stopping: clear");
}

#[test]
fn a_host_that_takes_none_says_so_and_runs_none() {
    let refused = Some("the host takes no placements");
    let fresh = Kept::new(order(1));
    check(&Scene { refused, ..scene(&fresh, Seen::Nothing) }, "failed: rest");
    let kept = made(|_| {});
    check(&Scene { refused, ..scene(&kept, ours(InstanceState::Running)) }, "failed: stop");
}

fn seens() -> impl Strategy<Value = Seen> {
    let code = proptest::option::of(prop_oneof![Just(0), Just(1), Just(137)]);
    prop_oneof![
        Just(Seen::NoProvider("no such provider".into())),
        Just(Seen::Away("away".into())),
        Just(Seen::Nothing),
        Just(Seen::Foreign),
        (proptest::sample::select(InstanceState::ALL), code)
            .prop_map(|(state, code)| Seen::Ours(instance(state, code))),
    ]
}

fn stands() -> impl Strategy<Value = Stand> {
    let log = || proptest::option::of(Just("a line".to_owned()));
    prop_oneof![
        Just(Stand::Up),
        Just(Stand::CutOff),
        Just(Stand::Completed),
        log().prop_map(|log| Stand::Failed { why: "x".into(), log }),
        (-9000i64..1, log(), any::<bool>()).prop_map(|(back, log, stop)| {
            Stand::Down(Down { at: at(back), why: "x".into(), log, stop, unwell: stop })
        }),
    ]
}

prop_compose! {
    fn kepts()(
        stand in stands(),
        go in proptest::option::of((any::<bool>(), any::<bool>())),
        (begun, known, completes) in any::<(bool, bool, bool)>(),
        attempts in 0u32..4,
        ends in proptest::collection::vec(-9000i64..1, 0..4),
        patience in proptest::option::of(1u64..20),
    ) -> Kept {
        let mut kept = made(|order| {
            order.completes = completes;
            order.restart.attempts = attempts;
            let after = |seconds| Patience::After(Span::from_secs(seconds));
            order.stop_after = patience.map_or(Patience::Never, after);
        });
        kept.stand = stand;
        kept.ends = ends.into_iter().map(at).collect();
        if let Some((named, gone)) = go {
            kept.wish = Wish::Go { cause: "x".into(), named, gone };
        }
        // What ended was begun.
        kept.begun = begun || matches!(kept.stand, Stand::Down(_) | Stand::Completed);
        kept.instance = kept.instance.filter(|_| kept.begun && known);
        kept
    }
}

fn contacts() -> impl Strategy<Value = Contact> {
    let away = (0i64..40).prop_map(|seconds| Contact::Away(at(-1000 * seconds)));
    prop_oneof![Just(Contact::Here), Just(Contact::Listed), away]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever is kept and seen: a few notes and then a step or a rest, and the step is one that
    /// may be done.
    #[test]
    fn every_scene_settles_and_nothing_is_done_that_must_not_be(
        mut kept in kepts(),
        seen in seens(),
        contact in contacts(),
        well in proptest::option::of(any::<bool>()),
        (refused, unsure) in any::<(bool, bool)>(),
        room in proptest::option::of(1i64..9000),
        hold in proptest::option::of(-9000i64..9000),
    ) {
        // As whoever sees an instance of it writes down.
        kept.begun |= matches!(seen, Seen::Ours(_));
        let before = kept.clone();
        for notes in 0.. {
            prop_assert!(notes < 4, "it does not settle: {:?}", kept);
            let decision = decide(&Scene {
                health: (well, ""),
                contact,
                refused: refused.then_some("refused"),
                no_room: room.map(at),
                unsure,
                hold: hold.map(|until| (at(until), "held")),
                ..scene(&kept, seen.clone())
            });
            prop_assert!(decision.wake.is_none_or(|wake| wake > NOW), "{:?}", decision);
            let step = match decision.next {
                Next::Note(note) => {
                    kept.note(note);
                    continue;
                }
                Next::Rest => break,
                Next::Step(step) => step,
            };
            prop_assert!(hold.is_none_or(|until| until <= 0), "{:?} though held", step);
            let native = match &seen {
                Seen::Ours(instance) => Some(instance.native.clone()),
                Seen::Nothing => None,
                other => return Err(TestCaseError::fail(format!("{step:?} though {other:?}"))),
            };
            match step {
                Step::Run { made, .. } => {
                    prop_assert_eq!(made, native);
                    prop_assert!(kept.wanted() && kept.begun && !refused);
                    let back = kept.stand == Stand::CutOff && contact == Contact::Listed;
                    let up = matches!(kept.stand, Stand::Up | Stand::Down(_));
                    prop_assert!(up || back, "{:?}", kept.stand);
                    let new = !before.begun;
                    prop_assert!(!new || room.is_none(), "it did not wait for others");
                }
                Step::Clear { made, unsure: look } => {
                    prop_assert_eq!(&made, &native);
                    prop_assert!(!kept.wanted() && (made.is_some() || look));
                }
                Step::Stop(id) | Step::Resume(id) | Step::Explain(id) => {
                    prop_assert_eq!(Some(id), native);
                    prop_assert!(kept.wanted());
                }
            }
            break;
        }
        // What succeeded has succeeded, and what is to go never runs again.
        prop_assert!(before.stand != Stand::Completed || kept.stand == Stand::Completed);
        prop_assert!(before.wanted() == kept.wanted());
        // Nobody fails, or counts an end, because a technology is away.
        if let Seen::Away(_) = seen {
            prop_assert_eq!(&before.ends, &kept.ends);
            prop_assert_eq!(
                matches!(before.stand, Stand::Failed { .. }),
                matches!(kept.stand, Stand::Failed { .. })
            );
        }
    }
}
