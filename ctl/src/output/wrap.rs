//! Prose in lines that fit.

use super::{Line, Tone, width};
use crate::view::escape;

/// Below this many columns prose is not broken: it would be a column of words.
const NARROWEST: usize = 30;

/// `text` in lines within `columns`, the first after `first` and the others indented as far; one
/// line where there is no limit.
pub fn wrap(first: &str, tone: Tone, text: &str, columns: Option<usize>) -> Vec<Line> {
    let text = escape::text(text);
    let indent = width::of(first);
    let room = columns.map_or(usize::MAX, |columns| columns.max(NARROWEST).saturating_sub(indent));
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width::of(line) + 1 + width::of(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    let before = |at| if at == 0 { first.to_owned() } else { " ".repeat(indent) };
    let lines = lines.into_iter().enumerate();
    lines.map(|(at, line)| Line::plain(before(at)).and(tone, line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_broken_between_words() {
        let told = |columns| {
            let lines =
                wrap("- ", Tone::Plain, "one two  three four five six seven eight", columns);
            lines.iter().map(Line::text).collect::<Vec<_>>()
        };
        assert_eq!(told(Some(32)), ["- one two three four five six", "  seven eight"]);
        assert_eq!(told(Some(3)), ["- one two three four five six", "  seven eight"]);
        assert_eq!(told(None).len(), 1);
        assert_eq!(wrap("", Tone::Plain, "", None), Vec::new());
    }
}
