//! Packets read from and written to a transport.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::RpcError;
use super::packet::{HEADER, LENGTH, MAX_PACKET, Packet};

/// The next packet. [`RpcError::Closed`] when the peer closed, in whatever place. Not cancel-safe.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Packet, RpcError> {
    let mut length = [0; LENGTH];
    if let Err(error) = from.read_exact(&mut length).await {
        return Err(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => RpcError::Closed,
            _ => RpcError::Io(error),
        });
    }
    let length = u32::from_be_bytes(length) as usize;
    if !(LENGTH + HEADER..=LENGTH + MAX_PACKET).contains(&length) {
        return Err(RpcError::Protocol("a packet of an impossible length"));
    }
    let length = length - LENGTH;
    // Grows with what comes: a length alone costs nothing.
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(RpcError::Closed);
    }
    Packet::parse(Bytes::from(bytes))
}

/// Writes a packet. Not cancel-safe.
pub(super) async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    packet: &[u8],
) -> Result<(), RpcError> {
    to.write_all(packet).await?;
    to.flush().await?;
    Ok(())
}
