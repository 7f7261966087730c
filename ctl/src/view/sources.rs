//! The output of several sources, line by line: a line is told whole or not yet, so that lines of
//! two sources never mix.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::{AnsiColor, Style};
use tamer_model::StreamKind;

use super::escape;
use crate::api::Source;
use crate::output::width;

/// The longest line that is held back until it ends, in bytes; a longer one is broken. Two such
/// buffers a source: 4,096 instances of one host, all in the middle of such lines, hold 512 MiB.
const LONGEST: usize = 64 * 1024;

/// Lines as they come together from pieces, by source and stream.
#[derive(Debug, Default)]
pub struct Lines {
    partial: BTreeMap<(u32, bool), Vec<u8>>,
}

impl Lines {
    /// Adds what came; gives every line that is whole now, without its end.
    pub fn push(
        &mut self,
        source: u32,
        stream: StreamKind,
        bytes: &[u8],
        mut line: impl FnMut(&[u8]),
    ) {
        let held = self.partial.entry((source, stream == StreamKind::Stderr)).or_default();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ended = piece.strip_suffix(b"\n");
            let mut text = ended.unwrap_or(piece);
            while held.len() + text.len() > LONGEST {
                let (now, later) = text.split_at(LONGEST - held.len());
                held.extend_from_slice(now);
                line(held);
                held.clear();
                text = later;
            }
            // The common line came in one piece, and is copied nowhere.
            if ended.is_some() && held.is_empty() {
                line(text);
                continue;
            }
            held.extend_from_slice(text);
            if ended.is_some() {
                line(held);
                held.clear();
            }
        }
    }

    /// Gives the last line of each stream of a source that will not go on, where it has no end.
    pub fn finish(&mut self, source: u32, mut line: impl FnMut(StreamKind, &[u8])) {
        for (errors, stream) in [(false, StreamKind::Stdout), (true, StreamKind::Stderr)] {
            let held = self.partial.remove(&(source, errors)).unwrap_or_default();
            if !held.is_empty() {
                line(stream, &held);
            }
        }
    }
}

/// What people call each source: its name, or as much before it as tells all of them apart.
pub fn names(sources: &BTreeMap<u32, Source>) -> BTreeMap<u32, String> {
    let full = |Source { id: _, name, host, provider }: &Source| {
        [name.clone(), format!("{host}/{name}"), format!("{host}/{provider}/{name}")]
    };
    let longest = (0..3).find(|form| {
        let told: BTreeSet<_> =
            sources.values().map(|source| full(source)[*form].clone()).collect();
        told.len() == sources.len()
    });
    let form = longest.unwrap_or(2);
    sources.iter().map(|(at, source)| (*at, escape::text(&full(source)[form]))).collect()
}

/// What stands before each line of each source: its name in as many columns as the longest, in a
/// colour of its own when they are wanted.
pub fn prefixes(names: &BTreeMap<u32, String>, colours: bool) -> BTreeMap<u32, Vec<u8>> {
    const COLOURS: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Yellow,
        AnsiColor::Green,
        AnsiColor::Magenta,
        AnsiColor::Blue,
        AnsiColor::BrightRed,
    ];
    let widest = names.values().map(|name| width::of(name)).max().unwrap_or(0);
    let prefix = |(place, (at, name)): (usize, (&u32, &String))| {
        let pad = " ".repeat(widest - width::of(name));
        let style = match colours {
            true => COLOURS[place % COLOURS.len()].on_default(),
            false => Style::new(),
        };
        (*at, format!("{style}{name}{pad} |{style:#} ").into_bytes())
    };
    names.iter().enumerate().map(prefix).collect()
}

/// Adds a line behind its prefix to `out`: harmless where a terminal reads it, as it came for
/// everything else.
pub fn write_line(prefix: &[u8], line: &[u8], for_terminal: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(prefix);
    match for_terminal {
        true => {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            out.extend_from_slice(escape::bytes(line).as_bytes());
        }
        false => out.extend_from_slice(line),
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(host: &str, provider: &str, name: &str) -> Source {
        let [host, provider, name] = [host, provider, name].map(str::to_owned);
        Source { id: format!("i-{host}-{provider}-{name}"), name, host, provider }
    }

    #[track_caller]
    fn called(sources: &[Source], expected: &[&str]) {
        let sources = (0..).zip(sources.iter().cloned()).collect();
        let told: Vec<_> = names(&sources).into_values().collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn names_are_as_long_as_it_takes_to_tell_them_apart() {
        let (a, b) = (source("one", "docker", "db"), source("one", "docker", "web\x1b"));
        called(&[a.clone(), b], &["db", "web\\x1b"]);
        called(&[a.clone(), source("two", "docker", "db")], &["one/db", "two/db"]);
        let podman = source("one", "podman", "db");
        called(&[a, podman], &["one/docker/db", "one/podman/db"]);
    }

    #[test]
    fn prefixes_are_aligned() {
        let names = BTreeMap::from([(0, "db".to_owned()), (1, "二号".to_owned())]);
        let plain = prefixes(&names, false);
        assert_eq!([&plain[&0][..], &plain[&1]], [&b"db   | "[..], "二号 | ".as_bytes()]);
        let coloured = String::from_utf8(prefixes(&names, true)[&0].clone()).expect("text");
        assert_eq!(coloured, "\x1b[36mdb   |\x1b[0m ");
    }

    #[test]
    fn a_terminal_gets_harmless_text() {
        let mut out = Vec::new();
        write_line(b"a | ", b"x\x1b[2J\r", true, &mut out);
        write_line(b"a | ", b"x\x1b[2J\r", false, &mut out);
        assert_eq!(out, b"a | x\\x1b[2J\na | x\x1b[2J\r\n");
    }

    #[test]
    fn a_line_without_end_is_broken_and_loses_nothing() {
        let long = vec![b'x'; 2 * LONGEST + 7];
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        for piece in long.chunks(1000) {
            lines.push(0, StreamKind::Stdout, piece, |line| told.push(line.to_vec()));
        }
        lines.finish(0, |_, line| told.push(line.to_vec()));
        assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [LONGEST, LONGEST, 7]);
    }

    proptest! {
        /// Whatever the pieces, each line of the output is one line of one source, and in order.
        #[test]
        fn lines_never_mix(pieces in prop::collection::vec((0u32..3, "[ab\n]{0,6}"), 0..40)) {
            let (mut lines, mut out) = (Lines::default(), Vec::new());
            for (source, text) in &pieces {
                let prefix = format!("{source}>");
                lines.push(*source, StreamKind::Stdout, text.as_bytes(), |line| {
                    write_line(prefix.as_bytes(), line, false, &mut out);
                });
            }
            for source in 0..3 {
                let prefix = format!("{source}>");
                lines.finish(source, |_, line| {
                    write_line(prefix.as_bytes(), line, false, &mut out);
                });
            }
            let out = String::from_utf8(out).expect("text");
            for source in 0..3u32 {
                let sent: String = pieces.iter().filter(|(of, _)| *of == source)
                    .map(|(_, text)| text.as_str()).collect();
                let prefix = format!("{source}>");
                let got: Vec<_> =
                    out.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
                let sent: Vec<_> = sent.lines().collect();
                prop_assert_eq!(got, sent);
            }
        }
    }
}
