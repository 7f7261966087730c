//! The formats of an answer.

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table that fits the terminal
    Table,
    /// A table with every column
    Wide,
    /// JSON; its keys are a stable contract
    Json,
    /// JSON on one line: what happens as it happens, or an item of a list each; a stable contract
    Jsonl,
    /// The same as YAML
    Yaml,
    /// A markdown document; only what `drift` reports
    Markdown,
    /// One page of HTML to mail around; only what `drift` reports
    Html,
}

impl Format {
    /// Whether it is a document, which only reports can be.
    pub const fn is_document(self) -> bool {
        matches!(self, Self::Markdown | Self::Html)
    }
}
