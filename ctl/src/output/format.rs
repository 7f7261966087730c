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
}
