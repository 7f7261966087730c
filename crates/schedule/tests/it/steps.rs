//! What a schedule does, by a clock that a test turns.

use std::collections::BTreeSet;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{prop_assert, proptest};
use tamer_model::Timestamp;
use tamer_schedule::{Passed, Step, Timing, When};

use crate::{HOUR, at, cron, millis, name, zone};

fn hourly() -> Timing {
    Timing::new(cron("0 * * * *"))
}

#[test]
fn it_waits_then_begins_once() {
    let (timing, settled) = (hourly(), at("2026-11-21T10:30Z"));
    let due = at("2026-11-21T11:00Z");
    assert_eq!(timing.step(&name(), settled, at("2026-11-21T10:59:59Z")), Step::Wait(due));
    assert_eq!(timing.step(&name(), settled, due), Step::Begin { due, closes: None });
    assert_eq!(timing.step(&name(), due, due), Step::Wait(at("2026-11-21T12:00Z")));
}

#[test]
fn of_what_was_missed_the_last_begins_if_it_is_not_too_late() {
    let (timing, settled) = (hourly(), at("2020-01-01T00:30Z"));
    let due = at("2026-11-21T11:00Z");
    let step = |timing: &Timing, now| timing.step(&name(), settled, at(now));
    assert_eq!(step(&timing, "2026-11-21T11:10Z"), Step::Begin { due, closes: None });
    let missed = Step::Pass { due, why: Passed::Missed };
    assert_eq!(step(&timing, "2026-11-21T11:10:00.001Z"), missed);
    let never = Timing { catch_up_ms: 0, ..timing };
    assert_eq!(step(&never, "2026-11-21T11:00:10Z"), Step::Begin { due, closes: None });
    assert_eq!(step(&never, "2026-11-21T11:00:11Z"), missed);
}

#[test]
fn a_clock_that_is_set_back_repeats_nothing() {
    let due = at("2026-11-21T11:00Z");
    let step = hourly().step(&name(), due, at("2026-11-21T08:00Z"));
    assert_eq!(step, Step::Wait(at("2026-11-21T12:00Z")));
}

#[test]
fn a_closed_window_passes_and_an_open_one_says_when_it_closes() {
    let window = Some("22:00-04:00".parse().expect("a window"));
    let timing = Timing { window, zone: zone("Europe/Berlin"), ..hourly() };
    let (noon, night) = (at("2026-11-21T12:00Z"), at("2026-11-21T23:00Z"));
    let before = |due: Timestamp| millis(due.as_millis() - 1);
    let passed = Step::Pass { due: noon, why: Passed::Window };
    assert_eq!(timing.step(&name(), before(noon), noon), passed);
    let closes = Some(at("2026-11-22T03:00Z"));
    assert_eq!(timing.step(&name(), before(night), night), Step::Begin { due: night, closes });
}

#[test]
fn what_is_due_once_is_done_then() {
    let due = at("2026-11-21T11:00Z");
    let timing = Timing::new(When::At(due));
    assert_eq!(
        timing.step(&name(), at("2026-11-21T10:00Z"), due),
        Step::Begin { due, closes: None }
    );
    assert_eq!(timing.step(&name(), due, at("2026-11-21T10:00Z")), Step::Never);
}

#[test]
fn what_can_never_begin_is_refused() {
    let now = at("2026-11-21T12:00Z");
    let closed = Some("22:00-23:00".parse().expect("a window"));
    for (timing, field) in [
        (Timing::new(When::At(at("2026-11-21T11:00Z"))), "at"),
        (
            Timing { window: closed.clone(), ..Timing::new(When::At(at("2026-11-22T11:00Z"))) },
            "window",
        ),
        (Timing::new(cron("0 0 30 2 *")), "cron"),
        (Timing { window: closed, ..Timing::new(cron("0 23 * * *")) }, "window"),
    ] {
        let problem = timing.check(&name(), now).expect_err("it cannot begin");
        assert_eq!(problem.field.as_deref(), Some(field), "{problem}");
    }
    // Due every second, in the window a minute a week.
    let window = Some("Sat 22:00-22:01".parse().expect("a window"));
    let timing = Timing { window, ..Timing::new(cron("* * * * * *")) };
    let next = timing.upcoming(&name(), now, 2);
    let due: Vec<_> = next.iter().map(|next| next.due).collect();
    assert_eq!(due, [at("2026-11-21T22:00Z"), at("2026-11-21T22:00:01Z")]);
}

#[test]
fn a_timing_reads_back() {
    let window = Some("Mon-Fri 22:00-04:00".parse().expect("a window"));
    let timing = Timing { window, zone: zone("Europe/Berlin"), jitter_ms: 5, ..hourly() };
    let json = serde_json::to_string(&timing).expect("json");
    assert_eq!(serde_json::from_str::<Timing>(&json).expect("read back"), timing);
    let least = r#"{"when":{"at":5}}"#;
    assert_eq!(
        serde_json::from_str::<Timing>(least).expect("read"),
        Timing::new(When::At(millis(5)))
    );
}

fn timing() -> impl Strategy<Value = Timing> {
    let when = prop_oneof![
        Just("0 * * * *"),
        Just("*/7 * * * *"),
        Just("30 2 * * *"),
        Just("*/20 * * * * *")
    ];
    let windows = prop_oneof![
        Just(None),
        Just(Some("22:00-04:00")),
        Just(Some("Sat,Sun 00:00-24:00; 12:00-13:30"))
    ];
    (when, windows, 0..3 * HOUR, 0..3 * HOUR).prop_map(|(when, window, jitter_ms, catch_up_ms)| {
        let window = window.map(|window| window.parse().expect("a window"));
        let zone = zone("Europe/Berlin");
        Timing { window, zone, jitter_ms, catch_up_ms, ..Timing::new(cron(when)) }
    })
}

proptest! {
    /// Somebody looks at the schedule now and then, by a clock that goes on, jumps and is set back.
    #[test]
    fn nothing_begins_twice_early_late_or_outside(
        timing in timing(),
        from in prop_oneof![Just("2026-03-28T20:00Z"), Just("2026-10-24T20:00Z"), Just("2026-06-01T20:00Z")],
        looks in proptest::collection::vec((0..5400u64, any::<u8>()), 1..60),
    ) {
        let (mut now, mut settled) = (at(from), at(from));
        let mut seen = BTreeSet::new();
        for (seconds, jump) in looks {
            now = match jump {
                0..8 => millis(now.as_millis() - seconds * 1000),
                8..16 => now.plus(std::time::Duration::from_secs(seconds * 20)),
                16..=255 => now.plus(std::time::Duration::from_secs(seconds)),
            };
            let step = timing.step(&name(), settled, now);
            let due = match step {
                Step::Never => None,
                Step::Wait(until) => {
                    prop_assert!(until > now);
                    None
                }
                Step::Begin { due, closes } => {
                    let begins = timing.begins(&name(), due);
                    prop_assert!(begins >= due && begins <= now);
                    prop_assert!(now.since(begins).as_millis() as u64 <= timing.catch_up_ms.max(10_000));
                    prop_assert!(closes.is_none_or(|closes| closes > now));
                    let open = timing.window.as_ref().is_none_or(|w| w.is_open(&timing.zone, now));
                    prop_assert!(open);
                    Some(due)
                }
                Step::Pass { due, .. } => Some(due),
            };
            if let Some(due) = due {
                prop_assert!(due > settled && due <= now, "{step:?}");
                prop_assert!(seen.insert(due), "{step:?} again");
                // Nothing else waits: the rest of what was missed is settled with it.
                settled = due;
                prop_assert!(matches!(timing.step(&name(), settled, now), Step::Wait(_)));
            }
        }
    }

    #[test]
    fn jitter_keeps_the_order_and_the_window(timing in timing(), from in 1_700_000_000_000..1_900_000_000_000u64) {
        let next = timing.upcoming(&name(), millis(from), 4);
        prop_assert!(next.len() == 4);
        for next in &next {
            prop_assert!(next.begins >= next.due);
            prop_assert!(next.begins.since(next.due).as_millis() as u64 <= timing.jitter_ms);
            let open = timing.window.as_ref().is_none_or(|w| w.is_open(&timing.zone, next.begins));
            prop_assert!(open);
            prop_assert!(timing.due_after(next.due).expect("again") > next.begins);
        }
    }
}
