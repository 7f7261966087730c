//! What tamerctl tells, as tests read it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tamer_tests::{Ended, states};

/// The ends of a batch's tasks by host.
pub fn ends(batch: &Value) -> BTreeMap<String, String> {
    states(&batch["tasks"])
}

/// The hosts whose tasks are in this state.
pub fn those(batch: &Value, state: &str) -> BTreeSet<String> {
    let ends = ends(batch).into_iter().filter(|(_, end)| end == state);
    ends.map(|(host, _)| host).collect()
}

/// Names in a set.
pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The task of a host.
#[track_caller]
pub fn task<'a>(batch: &'a Value, host: &str) -> &'a Value {
    let tasks = batch["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = tasks.iter().find(|task| task["name"] == host);
    found.unwrap_or_else(|| panic!("no task of {host}: {batch:#}"))
}

/// A text of the answer; nothing where there is none.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A time of the answer, `2026-11-21T11:41:04.783Z`, in milliseconds since 1970.
#[track_caller]
pub fn millis(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_else(|| panic!("a time: {value}"));
    let parts: Option<Vec<i64>> = text
        .trim_end_matches('Z')
        .split(['-', 'T', ':', '.'])
        .map(|part| part.parse().ok())
        .collect();
    let Some([year, month, day, hour, minute, second, milli]) = parts.as_deref() else {
        panic!("a time: {text}")
    };
    // Years begin in March, so that a leap day is the last of its year.
    let (year, month) = if *month > 2 { (*year, month - 3) } else { (year - 1, month + 9) };
    let days =
        year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milli
}

/// That an error names this code, this field, and a remedy.
#[track_caller]
pub fn says(told: &Value, code: &str, field: &str) {
    let seen = (text(told, "code"), text(told, "field"));
    assert_eq!(seen, (code, field), "{told:#}");
    assert!(!text(told, "message").trim().is_empty(), "{told:#}");
    assert!(!text(told, "remedy").trim().is_empty(), "it helps: {told:#}");
}

/// The events of `-o jsonl`.
pub fn events(printed: &str) -> Vec<Value> {
    // The last line may still be on its way.
    let whole = printed.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    whole.lines().map(read).collect()
}

/// That somebody ended with this code and printed this.
#[track_caller]
pub fn printed(ended: &Ended, code: i32, text: &str) {
    assert!(ended.code() == code, "not {code}: {ended:#?}");
    let all = format!("{}{}", ended.text(), ended.stderr);
    assert!(all.contains(text), "{text:?} is not in {ended:#?}");
}

#[test]
fn times_are_counted() {
    let of = |text: &str| millis(&Value::from(text));
    assert_eq!(of("1970-01-01T00:00:00.000Z"), 0);
    assert_eq!(of("2023-11-14T22:13:20.005Z"), 1_700_000_000_005);
    assert_eq!(of("2024-03-01T00:00:00.000Z") - of("2024-02-28T00:00:00.000Z"), 2 * 86_400_000);
}
