//! Answers for scripts.

use serde::Serialize;
use tamer_model::{Code, Problem};

use crate::errors::Failure;

/// `value` as indented JSON with a final newline.
pub fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map(ended).map_err(fault)
}

/// `value` as JSON on one line with a final newline.
pub fn json_line<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map(ended).map_err(fault)
}

/// `value` as JSON on one line, or each of its items when it is a list.
pub fn json_lines<T: Serialize>(value: &T) -> Result<String, Failure> {
    match serde_json::to_value(value).map_err(fault)? {
        serde_json::Value::Array(items) => items.iter().map(json_line).collect(),
        one => json_line(&one),
    }
}

/// `value` as YAML with a final newline.
pub fn yaml<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map(ended).map_err(fault)
}

fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn fault(error: impl std::error::Error) -> Failure {
    Problem::new(Code::Internal, format!("the answer cannot be written: {error}")).into()
}
