//! One content, one encoding.
//!
//! Numbers are LEB128 in their shortest form, with the sign in the lowest bit where there is one;
//! texts are a length and UTF-8; maps and sets are in strictly rising order; a value begins with a
//! byte that says its sort. The first byte of anything that stands alone is a version. A reader
//! refuses all else, so two encodings that differ differ in content.

mod read;
mod resource;
mod write;

use crate::digest::{Digest, Domain};
use crate::resource::Resource;

pub use read::Malformed;
pub(crate) use read::Reader;
pub(crate) use resource::{key_bytes, read_body, read_key, read_value, write_body, write_value};
pub(crate) use write::Writer;

/// The version that is written, and the only one that is read.
pub const VERSION: u8 = 1;

/// The one encoding of a resource.
pub fn encode(resource: &Resource) -> Vec<u8> {
    let mut to = Writer::new();
    to.byte(VERSION);
    to.bytes(&key_bytes(&resource.key));
    write_body(&mut to, resource);
    to.into_bytes()
}

/// The resource of an encoding. Refuses bytes that [`encode`] does not make, and resources
/// outside the bounds of [`Resource::check`].
pub fn decode(bytes: &[u8]) -> Result<Resource, Malformed> {
    let mut from = Reader::new(bytes);
    from.version(VERSION)?;
    if bytes.len() > crate::MAX_RESOURCE_BYTES {
        return Err(from.refuse("is longer than a resource may be"));
    }
    let key = from.bytes()?;
    let key = read_key(key)?;
    let resource = read_body(&mut from, key)?;
    from.end()?;
    Ok(resource)
}

/// The name of a resource's content: the same for the same resource on any host at any time.
pub fn digest(resource: &Resource) -> Digest {
    Digest::of(Domain::RESOURCE, &encode(resource))
}
