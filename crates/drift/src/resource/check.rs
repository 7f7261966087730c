//! What a resource may be, so that trees and messages stay bounded.

use tamer_model::{Problem, Timestamp};

use super::Resource;
use crate::canonical;

/// How deep lists, sets and maps may lie in each other below a property.
pub const MAX_DEPTH: usize = 8;

/// The most bytes of one resource in canonical form. Four of them fill a message of 1 MiB.
pub const MAX_RESOURCE_BYTES: usize = 256 << 10;

impl Resource {
    /// Whether the resource keeps the bounds; a collector asks before it tells. Says what is
    /// wrong, of which resource, and what to do.
    pub fn check(&self) -> Result<(), Problem> {
        self.check_shape()?;
        self.check_length(canonical::encode(self).len())
    }

    /// All but the length.
    pub(crate) fn check_shape(&self) -> Result<(), Problem> {
        self.check_depth()?;
        self.check_time("created", self.created)?;
        self.check_time("updated", self.updated)
    }

    /// That this many bytes are no more than allowed.
    pub(crate) fn check_length(&self, bytes: usize) -> Result<(), Problem> {
        if bytes <= MAX_RESOURCE_BYTES {
            return Ok(());
        }
        Err(Problem::field(
            "properties",
            format!("{} has {bytes} bytes; a resource has at most {MAX_RESOURCE_BYTES}", self.key),
        )
        .remedy("tell a digest in place of long contents"))
    }

    fn check_depth(&self) -> Result<(), Problem> {
        let deep = self.properties.iter().find(|(_, value)| value.depth() > MAX_DEPTH);
        let Some((name, _)) = deep else { return Ok(()) };
        Err(Problem::field(
            format!("properties.{name}"),
            format!("{:?} of {} is nested more than {MAX_DEPTH} deep", name, self.key),
        )
        .remedy("tell what lies deeper as a text or as a resource of its own"))
    }

    /// Times are told as numbers with a sign among other values.
    fn check_time(&self, field: &str, time: Option<Timestamp>) -> Result<(), Problem> {
        if time.is_none_or(|time| i64::try_from(time.as_millis()).is_ok()) {
            return Ok(());
        }
        Err(Problem::field(field, format!("`{field}` of {} is no time", self.key))
            .remedy("tell milliseconds since the Unix epoch"))
    }
}
