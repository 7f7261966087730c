//! What is said of placements.

use tamer_model::{Instance, Restart};

/// The most bytes of a log in a reason.
const MAX_LOG: usize = 200;
/// The most bytes of a reason; the wire takes 1,024.
const MAX_REASON: usize = 900;

/// How an instance ended by itself.
pub fn ended(instance: &Instance) -> String {
    let reason = instance.reason.as_deref().unwrap_or_default();
    match instance.exit_code {
        Some(code) if reason.is_empty() || reason.starts_with("exited") => {
            format!("exited with {code}")
        }
        Some(code) => format!("exited with {code} ({reason})"),
        None if reason.is_empty() => "ended".to_owned(),
        None => format!("ended: {reason}"),
    }
}

/// It ended too often.
pub fn given_up(why: &str, restart: &Restart) -> String {
    match restart.attempts {
        0 => format!("{why}; its restart policy allows no other attempt"),
        1 => format!("{why}; it had been started again once within {}", restart.window),
        attempts => {
            format!("{why}; it had been started again {attempts} times within {}", restart.window)
        }
    }
}

/// A reason with the end of the log, if there is one.
pub fn with_log(why: &str, log: Option<&str>) -> String {
    let text = match log.filter(|log| !log.is_empty()) {
        Some(log) => format!("{why}; the log ends with: {log}"),
        None => why.to_owned(),
    };
    bounded(text)
}

/// Not longer than is told.
pub fn bounded(mut text: String) -> String {
    if text.len() > MAX_REASON {
        text.truncate(text.floor_char_boundary(MAX_REASON));
        text.push('…');
    }
    text
}

/// The last line of a log that is not empty, without control characters, and not too long: what is
/// cut is cut before it.
pub fn last_line(log: &[u8]) -> String {
    let lines = log.split(|byte| *byte == b'\n' || *byte == b'\r');
    let Some(line) = lines.rev().find(|line| !line.trim_ascii().is_empty()) else {
        return String::new();
    };
    let line = String::from_utf8_lossy(line.trim_ascii());
    let mut text = String::new();
    for c in line.chars() {
        if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
    }
    if text.len() <= MAX_LOG {
        return text;
    }
    let cut = text.ceil_char_boundary(text.len() - (MAX_LOG - '…'.len_utf8()));
    format!("…{}", &text[cut..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_gives_up_says_after_how_many_attempts() {
        let told =
            |attempts| given_up("exited with 7", &Restart { attempts, ..Restart::default() });
        assert_eq!(told(0), "exited with 7; its restart policy allows no other attempt");
        assert_eq!(told(1), "exited with 7; it had been started again once within 10m");
        assert_eq!(told(5), "exited with 7; it had been started again 5 times within 10m");
    }

    #[test]
    fn the_last_line_is_found() {
        assert_eq!(last_line(b""), "");
        assert_eq!(last_line(b"\n \r\n"), "");
        assert_eq!(last_line(b"one\ntwo\n\n"), "two");
        assert_eq!(last_line(b"a\x1b[31mred\n"), "a\\u{1b}[31mred");
    }

    proptest! {
        #[test]
        fn whatever_a_log_holds_is_short_and_plain(log: Vec<u8>) {
            let line = last_line(&log);
            prop_assert!(line.len() <= MAX_LOG);
            prop_assert!(!line.chars().any(char::is_control));
        }

        #[test]
        fn a_reason_fits_the_wire(why in ".{0,2000}", log in ".{0,300}") {
            prop_assert!(with_log(&why, Some(&log)).len() <= 1024);
        }
    }
}
