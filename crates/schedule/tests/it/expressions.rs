//! What is a cron expression and what is not.

use std::time::Instant;

use tamer_schedule::{Cron, Zone};

use crate::{at, cron};

#[test]
fn the_field_at_fault_is_named() {
    for (text, why) in [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("* * * * * * *", "7 fields"),
        ("60 * * * *", "\"60\" is no minute"),
        ("* 24 * * *", "\"24\" is no hour"),
        ("* * 32 * *", "\"32\" is no day of month"),
        ("* * * 13 *", "\"13\" is no month"),
        ("* * * * 8", "\"8\" is no day of week"),
        ("* * * * Mun", "\"Mun\" is no day of week"),
        ("61 * * * * *", "\"61\" is no second"),
        ("SUN 3 * * *", "\"SUN\" is no minute"),
        ("5-1 * * * *", "\"5-1\" is no minute"),
        ("*/0 * * * *", "\"*/0\" is no minute"),
        ("1,,2 * * * *", "\"1,,2\" is no minute"),
        ("@often", "is no cron expression"),
        ("@daily 5", "is no cron expression"),
    ] {
        let problem = text.parse::<Cron>().expect_err(text);
        assert_eq!(problem.field.as_deref(), Some("cron"), "{text}");
        assert!(problem.message.contains(why), "{text}: {problem}");
    }
    "1 ".repeat(300).parse::<Cron>().expect_err("too long");
}

#[test]
fn fields_mean_what_they_do_elsewhere() {
    for (text, due) in [
        ("30 2 * * Mon-Fri", "2026-11-23 02:30"),
        ("0 0 1 * Mon", "2026-11-23 00:00"),
        ("0 0 1 * +Mon", "2027-02-01 00:00"),
        ("0 0 L * *", "2026-11-30 00:00"),
        ("0 0 * * 5#L", "2026-11-27 00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 0 * * 7", "2026-11-22 00:00"),
        ("@monthly", "2026-12-01 00:00"),
        ("*/20 * * * * *", "2026-11-21 12:00:20"),
    ] {
        let next = cron(text).due_after(&Zone::UTC, at("2026-11-21 12:00"));
        assert_eq!(next, Some(at(due)), "{text}");
    }
}

#[test]
fn what_is_never_due_is_found_out_soon() {
    let began = Instant::now();
    assert_eq!(cron("0 0 30 2 *").due_after(&Zone::UTC, at("2026-11-21 12:00")), None);
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
}
