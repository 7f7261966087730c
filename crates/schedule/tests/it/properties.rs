//! Properties of when something is due, held against a slow and plain way to find it out.

use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::collection::btree_set;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};
use std::collections::BTreeSet;
use tamer_model::Timestamp;

use crate::{HOUR, at, cron, millis, zone};

/// Zones with all kinds of changes: an hour, half an hour, at midnight, none, negative.
const ZONES: &[&str] =
    &["Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Tokyo", "Europe/Dublin"];

/// A field: how it is written, what it holds, and whether it has a star.
#[derive(Debug, Clone)]
struct Field(String, BTreeSet<i8>, bool);

fn field(least: i8, most: i8) -> impl Strategy<Value = Field> {
    let every = move |step: i8| (least..=most).step_by(step.unsigned_abs().into());
    prop_oneof![
        Just(Field("*".to_owned(), every(1).collect(), true)),
        (2..=15i8).prop_map(move |step| Field(format!("*/{step}"), every(step).collect(), true)),
        btree_set(least..=most, 1..4).prop_map(|set| {
            let words: Vec<_> = set.iter().map(ToString::to_string).collect();
            Field(words.join(","), set, false)
        }),
        (least..=most, least..=most).prop_map(|(a, b)| {
            let (low, high) = (a.min(b), a.max(b));
            Field(format!("{low}-{high}"), (low..=high).collect(), false)
        }),
    ]
}

/// What is due in (`from`, `until`], minute by minute.
fn slowly(
    (minutes, hours): (&Field, &Field),
    zone: &TimeZone,
    from: Timestamp,
    until: Timestamp,
) -> BTreeSet<u64> {
    let fits =
        |local: DateTime| minutes.1.contains(&local.minute()) && hours.1.contains(&local.hour());
    let real = |at: u64| jiff::Timestamp::from_millisecond(at as i64).expect("a time");
    let moments =
        (from.as_millis() / 60_000 - 1500..=until.as_millis() / 60_000).map(|m| m * 60_000);
    let due: BTreeSet<u64> = if minutes.2 || hours.2 {
        moments.filter(|at| fits(zone.to_datetime(real(*at)))).collect()
    } else {
        // Every minute that a calendar has, and the first moment at which the clocks are that far.
        let first = zone.to_datetime(real((from.as_millis() / 60_000 - 1500) * 60_000));
        let shown: Vec<_> = moments.map(|at| (zone.to_datetime(real(at)), at)).collect();
        let mut ahead = 0;
        let mut reached = shown.first().expect("a moment").0;
        (0..1500 + 3 * 1440)
            .map(|minute: i64| first.checked_add(minute.minutes()).expect("a time"))
            .filter_map(|local| {
                while reached < local {
                    ahead += 1;
                    reached = reached.max(shown.get(ahead)?.0);
                }
                fits(local).then_some(shown[ahead].1)
            })
            .collect()
    };
    due.into_iter().filter(|at| *at > from.as_millis() && *at <= until.as_millis()).collect()
}

proptest! {
    #[test]
    fn due_is_what_the_clocks_say(
        minutes in field(0, 59),
        hours in field(0, 23),
        zone_name in proptest::sample::select(ZONES),
        // The days around the changes of 2026, and any others.
        day in prop_oneof![
            Just("2026-03-28T12:00Z"), Just("2026-10-24T12:00Z"), Just("2026-04-04T03:00Z"),
            Just("2026-03-07T12:00Z"), Just("2026-10-31T12:00Z"), Just("2026-06-15T00:00Z"),
        ],
        into in 0..24 * HOUR,
    ) {
        let from = millis(at(day).as_millis() + into);
        let until = millis(from.as_millis() + 30 * HOUR);
        let when = cron(&format!("{} {} * * *", minutes.0, hours.0));
        let found = crate::all_due(&when, &zone(zone_name), from, until);
        let plain = TimeZoneDatabase::bundled().get(zone_name).expect("a zone");
        let expected = slowly((&minutes, &hours), &plain, from, until);
        let found: BTreeSet<_> = found.into_iter().map(Timestamp::as_millis).collect();
        prop_assert_eq!(found, expected, "{:?}", when);
    }

    #[test]
    fn the_next_is_later_and_nothing_is_between(
        minutes in field(0, 59),
        hours in field(0, 23),
        days in field(1, 28),
        zone_name in proptest::sample::select(ZONES),
        from in 0..4_000_000_000_000u64,
        share in 0.0..1.0f64,
    ) {
        let (when, zone) = (cron(&format!("{} {} {} * *", minutes.0, hours.0, days.0)), zone(zone_name));
        let due = when.due_after(&zone, millis(from)).expect("it is due in every month");
        prop_assert!(due > millis(from));
        let between = from + ((due.as_millis() - from - 1) as f64 * share) as u64;
        prop_assert_eq!(when.due_after(&zone, millis(between)), Some(due));
        prop_assert!(when.due_after(&zone, due).expect("again") > due);
    }

    #[test]
    fn the_texts_of_people_are_read_or_refused(text in any::<String>(), stars in "[0-9*,/#LW+ @a-z-]{0,40}") {
        for text in [text, stars] {
            if let Ok(cron) = text.parse::<tamer_schedule::Cron>() {
                let after = at("2026-01-01T00:00Z");
                let due = cron.due_after(&tamer_schedule::Zone::UTC, after);
                prop_assert!(due.is_none_or(|due| due > after));
            }
            let _ = text.parse::<tamer_schedule::Window>();
            let _ = text.parse::<tamer_schedule::Zone>();
            let _ = tamer_schedule::Zone::UTC.read(&text);
        }
    }
}
