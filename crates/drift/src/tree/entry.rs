//! What trees are made of.

use std::fmt;

use tamer_model::Problem;

use crate::canonical::{Malformed, Reader, Writer, key_bytes, read_body, read_key, write_body};
use crate::digest::Domain;
use crate::resource::{Resource, ResourceKey};

/// The most bytes of a key in a tree: a resource's kind, source, a zero and its id.
pub(crate) const MAX_KEY_BYTES: usize =
    2 + crate::resource::Source::MAX_BYTES + crate::resource::MAX_ID_BYTES;

/// What a tree's leaves hold. Keys become bytes that sort as the keys do.
pub trait Entry: Sized {
    /// What it is found by.
    type Key: Clone + Ord + fmt::Display;

    /// What sort of nodes hold it.
    const DOMAIN: Domain;

    /// What it is found by.
    fn key(&self) -> &Self::Key;

    /// A key as bytes.
    fn key_bytes(key: &Self::Key) -> Vec<u8>;

    /// The key of these bytes.
    fn read_key(bytes: &[u8]) -> Result<Self::Key, Malformed>;

    /// All but the key in canonical form. Says what is wrong with an entry that is outside its
    /// bounds.
    fn body(&self) -> Result<Vec<u8>, Problem>;

    /// The entry of a key and a body, if they are canonical and within bounds.
    fn read(key: &[u8], body: &[u8]) -> Result<Self, Malformed>;
}

impl Entry for Resource {
    type Key = ResourceKey;

    const DOMAIN: Domain = Domain::HOST;

    fn key(&self) -> &ResourceKey {
        &self.key
    }

    fn key_bytes(key: &ResourceKey) -> Vec<u8> {
        key_bytes(key)
    }

    fn read_key(bytes: &[u8]) -> Result<ResourceKey, Malformed> {
        read_key(bytes)
    }

    fn body(&self) -> Result<Vec<u8>, Problem> {
        self.check_shape()?;
        let mut to = Writer::new();
        write_body(&mut to, self);
        let body = to.into_bytes();
        self.check_length(body.len())?;
        Ok(body)
    }

    fn read(key: &[u8], body: &[u8]) -> Result<Self, Malformed> {
        let key = read_key(key)?;
        let mut from = Reader::new(body);
        if body.len() > crate::MAX_RESOURCE_BYTES {
            return Err(from.refuse("a resource longer than one may be"));
        }
        let resource = read_body(&mut from, key)?;
        from.end()?;
        Ok(resource)
    }
}
