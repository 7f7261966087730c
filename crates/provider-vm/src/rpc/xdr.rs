//! XDR (RFC 4506), as far as libvirt uses it: every number takes four or eight bytes, texts and
//! lists begin with their length, and texts are filled up with zeros to four bytes.
//!
//! What is decoded is bounded by the message it is in: a list grows by what was decoded, never by
//! the length that it claims.

use super::RpcError;

/// The longest text, in bytes (`REMOTE_STRING_MAX` of `src/remote/remote_protocol.x`).
pub const MAX_STRING: usize = 4_194_304;
/// The longest list of any kind (`REMOTE_CONNECT_GET_ALL_DOMAIN_STATS_MAX`; lists of domains and
/// their like are bounded at 16384 by the daemon).
pub const MAX_LIST: usize = 262_144;

/// What a message is written into.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    refused: Option<Refused>,
}

#[derive(Debug, Clone, Copy)]
enum Refused {
    TooLong,
    Nul,
}

/// What a message is read from.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

/// A value that can be written.
pub trait Encode {
    /// Writes it.
    fn encode(&self, to: &mut Writer);
}

/// A value that can be read.
pub trait Decode: Sized {
    /// Reads it, and leaves what comes after it.
    fn decode(from: &mut Reader<'_>) -> Result<Self, RpcError>;
}

/// The bytes of a value. [`RpcError::TooLong`] when the daemon would not take it.
pub fn encode(value: &(impl Encode + ?Sized)) -> Result<Vec<u8>, RpcError> {
    let mut to = Writer::default();
    value.encode(&mut to);
    match to.refused {
        None => Ok(to.bytes),
        Some(Refused::TooLong) => Err(RpcError::TooLong),
        Some(Refused::Nul) => Err(RpcError::Protocol("a text holds a NUL byte")),
    }
}

/// The value that all these bytes are.
pub fn decode<T: Decode>(bytes: &[u8]) -> Result<T, RpcError> {
    let mut from = Reader(bytes);
    let value = T::decode(&mut from)?;
    if from.0.is_empty() { Ok(value) } else { Err(RpcError::Protocol("a message is too long")) }
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], RpcError> {
        let (head, rest) =
            self.0.split_first_chunk().ok_or(RpcError::Protocol("a message is too short"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn length(&mut self, most: usize) -> Result<usize, RpcError> {
        let length = u32::decode(self)? as usize;
        if length > most { Err(RpcError::TooLong) } else { Ok(length) }
    }
}

impl Writer {
    fn length(&mut self, length: usize, most: usize) {
        if length > most {
            self.refused = Some(Refused::TooLong);
        }
        // What was refused is never sent, so that a length cut short harms nobody.
        (length as u32).encode(self);
    }
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Encode for $type {
            fn encode(&self, to: &mut Writer) {
                to.bytes.extend_from_slice(&self.to_be_bytes());
            }
        }
        impl Decode for $type {
            fn decode(from: &mut Reader<'_>) -> Result<Self, RpcError> {
                Ok(Self::from_be_bytes(from.take()?))
            }
        }
    )*};
}
number!(u32, i32, u64, i64, f64);

impl Encode for str {
    fn encode(&self, to: &mut Writer) {
        to.length(self.len(), MAX_STRING);
        if self.as_bytes().contains(&0) {
            // The daemon's texts end at a NUL: it would understand another one.
            to.refused = Some(Refused::Nul);
        }
        to.bytes.extend_from_slice(self.as_bytes());
        to.bytes.resize(to.bytes.len().next_multiple_of(4), 0);
    }
}

impl Encode for String {
    fn encode(&self, to: &mut Writer) {
        self.as_str().encode(to);
    }
}

impl Decode for String {
    fn decode(from: &mut Reader<'_>) -> Result<Self, RpcError> {
        let length = from.length(MAX_STRING)?;
        let filled = length.next_multiple_of(4);
        if filled > from.0.len() {
            return Err(RpcError::Protocol("a text is longer than its message"));
        }
        let (text, rest) = from.0.split_at(filled);
        from.0 = rest;
        // Paths and names of a host need not be UTF-8; one that is not must not hide the others.
        Ok(Self::from_utf8_lossy(&text[..length]).into_owned())
    }
}

impl Encode for [u8; 16] {
    fn encode(&self, to: &mut Writer) {
        to.bytes.extend_from_slice(self);
    }
}

impl Decode for [u8; 16] {
    fn decode(from: &mut Reader<'_>) -> Result<Self, RpcError> {
        from.take()
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, to: &mut Writer) {
        (**self).encode(to);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, to: &mut Writer) {
        u32::from(self.is_some()).encode(to);
        if let Some(value) = self {
            value.encode(to);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(from: &mut Reader<'_>) -> Result<Self, RpcError> {
        match u32::decode(from)? {
            0 => Ok(None),
            1 => T::decode(from).map(Some),
            _ => Err(RpcError::Protocol("neither there nor absent")),
        }
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, to: &mut Writer) {
        to.length(self.len(), MAX_LIST);
        for value in self {
            value.encode(to);
        }
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, to: &mut Writer) {
        self.as_slice().encode(to);
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(from: &mut Reader<'_>) -> Result<Self, RpcError> {
        (0..from.length(MAX_LIST)?).map(|_| T::decode(from)).collect::<Result<_, _>>()
    }
}

impl Encode for () {
    fn encode(&self, _: &mut Writer) {}
}

impl Decode for () {
    fn decode(_: &mut Reader<'_>) -> Result<Self, RpcError> {
        Ok(())
    }
}

macro_rules! tuple {
    ($($name:ident)*) => {
        #[expect(non_snake_case, reason = "type names name the fields")]
        impl<$($name: Encode),*> Encode for ($($name,)*) {
            fn encode(&self, to: &mut Writer) {
                let ($($name,)*) = self;
                $($name.encode(to);)*
            }
        }
        impl<$($name: Decode),*> Decode for ($($name,)*) {
            fn decode(from: &mut Reader<'_>) -> Result<Self, RpcError> {
                Ok(($($name::decode(from)?,)*))
            }
        }
    };
}
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);

/// A structure is its fields, one after the other.
macro_rules! structure {
    ($name:ident { $($field:ident),* }) => {
        impl $crate::rpc::xdr::Encode for $name {
            fn encode(&self, to: &mut $crate::rpc::xdr::Writer) {
                let Self { $($field),* } = self;
                $($crate::rpc::xdr::Encode::encode($field, to);)*
            }
        }
        impl $crate::rpc::xdr::Decode for $name {
            fn decode(
                from: &mut $crate::rpc::xdr::Reader<'_>,
            ) -> Result<Self, $crate::rpc::RpcError> {
                $(let $field = $crate::rpc::xdr::Decode::decode(from)?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}
pub(crate) use structure;

#[cfg(test)]
mod tests;
