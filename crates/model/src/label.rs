//! Labels: what people say about their hosts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};
use crate::selector::FACT_KEYS;

/// The most labels one host may carry.
pub const MAX_LABELS: usize = 64;

/// The labels of a host, in the order of their keys.
pub type Labels = BTreeMap<LabelKey, LabelValue>;

/// The key of a label: 1 to 63 of `a-z A-Z 0-9 . _ - /`, beginning with a letter. Keys that name
/// facts (`os`, `arch`, `name` …) are taken: a selector must mean one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LabelKey(String);

/// The value of a label: at most 63 of `a-z A-Z 0-9 . _ - / :`; it may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LabelValue(String);

fn bad(field: &str, message: String) -> Problem {
    Problem::new(Code::LabelInvalid, message).on(field)
}

impl TryFrom<String> for LabelKey {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if text.len() > 63 || !begins || !text.chars().all(ok) {
            let message = format!(
                "{:?} is not a label key: use 1 to 63 of a-z A-Z 0-9 . _ - /, beginning with a letter",
                text.chars().take(64).collect::<String>()
            );
            return Err(bad("labels", message));
        }
        if FACT_KEYS.contains(&text.as_str()) {
            let message = format!(
                "`{text}` is a fact that every host tells, not a label: choose another key"
            );
            return Err(bad("labels", message));
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for LabelValue {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':');
        if text.len() > 63 || !text.chars().all(ok) {
            let message = format!(
                "{:?} is not a label value: use at most 63 of a-z A-Z 0-9 . _ - / :",
                text.chars().take(64).collect::<String>()
            );
            return Err(bad("labels", message));
        }
        Ok(Self(text))
    }
}

macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Problem;

            fn from_str(text: &str) -> Result<Self, Problem> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text!(LabelKey);
text!(LabelValue);
