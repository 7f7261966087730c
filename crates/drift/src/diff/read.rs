//! Reads paths as people write them.

use std::iter::Peekable;
use std::str::{Chars, FromStr};

use tamer_model::Problem;

use super::path::{Part, Path, Root, is_plain_char};

impl FromStr for Path {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let mut chars = text.chars().peekable();
        let root = match chars.next_if_eq(&'@') {
            Some(_) => {
                let word = format!("@{}", plain(&mut chars));
                Root::ALL.into_iter().find(|root| root.as_str() == word)
            }
            None => Some(Root::Properties),
        };
        let root = root.ok_or_else(|| {
            invalid(text, "has an unknown word after `@`")
                .remedy("use @name, @tags, @created, @updated, @depends_on or @parent")
        })?;
        let parts = read_parts(text, root, &mut chars)?;
        if root.allows(&parts) {
            return Ok(Self { root, parts });
        }
        Err(invalid(text, "leads nowhere").remedy(
            "write it as `version`, `ports[80/tcp].state`, \
            `groups{docker}`, `args#2`, `@name` or `@tags.env`",
        ))
    }
}

fn read_parts(
    text: &str,
    root: Root,
    chars: &mut Peekable<Chars<'_>>,
) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    if root == Root::Properties && chars.peek().copied().is_some_and(is_plain_char) {
        parts.push(Part::Key(plain(chars)));
    }
    while let Some(begin) = chars.next() {
        parts.push(match begin {
            '.' => Part::Key(plain(chars)),
            '[' => Part::Key(enclosed(text, chars, ']')?),
            '{' => Part::Member(enclosed(text, chars, '}')?),
            '#' => Part::Index(plain(chars).parse().map_err(|_| {
                invalid(text, "has no number after `#`").remedy("write a place as `#0`")
            })?),
            _other => {
                return Err(invalid(text, &format!("has {begin:?} where a part begins"))
                    .remedy("begin a part with `.`, `[`, `{` or `#`"));
            }
        });
        if parts.last() == Some(&Part::Key(String::new())) && begin == '.' {
            return Err(invalid(text, "has no name after `.`").remedy("write `.name` or `[name]`"));
        }
    }
    Ok(parts)
}

fn plain(chars: &mut Peekable<Chars<'_>>) -> String {
    std::iter::from_fn(|| chars.next_if(|c| is_plain_char(*c))).collect()
}

fn enclosed(text: &str, chars: &mut Peekable<Chars<'_>>, close: char) -> Result<String, Problem> {
    let mut inner = String::new();
    while let Some(c) = chars.next() {
        match c {
            c if c == close => return Ok(inner),
            '\\' => inner.extend(chars.next()),
            c => inner.push(c),
        }
    }
    Err(invalid(text, &format!("has no closing `{close}`")).remedy(format!("add `{close}`")))
}

fn invalid(text: &str, what: &str) -> Problem {
    let text: String = text.chars().take(128).collect();
    Problem::field("path", format!("the path {text:?} {what}"))
}
