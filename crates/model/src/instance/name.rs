//! Names around instances.

use crate::Problem;
use crate::text::text;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $field:literal, $rule:literal, $valid:expr) => {
        text!($(#[$doc])* $name);

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

name!(
    /// The name of a provider: `docker`, `podman`, `libvirt`.
    ProviderName, "provider", "use 1 to 32 of a-z 0-9 -, beginning with a letter",
    |text| text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
name!(
    /// What a technology calls an instance for ever: a container's id, a machine's UUID.
    NativeId, "native", "use 1 to 256 bytes without control characters",
    |text| !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control)
);
name!(
    /// What people call an instance. What a technology allows is narrower; it says so itself.
    InstanceName, "name", "use 1 to 255 bytes without control characters or `/`",
    |text| !text.is_empty()
        && text.len() <= 255
        && !text.chars().any(|c| c.is_control() || c == '/')
);
name!(
    /// The name of a checkpoint.
    CheckpointName, "checkpoint", "use 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit",
    |text| (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
        })
);
