//! Values as people read them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contract::Time;

/// How long before `now` something was, in its largest unit: `3s`, `5m`, `2h`, `4d`.
pub fn ago(at: Option<Time>, now: Time) -> String {
    at.map(|at| span(now.since(at))).unwrap_or_default()
}

/// A span in its largest unit.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long something took: `12 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`.
pub fn took(millis: u64) -> String {
    let seconds = millis / 1000;
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{}.{} s", seconds, millis % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A size in binary units: `512 B`, `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "B";
    for next in UNITS {
        if tenths < 10 * 1024 {
            break;
        }
        (tenths, unit) = (tenths / 1024, next);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Labels on one line: `a=b,c=d`.
pub fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// A number and its noun: `1 host`, `3 hosts`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// As many of `names` as fit about `columns`, and how many more there are.
pub fn names(names: &[String], columns: usize) -> String {
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        let more = names.len() - at;
        if at > 0 && text.len() + name.len() + 2 > columns {
            return format!("{text} and {more} more");
        }
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&crate::view::escape::text(name));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_well() {
        let sizes = [0, 1023, 1024, 1536, 16 << 30, u64::MAX].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "16.0 GiB", "15.9 EiB"]);
        let spans = [9, 60, 7199, 200_000].map(|s| span(Duration::from_secs(s)));
        assert_eq!(spans, ["9s", "1m", "1h", "2d"]);
        let times = [7, 1250, 61_000, 7_300_000].map(took);
        assert_eq!(times, ["7 ms", "1.2 s", "1 min 1 s", "2 h 1 min"]);
        let hosts = ["web-01", "web-02", "web-03"].map(str::to_owned);
        assert_eq!(names(&hosts, 80), "web-01, web-02, web-03");
        assert_eq!(names(&hosts, 15), "web-01, web-02 and 1 more");
    }
}
