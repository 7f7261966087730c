//! Names around instances.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Problem;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $field:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = Problem;

            fn from_str(text: &str) -> Result<Self, Problem> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Problem;

            fn try_from(text: String) -> Result<Self, Problem> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    return Ok(Self(text));
                }
                let shown: String = text.chars().take(64).collect();
                Err(Problem::field($field, format!("{shown:?} cannot be used: {}", $rule)))
            }
        }
    };
}

text!(
    /// The name of a provider: `docker`, `podman`, `libvirt`.
    ProviderName, "provider", "use 1 to 32 of a-z 0-9 -, beginning with a letter",
    |text| text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
text!(
    /// What a technology calls an instance for ever: a container's id, a machine's UUID.
    NativeId, "native", "use 1 to 256 bytes without control characters",
    |text| !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control)
);
text!(
    /// What people call an instance. What a technology allows is narrower; it says so itself.
    InstanceName, "name", "use 1 to 255 bytes without control characters or `/`",
    |text| !text.is_empty()
        && text.len() <= 255
        && !text.chars().any(|c| c.is_control() || c == '/')
);
text!(
    /// The name of a checkpoint.
    CheckpointName, "checkpoint", "use 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit",
    |text| (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
        })
);
