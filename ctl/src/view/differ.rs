//! How one output differs from another, at a glance: the lines between what both begin with and
//! what both end with.

/// What is looked at of each output, in bytes: a glance shows a few lines.
const LOOKED_AT: usize = 8 * 1024;

/// A line that only one of the two has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs<'a> {
    /// The first one has it.
    Gone(&'a [u8]),
    /// The second one has it.
    New(&'a [u8]),
}

/// What `a` has and `b` has not, and then the other way round.
pub fn hint<'a>(a: &'a [u8], b: &'a [u8]) -> Vec<Differs<'a>> {
    let (a, b) = (lines(a), lines(b));
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    let gone = a.iter().map(|line| Differs::Gone(line));
    gone.chain(b.iter().map(|line| Differs::New(line))).collect()
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let bytes = &bytes[..bytes.len().min(LOOKED_AT)];
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hinted(a: &str, b: &str) -> String {
        let words = hint(a.as_bytes(), b.as_bytes()).into_iter().map(|line| match line {
            Differs::Gone(line) => format!("-{}", String::from_utf8_lossy(line)),
            Differs::New(line) => format!("+{}", String::from_utf8_lossy(line)),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_is_between_is_told() {
        assert_eq!(hinted("a\nb\nc\n", "a\nx\nc\n"), "-b +x");
        assert_eq!(hinted("a\nc\n", "a\nb\nc\n"), "+b");
        assert_eq!(hinted("a\r\nb", "a\nb\n"), "");
        assert_eq!(hinted("", "new\n"), "+new");
        assert_eq!(hinted("a\na\n", "a\n"), "-a");
    }

    proptest! {
        /// Taking away what is gone and putting in what is new makes the one of the other.
        #[test]
        fn the_hint_is_the_difference(a in "([ab]\n){0,6}", b in "([ab]\n){0,6}") {
            let told = hint(a.as_bytes(), b.as_bytes());
            let gone = told.iter().filter(|line| matches!(line, Differs::Gone(_))).count();
            let new = told.len() - gone;
            prop_assert_eq!(a.lines().count() - gone, b.lines().count() - new);
            prop_assert_eq!(told.is_empty(), a == b);
        }
    }
}
