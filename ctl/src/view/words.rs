//! Numbers and spans as the view writes them: each as short as it can be read at a glance.

use std::time::Duration;

/// A number with its thousands apart: `9,980`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 host`, `9,980 hosts`.
pub fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", self::number(number)),
    }
}

/// A span that is looked at while it grows: `9s`, `2m05s`, `3h02m`, `2d03h`.
pub fn clock(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A rate: `0.4/s`, `18/s`, `1,240/s`.
pub fn rate(a_second: f64) -> String {
    if a_second < 10.0 {
        format!("{a_second:.1}/s")
    } else {
        // Rates are far below what a number of this kind holds.
        format!("{}/s", number(a_second.round() as u64))
    }
}

/// A part of a whole in percent, rounded down: it says 100 only when that is true.
pub fn percent(part: u64, whole: u64) -> u64 {
    match whole {
        0 => 0,
        whole => (u128::from(part) * 100 / u128::from(whole)) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let numbers = [0, 999, 1000, 12_345, 1_234_567].map(number);
        assert_eq!(numbers, ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!([count(1, "host"), count(2000, "host")], ["1 host", "2,000 hosts"]);
        let spans = [9, 65, 3725, 187_200].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(spans, ["9s", "1m05s", "1h02m", "2d04h"]);
        assert_eq!([0.42, 9.96, 18.3, 1240.2].map(rate), ["0.4/s", "10.0/s", "18/s", "1,240/s"]);
        assert_eq!(percent(9999, 10_000), 99);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
