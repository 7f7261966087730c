//! Output as lines, each with its host's name: for pipes and files.

use super::board::{OutputLine, Said};
use super::escape;

/// The remark that stands for missing bytes.
pub fn not_shown(bytes: u64) -> String {
    format!("[… {bytes} bytes not shown …]")
}

/// A line as bytes with its end: harmless for a terminal, as it came for everything else.
pub fn said(said: &Said, for_terminal: bool) -> Vec<u8> {
    let mut bytes = match said {
        Said::Bytes(bytes) if for_terminal => escape::bytes(bytes).into_bytes(),
        Said::Bytes(bytes) => bytes.clone(),
        Said::NotShown(count) => not_shown(*count).into_bytes(),
    };
    bytes.push(b'\n');
    bytes
}

/// The same behind the name of its host.
pub fn labelled(line: &OutputLine, for_terminal: bool) -> Vec<u8> {
    let mut bytes = format!("{} | ", escape::text(&line.name)).into_bytes();
    bytes.extend(said(&line.said, for_terminal));
    bytes
}

#[cfg(test)]
mod tests {
    use tamer_model::StreamKind;

    use super::*;

    #[test]
    fn a_pipe_gets_the_bytes_and_a_terminal_gets_harmless_text() {
        let line = OutputLine {
            row: 0,
            name: "web\x1b".into(),
            stream: StreamKind::Stdout,
            said: Said::Bytes(b"\x1b[31mred\xff".to_vec()),
        };
        assert_eq!(labelled(&line, false), b"web\\x1b | \x1b[31mred\xff\n");
        assert_eq!(labelled(&line, true), "web\\x1b | \\x1b[31mred\u{fffd}\n".as_bytes());
        assert_eq!(said(&Said::NotShown(7), true), "[… 7 bytes not shown …]\n".as_bytes());
    }
}
