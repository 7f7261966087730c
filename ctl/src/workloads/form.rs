//! In which form a file is, and what stands apart in it.

use std::path::Path;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// TOML.
    Toml,
    /// YAML, one document or several.
    Yaml,
    /// JSON.
    Json,
}

impl Form {
    /// As the file's name says, and where it does not, as the text looks.
    pub fn of(path: &Path, text: &str) -> Self {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("toml") => Self::Toml,
            Some("yaml" | "yml") => Self::Yaml,
            Some("json") => Self::Json,
            Some(_) | None => Self::guess(text),
        }
    }

    fn guess(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let first = text.lines().find(|line| says_something(line)).unwrap_or_default();
        let before = |one, other| match (first.find(one), first.find(other)) {
            (Some(one), Some(other)) => one < other,
            (one, _) => one.is_some(),
        };
        match first.trim_start() {
            json if json.starts_with('{') => Self::Json,
            table if table.starts_with('[') => Self::Toml,
            _ if before('=', ':') => Self::Toml,
            _ => Self::Yaml,
        }
    }

    /// The documents of a file, each with the number of lines before it. A line that begins with
    /// `---` ends a document of YAML wherever it stands (YAML 1.2.2, 9.1.2), so no parser is needed
    /// to tell them apart, and each keeps its lines.
    pub fn parts(self, text: &str) -> Vec<(usize, &str)> {
        if self != Self::Yaml {
            return vec![(0, text)];
        }
        let mut starts = vec![(0, 0)];
        let mut at = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if number > 0 && divides(line) {
                starts.push((number, at));
            }
            at += line.len();
        }
        let ends = starts.iter().skip(1).map(|(_, at)| *at).chain([text.len()]);
        let parts = starts.iter().zip(ends).map(|(&(number, at), end)| (number, &text[at..end]));
        parts.filter(|(_, part)| part.lines().any(says_something)).collect()
    }
}

fn divides(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a line is more than space, a comment, or what stands between documents.
fn says_something(line: &str) -> bool {
    let line = line.trim();
    !(line.is_empty() || line.starts_with(['#', '%']) || line == "---" || line == "...")
}
