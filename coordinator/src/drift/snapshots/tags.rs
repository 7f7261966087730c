//! What may be a tag.

use std::collections::BTreeMap;

use tamer_model::Problem;

const MAX_TAGS: usize = 32;
const MAX_TAG_KEY: usize = 64;
const MAX_TAG_VALUE: usize = 256;

/// Refuses tags that cannot be: they are shown in tables and written in commands.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Problem> {
    if tags.len() > MAX_TAGS {
        return Err(Problem::field(
            "tags",
            format!("{} of them, more than {MAX_TAGS}", tags.len()),
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    for (key, value) in tags {
        if key.is_empty() || key.len() > MAX_TAG_KEY || !key.chars().all(plain) {
            let key: String = key.chars().take(64).collect();
            return Err(Problem::field("tags", format!("{key:?} is no key of a tag"))
                .remedy("use 1 to 64 letters, digits, `.`, `_`, `-` and `/`"));
        }
        if value.len() > MAX_TAG_VALUE || value.chars().any(char::is_control) {
            return Err(Problem::field(
                "tags",
                format!("the value of {key:?} is no text of 256 bytes"),
            ));
        }
    }
    Ok(())
}
