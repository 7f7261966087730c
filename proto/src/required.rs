//! Fields that a message must have.

use tamer_model::Problem;

/// Takes the value out of a field that must be there.
pub trait Required<T> {
    /// The value, or the problem that names the field.
    fn required(self, field: &str) -> Result<T, Problem>;
}

impl<T> Required<T> for Option<T> {
    fn required(self, field: &str) -> Result<T, Problem> {
        self.ok_or_else(|| Problem::field(field, format!("`{field}` is missing")))
    }
}

/// Reads a field that travels as text.
pub(crate) fn parse<T>(text: &str, field: &str) -> Result<T, Problem>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| Problem::field(field, format!("{error}")))
}

/// Proto3 has no absent text: the empty one stands for it.
pub(crate) fn optional(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
