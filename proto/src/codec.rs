//! The codec of every call: prost's, with small buffers.
//!
//! tonic gives each direction of each call a buffer of 8 KiB for as long as the call lasts, and an
//! agent's session lasts for days. Messages are most often under 1 KiB; a buffer grows for those
//! that are not.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// Bytes that a buffer begins with.
const BUFFER: usize = 512;
/// Encoded bytes from which on they are sent without waiting for more.
const SEND_AT: usize = 32 * 1024;

/// See the module.
#[derive(Debug, Clone)]
pub struct SmallBuffers<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SmallBuffers<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Message + Send + 'static, U: Message + Default + Send + 'static> Codec
    for SmallBuffers<T, U>
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::new(BUFFER, SEND_AT))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::new(BUFFER, SEND_AT))
    }
}
