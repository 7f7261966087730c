//! Making text from elsewhere harmless: a hostile host must not drive the terminal.

use std::fmt::Write;

/// `text` on one line, with every control character shown instead of sent. Tabs become spaces.
pub fn text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => clean.push_str("    "),
            '\n' => clean.push_str("\\n"),
            '\r' => clean.push_str("\\r"),
            // What changes the direction of text can make it read as something else (CVE-2021-42574).
            c if c.is_control() || is_invisible(c) => match u32::from(c) {
                code @ 0..=0xff => {
                    let _ = write!(clean, "\\x{code:02x}");
                }
                code => {
                    let _ = write!(clean, "\\u{{{code:x}}}");
                }
            },
            c => clean.push(c),
        }
    }
    clean
}

/// The same for bytes that may not be text.
pub fn bytes(bytes: &[u8]) -> String {
    text(&String::from_utf8_lossy(bytes))
}

const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_moves_it() {
        assert_eq!(text("a\x1b[2Jb\tc\rd\u{9b}5m\u{202e}"), r"a\x1b[2Jb    c\rd\x9b5m\u{202e}");
        assert_eq!(bytes(b"\xff\x07ok"), "\u{fffd}\\x07ok");
        assert_eq!(text("grüße 二"), "grüße 二");
    }
}
