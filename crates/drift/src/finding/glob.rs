//! Patterns of rules: `*` stands for any text, `?` for one character.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tamer_model::Problem;

/// The longest pattern, in bytes.
pub const MAX_GLOB: usize = 512;
/// The most stars of one pattern: what bounds the work of a match.
const MAX_STARS: usize = 16;

/// A pattern for names, ids and values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Glob(String);

/// A pattern for the paths of fields, such as `mounts[*].source`: a [`Glob`] that could be a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PathGlob(Glob);

impl Glob {
    /// Whether the whole of `text` fits.
    pub fn matches(&self, text: &str) -> bool {
        fits(self.0.as_bytes(), text.as_bytes())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern that fits this text alone, where a text can be written as one.
    pub fn exactly(text: &str) -> Option<Self> {
        if text.contains(['*', '?']) { None } else { text.parse().ok() }
    }
}

impl PathGlob {
    /// Whether a field's whole path fits.
    pub fn matches(&self, path: &str) -> bool {
        self.0.matches(path)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Greedy, with one point of return: linear in practice, quadratic at worst in texts that are bounded.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t = after_char(text, t);
            }
            Some(c) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((at, from)) = star else { return false };
                let from = after_char(text, from);
                star = Some((at, from));
                (p, t) = (at + 1, from);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Where the character after the one at `at` begins: `?` stands for a character, not for a byte.
fn after_char(text: &[u8], at: usize) -> usize {
    let rest = text[at + 1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
    at + 1 + rest
}

fn bad(text: &str, what: &str) -> Problem {
    let shown: String = text.chars().take(80).collect();
    Problem::field("pattern", format!("pattern {shown:?}: {what}"))
        .remedy("write a text in which `*` stands for any text and `?` for one character")
}

impl FromStr for Glob {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(bad(text, "it is empty"));
        }
        if text.len() > MAX_GLOB {
            return Err(bad(text, "it is longer than 512 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(bad(text, "it has control characters"));
        }
        if text.bytes().filter(|c| *c == b'*').count() > MAX_STARS {
            return Err(bad(text, "it has more than 16 stars"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for PathGlob {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let glob: Glob = text.parse().map_err(|error: Problem| on_path(text, &error.message))?;
        check_path(text).map_err(|what| on_path(text, &what))?;
        Ok(Self(glob))
    }
}

fn on_path(text: &str, what: &str) -> Problem {
    let shown: String = text.chars().take(80).collect();
    Problem::field("path", format!("path {shown:?} cannot be one: {what}"))
        .remedy("write the path of a field as `tamerctl drift show` prints it, such as env[PATH] or limits.*")
}

/// Keys stand in `[…]` and members in `{…}`, where a backslash takes the next character as it is;
/// outside of them dots part the steps.
fn check_path(text: &str) -> Result<(), String> {
    let (mut inside, mut escaped, mut step) = (None, false, 0usize);
    for (at, c) in text.char_indices() {
        match (inside, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(close), c) if c == close => (inside, step) = (None, 1),
            (Some(_), _) => {}
            (None, '[') => inside = Some(']'),
            (None, '{') => inside = Some('}'),
            (None, ']' | '}') => return Err(format!("a `{c}` that nothing opened, at byte {at}")),
            (None, '.') if step == 0 => return Err(format!("a step without a name, at byte {at}")),
            (None, '.') => step = 0,
            (None, c) if c.is_whitespace() => return Err(format!("a space, at byte {at}")),
            (None, _) => step += 1,
        }
    }
    match (inside, step) {
        (Some(close), _) => Err(format!("no `{close}` closes what it opens")),
        (None, 0) => Err("it ends in a step without a name".to_owned()),
        (None, _) => Ok(()),
    }
}

macro_rules! text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = Problem;

            fn try_from(text: String) -> Result<Self, Problem> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(glob: $name) -> Self {
                glob.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

text!(Glob);
text!(PathGlob);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_naive_way(pattern in "[aé*?]{1,6}", text in "[aé]{0,8}") {
            fn naive(p: &[char], t: &[char]) -> bool {
                match p.split_first() {
                    None => t.is_empty(),
                    Some(('*', rest)) => (0..=t.len()).any(|at| naive(rest, &t[at..])),
                    Some(('?', rest)) => !t.is_empty() && naive(rest, &t[1..]),
                    Some((c, rest)) => t.first() == Some(c) && naive(rest, &t[1..]),
                }
            }
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            let glob: Glob = pattern.parse().expect("a pattern");
            prop_assert_eq!(glob.matches(&text), naive(&letters(&pattern), &letters(&text)));
        }

        #[test]
        fn any_text_is_a_path_or_an_error(text: String) {
            if let Ok(glob) = text.parse::<PathGlob>() {
                prop_assert_eq!(glob.to_string(), text);
            }
        }
    }

    #[test]
    fn bad_paths_say_where() {
        for (text, what) in [
            ("", "empty"),
            ("a..b", "a step without a name, at byte 2"),
            (".a", "a step without a name, at byte 0"),
            ("a.", "ends in a step without a name"),
            ("env[PATH", "no `]` closes what it opens"),
            ("groups{a", "no `}` closes what it opens"),
            ("env]PATH", "a `]` that nothing opened, at byte 3"),
            ("env[a\\]", "no `]` closes what it opens"),
            ("a b", "a space, at byte 1"),
        ] {
            let error = text.parse::<PathGlob>().expect_err(text);
            assert!(error.message.contains(what), "{text:?}: {error}");
            assert_eq!(error.field.as_deref(), Some("path"));
        }
    }
}
