//! One file, changed in many ways.

use proptest::collection::vec;
use proptest::prelude::proptest;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::{Index, select};
use tamer_model::Code;

use super::document::Document;
use super::{Shelf, says_where};

/// `cargo xtask soak` multiplies this.
fn cases(ordinary: u32) -> ProptestConfig {
    let told = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let factor = told("TAMER_SOAK").unwrap_or(1);
    ProptestConfig::with_cases(told("TAMER_CASES").unwrap_or(ordinary.saturating_mul(factor)))
}

#[test]
fn the_file_is_the_snapshot() {
    let document = Document::new(&[3, 0, 130]);
    let found = Shelf::new().whole(document.text().as_bytes()).expect("a snapshot");
    assert_eq!(found.taken.hosts, document.states);
    let counts: Vec<_> = found.taken.names.iter().map(|one| one.resources).collect();
    assert_eq!(counts, [3, 0, 130]);
    assert_eq!(found.taken.names[1].incomplete, ["s0", "s1"]);
    // The order of hosts and of resources is the writer's affair.
    let mut turned = Document::new(&[3, 0, 130]);
    turned.hosts.reverse();
    let found = Shelf::new().whole(turned.text().as_bytes()).expect("a snapshot");
    assert_eq!(found.taken.hosts, document.states);
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused() {
    let (shelf, text) = (Shelf::new(), Document::new(&[2, 0, 1]).text());
    for at in 0..text.len() {
        let problem = shelf.whole(&text.as_bytes()[..at]).err();
        let problem = problem.unwrap_or_else(|| panic!("{at} bytes pass for all"));
        assert_eq!(problem.code, Code::InvalidField, "{problem:?}");
        assert!(says_where(&problem) && problem.message.contains("EOF"), "{at}: {problem:?}");
    }
}

/// Each byte made another, twice: in its lowest bit and in its highest.
#[test]
fn a_file_of_which_any_byte_is_another_is_refused_or_the_same() {
    let (shelf, document) = (Shelf::new(), Document::new(&[1, 1]));
    let text = document.text();
    for at in 0..text.len() {
        for bit in [1, 0x80] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= bit;
            match shelf.whole(&bytes) {
                Ok(found) => assert_eq!(found.taken.hosts, document.states, "byte {at}"),
                Err(problem) => assert!(says_where(&problem), "byte {at}: {problem:?}"),
            }
        }
    }
}

/// Pieces of the file between the characters that give it its shape.
fn shaped(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in text.chars() {
        if matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '"') {
            pieces.extend([c.to_string(), String::new()]);
        } else if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[derive(Debug, Clone)]
enum Harm {
    Replace(Index, usize, String),
    Double(Index, usize),
    Move(Index, usize, Index),
    Byte(Index, u8),
}

fn harm() -> impl Strategy<Value = Harm> {
    let hostile = [
        "null",
        "{}",
        "[]",
        "\"\"",
        "-1",
        "-0",
        "1e999",
        "0.5",
        "18446744073709551616",
        "1E400",
        "99999999999999999999999999999999999999",
        "\\u0000",
        "\\ud800",
        "{\"a\":1,\"a\":2}",
        "true",
        "\"a\":",
        ",",
        "\u{feff}",
        "$set",
        "{\"$set\":[1,1]}",
        "{\"$hidden\":\"00\"}",
        "\n\n",
        "x",
        "\"name\":\"b\",",
        "host",
        "h-0000000000000001",
        "2",
        "[[[[[[[[[[[[[[[[[[[[",
    ];
    let mut hostile: Vec<String> = hostile.iter().map(|text| (*text).to_owned()).collect();
    hostile.push(format!("{}1{}", "[".repeat(300), "]".repeat(300)));
    hostile.push(format!("{}1{}", "{\"k\":".repeat(300), "}".repeat(300)));
    hostile.push("9".repeat(5_000));
    let length = || 0usize..12;
    prop_oneof![
        3 => (any::<Index>(), length(), select(hostile))
            .prop_map(|(at, length, text)| Harm::Replace(at, length, text)),
        2 => (any::<Index>(), length()).prop_map(|(at, length)| Harm::Double(at, length)),
        1 => (any::<Index>(), length(), any::<Index>())
            .prop_map(|(at, length, to)| Harm::Move(at, length, to)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
    ]
}

fn harmed(text: &str, harms: &[Harm]) -> Vec<u8> {
    let mut pieces: Vec<Vec<u8>> = shaped(text).into_iter().map(String::into_bytes).collect();
    for harm in harms {
        let many = pieces.len().max(1);
        let part = |at: &Index, length: usize| {
            let from = at.index(many).min(pieces.len());
            from..(from + length).min(pieces.len())
        };
        match harm {
            Harm::Replace(at, length, text) => {
                pieces.splice(part(at, *length), [text.clone().into_bytes()]);
            }
            Harm::Double(at, length) => {
                let part = part(at, *length);
                let copy = pieces[part.clone()].to_vec();
                pieces.splice(part.end..part.end, copy);
            }
            Harm::Move(at, length, to) => {
                let moved: Vec<_> = pieces.drain(part(at, *length)).collect();
                let to = to.index(pieces.len().max(1)).min(pieces.len());
                pieces.splice(to..to, moved);
            }
            Harm::Byte(at, byte) => {
                let at = at.index(many);
                if let Some(first) = pieces.get_mut(at).and_then(|piece| piece.first_mut()) {
                    *first = *byte;
                }
            }
        }
    }
    pieces.concat()
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_changed_file_is_refused_or_the_same(
        hosts in vec(0usize..3, 0..3), harms in vec(harm(), 1..4),
    ) {
        let (shelf, document) = (Shelf::new(), Document::new(&hosts));
        match shelf.whole(&harmed(&document.text(), &harms)) {
            Ok(found) => {
                prop_assert_eq!(&found.taken.hosts, &document.states);
                prop_assert_eq!(found.taken.names.len(), document.states.len());
                let held: u64 = found.taken.names.iter().map(|one| one.resources).sum();
                prop_assert_eq!(held, document.resources as u64);
            }
            Err(problem) => prop_assert!(says_where(&problem), "{problem:?}"),
        }
    }
}

#[test]
fn what_is_no_such_file_is_refused_by_its_place() {
    let (shelf, document) = (Shelf::new(), Document::new(&[2]));
    let text = document.text();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
    let first = &document.hosts[0];
    let cases = [
        (with("\"version\":1", "\"version\":0"), "version 0"),
        (with("\"version\":1", "\"version\":4294967296"), "expected u32"),
        (with("\"version\":1", "\"version\":1.0"), "expected u32"),
        (with("\"version\":1", "\"version\":\"1\""), "expected u32"),
        (with("\"version\":1,", "\"version\":1,\"version\":1,"), "\"version\" is where \"fleet\""),
        (with("\"format\":\"tamer-snapshot\",", ""), "\"version\" is where \"format\""),
        (with("\"size\":4096", "\"size\":1e999"), "number out of range"),
        (with("\"size\":4096", "\"size\":9223372036854775808"), "is more than"),
        (with("\"size\":4096", "\"size\":0.5"), "expected true, false, a whole number"),
        (with("\"size\":4096", &format!("\"size\":{}", deep("[", "]"))), "recursion limit"),
        (with("\"size\":4096", &format!("\"size\":{}", deep("{\"k\":", "}"))), "recursion limit"),
        (with("\"counter\":7", &format!("\"counter\":{}", "9".repeat(400))), "out of range"),
        (with("\"counter\":7", "\"counter\":-7"), "invalid value"),
        (with("\"counter\":7", "\"counter\":8"), "snapshot's root"),
        (with("\"counter\":7", "\"counter\":7,\"counter\":7"), "duplicate field `counter`"),
        (with("\"took_ms\":3,\"resources\"", "\"took_ms\":4,\"resources\""), "snapshot's root"),
        (with("\"map\":{\"$map\":{", "\"map\":{\"$map\":{\"$odd\":true,"), "there twice"),
        (with("\"set\":{\"$set\":[", "\"set\":{\"$set\":[2,"), "there twice"),
        (with("package-001\",\"name", "package-000\",\"name"), "there twice"),
        (with(first, &format!("{first},{first}")), "there twice"),
        (with(first, ""), "as its end says"),
        (with("\"end\":", "\"more\":1,\"end\":"), "\"more\" is where \"end\""),
        (with("\"end\":{", "\"end\":{\"more\":1,"), "unknown field `more`"),
        (with("],\"end\"", "],\"hosts\":[],\"end\""), "\"hosts\" is where \"end\""),
        (format!("{text}{text}"), "trailing characters"),
        (format!("[{text}]"), "expected a snapshot"),
        ("[".repeat(100_000), "expected a snapshot"),
        (text.replace('"', "'"), "key must be a string"),
    ];
    for (file, what) in cases {
        let problem = shelf.whole(file.as_bytes()).err().unwrap_or_else(|| panic!("{what}: taken"));
        assert!(problem.message.contains(what), "{what}: {problem:?}");
        assert!(says_where(&problem), "{what}: {problem:?}");
    }
}
