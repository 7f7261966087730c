//! Who may tell an account of drift in other words. Nobody, unless this is written down.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[explain]` of a context: a language model that `tamerctl drift explain --rewrite` may ask.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Explain {
    /// Where it answers, without the `/chat/completions` behind it: `https://api.example.com/v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// What it is called there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The file that holds its key, which only its owner can read; none where none is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// How long its answer may take, as `30s`; at most and by default 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}
