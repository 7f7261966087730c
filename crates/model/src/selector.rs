//! Selectors: which hosts are meant.
//!
//! ```text
//! selector = term { "," term }
//! term     = key ("=" | "==" | "!=") pattern      web-* is a pattern: `*` stands for any text
//!          | key ("in" | "notin") "(" pattern { "," pattern } ")"
//!          | key (">=" | ">" | "<=" | "<") version   kernel>=5.10, distro_version<13
//!          | key | "!" key                        the label or fact is there, or is not
//! ```
//! Every term must hold. A key is a fact ([`FACT_KEYS`]) or a label; the two never share a name.
//! `!=` and `notin` also hold where the key is absent, as in Kubernetes; a comparison does not.
//! Versions are compared part by part, numbers as numbers: `5.9 < 5.10`, `6.1.0-rc2 < 6.1.0-rc10`.

mod clash;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};
use crate::version;

/// The facts a selector can name. `id` and `name` are the host's own; `state` is its state.
pub(crate) const FACT_KEYS: &[&str] = &[
    "id",
    "name",
    "state",
    "os",
    "distro",
    "distro_version",
    "kernel",
    "arch",
    "virtualization",
    "agent_version",
    "cordoned",
];

/// The longest selector text accepted, in bytes.
pub const MAX_SELECTOR_BYTES: usize = 4096;
/// The most patterns in all terms together: bounds the work of one match.
const MAX_PATTERNS: usize = 256;

/// What a selector looks at.
pub trait Subject {
    /// The value of a fact or label, if there is one.
    fn value(&self, key: &str) -> Option<Cow<'_, str>>;
}

/// Which hosts are meant. The default means every host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Selector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Term {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Test {
    Exists,
    Absent,
    In(Vec<Pattern>),
    NotIn(Vec<Pattern>),
    Compare(Comparison, String),
}

/// How a version is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Comparison {
    AtLeast,
    Above,
    AtMost,
    Below,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pattern(String);

impl Selector {
    /// Whether every term holds for `subject`.
    pub fn matches(&self, subject: &impl Subject) -> bool {
        self.terms.iter().all(|term| term.matches(subject))
    }

    /// Whether this means every host.
    pub fn is_all(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms of all these selectors that no host can satisfy together, as they are written:
    /// `os=linux and os=windows`. None where one could; what hosts there are is not asked.
    pub fn clash<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<String> {
        clash::clash(all)
    }

    /// The terms whose keys begin with `prefix`, and all others.
    pub fn split(self, prefix: &str) -> (Self, Self) {
        let (those, others) = self.terms.into_iter().partition(|term| term.key.starts_with(prefix));
        (Self { terms: those }, Self { terms: others })
    }

    /// The keys that the selector looks at, for telling which of them no host has.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().map(|term| term.key.as_str())
    }
}

impl Term {
    fn matches(&self, subject: &impl Subject) -> bool {
        let value = subject.value(&self.key);
        let any = |patterns: &[Pattern]| {
            value.as_deref().is_some_and(|value| patterns.iter().any(|p| p.matches(value)))
        };
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(patterns) => any(patterns),
            Test::NotIn(patterns) => !any(patterns),
            Test::Compare(comparison, bound) => {
                value.is_some_and(|value| comparison.holds(version::compare(&value, bound)))
            }
        }
    }
}

impl Comparison {
    const ALL: [Self; 4] = [Self::AtLeast, Self::AtMost, Self::Above, Self::Below];

    const fn as_str(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::AtMost => "<=",
            Self::Below => "<",
        }
    }

    const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::AtLeast => ordering.is_ge(),
            Self::Above => ordering.is_gt(),
            Self::AtMost => ordering.is_le(),
            Self::Below => ordering.is_lt(),
        }
    }
}

impl Pattern {
    /// Greedy wildcard match with one point of return: linear in practice, quadratic at worst on
    /// texts that are both bounded.
    fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t, mut star) = (0, 0, None);
        while t < text.len() {
            if pattern.get(p) == Some(&b'*') {
                star = Some((p, t));
                p += 1;
            } else if pattern.get(p) == Some(&text[t]) {
                p += 1;
                t += 1;
            } else if let Some((at, from)) = star {
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|c| *c == b'*')
    }
}

impl TryFrom<String> for Selector {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

impl FromStr for Selector {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(problem(text, MAX_SELECTOR_BYTES, "it is longer than 4096 bytes"));
        }
        let mut parser = Parser { text, at: 0, patterns: 0 };
        let mut terms = Vec::new();
        loop {
            terms.push(parser.term()?);
            parser.space();
            if parser.done() {
                return Ok(Self { terms });
            }
            parser.expect(',')?;
        }
    }
}

fn problem(text: &str, at: usize, what: &str) -> Problem {
    let shown: String = text.chars().take(80).collect();
    Problem::new(Code::SelectorInvalid, format!("selector {shown:?}, at byte {at}: {what}"))
        .on("selector")
        .remedy("write terms like os=linux, zone in (a,b), !gpu or name=web-*, joined by commas")
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    patterns: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn done(&self) -> bool {
        self.at == self.text.len()
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn error(&self, what: &str) -> Problem {
        problem(self.text, self.at, what)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, c: char) -> Result<(), Problem> {
        self.space();
        let mut buffer = [0; 4];
        if self.take(c.encode_utf8(&mut buffer)) {
            Ok(())
        } else {
            Err(self.error(&format!("expected `{c}`")))
        }
    }

    fn word(&mut self, allowed: impl Fn(char) -> bool) -> &'a str {
        self.space();
        let rest = self.rest();
        let end = rest.find(|c| !allowed(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn key(&mut self) -> Result<String, Problem> {
        let key = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'));
        if key.is_empty() {
            return Err(self.error("expected a key: a fact such as `os`, or a label"));
        }
        Ok(key.to_owned())
    }

    fn pattern(&mut self) -> Result<Pattern, Problem> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(self.error("more than 256 values"));
        }
        let word = self
            .word(|c| !c.is_whitespace() && !matches!(c, ',' | '(' | ')' | '=' | '!' | '<' | '>'));
        Ok(Pattern(word.to_owned()))
    }

    fn version(&mut self) -> Result<String, Problem> {
        let Pattern(text) = self.pattern()?;
        if text.is_empty() || text.contains('*') {
            return Err(self.error("expected a version to compare with, such as 5.10"));
        }
        Ok(text)
    }

    fn set(&mut self) -> Result<Vec<Pattern>, Problem> {
        self.expect('(')?;
        let mut set = vec![self.pattern()?];
        loop {
            self.space();
            if self.take(")") {
                return Ok(set);
            }
            self.expect(',')?;
            set.push(self.pattern()?);
        }
    }

    fn term(&mut self) -> Result<Term, Problem> {
        self.space();
        if self.take("!") {
            return Ok(Term { key: self.key()?, test: Test::Absent });
        }
        let key = self.key()?;
        self.space();
        let comparison = Comparison::ALL.into_iter().find(|one| self.take(one.as_str()));
        let test = if let Some(comparison) = comparison {
            Test::Compare(comparison, self.version()?)
        } else if self.take("!=") {
            Test::NotIn(vec![self.pattern()?])
        } else if self.take("==") || self.take("=") {
            Test::In(vec![self.pattern()?])
        } else if self.take("notin") {
            Test::NotIn(self.set()?)
        } else if self.take("in") {
            Test::In(self.set()?)
        } else {
            Test::Exists
        };
        Ok(Term { key, test })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |set: &[Pattern]| set.iter().map(|p| p.0.as_str()).collect::<Vec<_>>().join(",");
        for (at, Term { key, test }) in self.terms.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match test {
                Test::Exists => f.write_str(key),
                Test::Absent => write!(f, "!{key}"),
                Test::In(set) if set.len() == 1 => write!(f, "{key}={}", join(set)),
                Test::NotIn(set) if set.len() == 1 => write!(f, "{key}!={}", join(set)),
                Test::Compare(comparison, bound) => {
                    write!(f, "{key}{}{bound}", comparison.as_str())
                }
                Test::In(set) => write!(f, "{key} in ({})", join(set)),
                Test::NotIn(set) => write!(f, "{key} notin ({})", join(set)),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    struct Host(BTreeMap<&'static str, &'static str>);

    impl Subject for Host {
        fn value(&self, key: &str) -> Option<Cow<'_, str>> {
            self.0.get(key).map(|value| Cow::Borrowed(*value))
        }
    }

    #[track_caller]
    fn check(selector: &str, expected: bool) {
        let host = Host(
            [
                ("os", "linux"),
                ("zone", "a"),
                ("name", "web-17"),
                ("empty", ""),
                ("kernel", "6.1.0-rc10"),
            ]
            .into(),
        );
        let parsed: Selector = selector.parse().expect("a selector");
        assert_eq!(parsed.matches(&host), expected, "{selector}");
    }

    #[test]
    fn terms_mean_what_they_say() {
        check("os=linux", true);
        check("os==windows", false);
        check("os!=windows , zone in (a, b)", true);
        check("zone notin (a,b)", false);
        check("rack!=7", true);
        check("!rack,zone", true);
        check("name=web-*", true);
        check("name=*1*", true);
        check("name=web-*8", false);
        check("empty=", true);
        check("rack=", false);
        check("kernel>=6.1, kernel<7", true);
        check("kernel > 6.1.0-rc9", true);
        check("kernel<=6.1.0-rc2", false);
        check("rack>=1", false);
    }

    #[test]
    fn errors_say_where() {
        for (text, at) in [
            ("", 0),
            ("os=linux,", 9),
            ("zone in a", 8),
            ("zone in (a", 10),
            ("=x", 0),
            ("a b", 2),
            ("a>=", 3),
            ("a<1*", 4),
        ] {
            let error = text.parse::<Selector>().expect_err(text);
            assert_eq!(error.code, Code::SelectorInvalid);
            assert!(error.message.contains(&format!("at byte {at}:")), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_selector_or_an_error(text: String) {
            if let Ok(selector) = text.parse::<Selector>() {
                prop_assert_eq!(selector.to_string().parse::<Selector>().expect("prints what it reads"), selector);
            }
        }

        #[test]
        fn what_looks_like_one_is_read(text in "(!?[a-z]{1,4}((=|!=|>=|<| in \\(| notin \\()[a-z*]{0,4}\\)?)?,?){1,4}") {
            let _ = text.parse::<Selector>();
        }

        #[test]
        fn wildcards_agree_with_the_naive_way(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            fn naive(p: &[u8], t: &[u8]) -> bool {
                match p.split_first() {
                    None => t.is_empty(),
                    Some((b'*', rest)) => (0..=t.len()).any(|at| naive(rest, &t[at..])),
                    Some((c, rest)) => t.first() == Some(c) && naive(rest, &t[1..]),
                }
            }
            prop_assert_eq!(Pattern(pattern.clone()).matches(&text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
