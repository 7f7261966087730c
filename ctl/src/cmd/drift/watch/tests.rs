use super::*;
use crate::contract::Time;

fn alarm(set: &str, new: &[&str], gone: &[&str], same: u32) -> DriftAlarm {
    let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
    DriftAlarm {
        at: Time::of(0),
        set: set.to_owned(),
        new: ids(new),
        gone: ids(gone),
        same,
        observed: true,
    }
}

#[test]
fn a_lost_connection_makes_nothing_new() {
    let mut told = Told::default();
    let first = alarm("1", &["d-1", "d-2"], &[], 0);
    assert_eq!(told.take(first.clone(), true), Some(first.clone()));
    assert_eq!(told.take(first, true), None, "the same set after a lost connection");
    let next = alarm("2", &["d-3"], &["d-1"], 1);
    assert_eq!(told.take(next.clone(), false), Some(next));
    let other = alarm("3", &["d-2", "d-4"], &[], 0);
    let compared = alarm("3", &["d-4"], &["d-3"], 1);
    assert_eq!(told.take(other, true), Some(compared), "with what was told before");
    let unseen = DriftAlarm { observed: false, ..alarm("3", &[], &[], 2) };
    assert_eq!(told.take(unseen.clone(), false), Some(unseen), "what is not seen is told");
}

#[test]
fn an_alarm_that_may_not_name_all_is_told_as_it_came() {
    let mut told = Told::default();
    told.take(alarm("1", &["d-x"], &[], 0), true);
    let ids: Vec<_> = (0..NAMED).map(|number| format!("d-{number}")).collect();
    let many = DriftAlarm { new: ids, ..alarm("2", &[], &[], 0) };
    assert_eq!(told.take(many.clone(), true), Some(many));
}

#[test]
fn an_alarm_is_one_line() {
    let hostile = DriftAlarm { observed: false, ..alarm("1", &["d-1\u{1b}[2J"], &["d-2"], 3) };
    assert_eq!(
        line(&hostile).text(),
        r"1970-01-01T00:00:00.000Z  1 new: d-1\x1b[2J  1 gone: d-2  3 as before  not everything was seen"
    );
}
