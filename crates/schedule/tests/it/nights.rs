//! The nights when clocks are changed, as transcripts.

use std::fmt::Write;

use tamer_schedule::{Opening, Window};

use crate::{all_due, at, cron, zone};

fn night(expressions: &[&str], zone_name: &str, from: &str, until: &str) -> String {
    let zone = zone(zone_name);
    let mut text = String::new();
    for expression in expressions {
        let _ = writeln!(text, "{expression}");
        for due in all_due(&cron(expression), &zone, at(from), at(until)) {
            let _ = writeln!(text, "    {}", zone.show(due));
        }
    }
    text
}

const EXPRESSIONS: &[&str] =
    &["30 2 * * *", "0,30 2 * * *", "0 1-3 * * *", "0 * * * *", "*/20 2 * * *", "15 2,3 * * *"];

#[test]
fn an_hour_that_is_skipped() {
    insta::assert_snapshot!(night(
        EXPRESSIONS,
        "Europe/Berlin",
        "2026-03-28T23:00Z",
        "2026-03-29T03:00Z"
    ));
}

#[test]
fn an_hour_that_comes_twice() {
    insta::assert_snapshot!(night(
        EXPRESSIONS,
        "Europe/Berlin",
        "2026-10-24T22:00Z",
        "2026-10-25T03:00Z"
    ));
}

#[test]
fn a_day_that_is_skipped() {
    // Samoa left out the 30th of December 2011 when it crossed the date line.
    insta::assert_snapshot!(night(
        &["0 12 * * *", "0 12 30 * *"],
        "Pacific/Apia",
        "2011-12-29T00:00Z",
        "2011-12-31T23:59Z"
    ));
}

#[test]
fn windows_in_such_nights() {
    let zone = zone("Europe/Berlin");
    let mut text = String::new();
    for (spans, around) in [
        ("22:00-04:00", "2026-03-29T00:00Z"),
        ("22:00-04:00", "2026-10-25T00:00Z"),
        ("02:00-03:00", "2026-03-29T00:59Z"),
        ("02:00-03:00", "2026-10-25T00:00Z"),
        ("02:30-03:30", "2026-03-29T01:00Z"),
        ("00:00-24:00", "2026-10-25T00:00Z"),
        ("Sat 00:00-24:00", "2026-10-24T12:00Z"),
    ] {
        let window: Window = spans.parse().expect(spans);
        let stands = match window.at(&zone, at(around)) {
            Opening::Closed => "closed".to_owned(),
            Opening::Until(closes) => format!("until {}", zone.show(closes)),
            Opening::Always => "always".to_owned(),
        };
        let opens = window.opens_after(&zone, at(around)).map(|at| zone.show(at));
        let now = zone.show(at(around));
        let _ = writeln!(text, "{spans} at {now}: {stands}; next {}", opens.unwrap_or_default());
    }
    insta::assert_snapshot!(text);
}
