//! Lines of text whose parts have a tone. The printer drops the tones where colours are not
//! wanted.

use anstyle::{AnsiColor, Style};

use super::width;

/// What a part of a line says, apart from its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// A heading.
    Strong,
    /// All is well.
    Good,
    /// Under way, or worth a look.
    Busy,
    /// Something failed.
    Bad,
    /// Beside the point.
    Dim,
}

impl Tone {
    /// `text` in this tone, with escape sequences.
    pub fn paint(self, text: &str) -> String {
        let style = match self {
            Self::Plain => return text.to_owned(),
            Self::Strong => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Busy => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Dim => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }

    /// The tone of a state's word: of a host, a batch, a task or a token.
    pub fn of_state(state: &str) -> Self {
        match state {
            "ready" | "succeeded" | "usable" | "done" | "completed" => Self::Good,
            "pending" | "dispatched" | "running" => Self::Busy,
            "lost" | "failed" | "timed_out" | "interrupted" | "never_started" => Self::Bad,
            _ => Self::Plain,
        }
    }
}

/// One line, in parts. The parts hold no control characters: who makes one escapes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line(Vec<(Tone, String)>);

impl Line {
    /// A line of one part.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self(vec![(tone, text.into())])
    }

    /// A line without a tone.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }

    /// Adds a part.
    #[must_use]
    pub fn and(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push((tone, text.into()));
        self
    }

    /// Adds another line's parts.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The columns that it takes.
    pub fn columns(&self) -> usize {
        self.0.iter().map(|(_, text)| width::of(text)).sum()
    }

    /// The text with escape sequences for its tones.
    pub fn painted(&self) -> String {
        self.0.iter().map(|(tone, text)| tone.paint(text)).collect()
    }

    /// The text alone.
    pub fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// As much of the line as fits `columns`.
    #[must_use]
    pub fn fit(self, columns: usize) -> Self {
        let mut left = columns;
        let parts = self.0.into_iter().filter_map(|(tone, text)| {
            let text = if left == 0 { String::new() } else { width::fit(&text, left) };
            left -= width::of(&text).min(left);
            (!text.is_empty()).then_some((tone, text))
        });
        Self(parts.collect())
    }

    /// The lines as one text, each ended, with escape sequences.
    pub fn join(lines: &[Self]) -> String {
        lines.iter().map(|line| line.painted() + "\n").collect()
    }
}
