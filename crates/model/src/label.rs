//! Labels: what people say about their hosts.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::problem::{Code, Problem};
use crate::selector::FACT_KEYS;
use crate::text::text;

/// The most labels one host may carry.
pub const MAX_LABELS: usize = 64;

/// The labels of a host, in the order of their keys.
pub type Labels = BTreeMap<LabelKey, LabelValue>;

text!(
    /// The key of a label: 1 to 63 of `a-z A-Z 0-9 . _ - /`, beginning with a letter. Keys that name
    /// facts (`os`, `arch`, `name` …) are taken: a selector must mean one thing.
    LabelKey
);
text!(
    /// The value of a label: at most 63 of `a-z A-Z 0-9 . _ - / :`; it may be empty.
    LabelValue
);

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

macro_rules! borrowed {
    ($name:ident) => {
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

// Maps of labels are asked by what people wrote.
borrowed!(LabelKey);
borrowed!(LabelValue);
