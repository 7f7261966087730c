//! Packets: what travels on the socket (`src/rpc/virnetprotocol.x`).

use bytes::{BufMut, Bytes, BytesMut};

use super::xdr::{self, structure};
use super::{Domain, Network, RpcError, code};

/// The longest packet without its length word (`VIR_NET_MESSAGE_MAX`).
pub(super) const MAX_PACKET: usize = 33_554_432;
/// The length word, which counts itself (`VIR_NET_MESSAGE_LEN_MAX`).
pub(super) const LENGTH: usize = 4;
/// The header after it (`VIR_NET_MESSAGE_HEADER_MAX`).
pub(super) const HEADER: usize = 24;
/// The most data we put into one packet of a stream; every daemon takes that much
/// (`VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX`).
pub(super) const MAX_STREAM_DATA: usize = 262_120;

/// Which part of the daemon a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// `REMOTE_PROGRAM`: nearly everything.
    Remote,
    /// `QEMU_PROGRAM`: what only QEMU has.
    Qemu,
    /// `KEEPALIVE_PROGRAM` (`src/rpc/virkeepaliveprotocol.x`).
    Keepalive,
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    Reply,
    Message,
    Stream,
}

/// How a packet is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    Error,
    Continue,
}

/// What a packet begins with. Every program has version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) program: Program,
    pub(super) procedure: i32,
    pub(super) kind: Kind,
    pub(super) serial: u32,
    pub(super) status: Status,
}

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) header: Header,
    pub(super) payload: Bytes,
}

impl Packet {
    /// The bytes of a packet, with the length word.
    pub(super) fn to_bytes(header: Header, payload: &[u8]) -> Result<Bytes, RpcError> {
        let length = LENGTH + HEADER + payload.len();
        if length > MAX_PACKET {
            return Err(RpcError::TooLong);
        }
        let mut bytes = BytesMut::with_capacity(length);
        bytes.put_u32(length as u32);
        bytes.put_u32(header.program.number());
        bytes.put_u32(1);
        bytes.put_i32(header.procedure);
        bytes.put_u32(header.kind.number());
        bytes.put_u32(header.serial);
        bytes.put_u32(header.status.number());
        bytes.put_slice(payload);
        Ok(bytes.freeze())
    }

    /// The packet that these bytes are, after the length word.
    pub(super) fn parse(mut bytes: Bytes) -> Result<Self, RpcError> {
        if bytes.len() < HEADER {
            return Err(RpcError::Protocol("a packet without a header"));
        }
        let payload = bytes.split_off(HEADER);
        let ((program, version, procedure), (kind, serial, status)) =
            xdr::decode::<((u32, u32, i32), (u32, u32, u32))>(&bytes)?;
        if version != 1 {
            return Err(RpcError::Protocol("another version of the protocol"));
        }
        let header = Header {
            program: Program::from_number(program)?,
            procedure,
            kind: Kind::from_number(kind)?,
            serial,
            status: Status::from_number(status)?,
        };
        Ok(Self { header, payload })
    }
}

impl Program {
    const fn number(self) -> u32 {
        match self {
            Self::Remote => 0x2000_8086,
            Self::Qemu => 0x2000_8087,
            Self::Keepalive => 0x6b65_6570,
        }
    }

    fn from_number(number: u32) -> Result<Self, RpcError> {
        [Self::Remote, Self::Qemu, Self::Keepalive]
            .into_iter()
            .find(|program| program.number() == number)
            .ok_or(RpcError::Protocol("a packet of an unknown program"))
    }
}

impl Kind {
    const fn number(self) -> u32 {
        match self {
            Self::Call => 0,
            Self::Reply => 1,
            Self::Message => 2,
            Self::Stream => 3,
        }
    }

    /// What comes with file descriptors, and holes of sparse streams, nobody sends who was not
    /// asked to.
    fn from_number(number: u32) -> Result<Self, RpcError> {
        [Self::Call, Self::Reply, Self::Message, Self::Stream]
            .into_iter()
            .find(|kind| kind.number() == number)
            .ok_or(RpcError::Protocol("a packet of an unknown type"))
    }
}

impl Status {
    const fn number(self) -> u32 {
        match self {
            Self::Ok => 0,
            Self::Error => 1,
            Self::Continue => 2,
        }
    }

    fn from_number(number: u32) -> Result<Self, RpcError> {
        [Self::Ok, Self::Error, Self::Continue]
            .into_iter()
            .find(|status| status.number() == number)
            .ok_or(RpcError::Protocol("a packet of an unknown status"))
    }
}

/// `virNetMessageError`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RemoteError {
    pub(super) code: i32,
    pub(super) domain: i32,
    pub(super) message: Option<String>,
    pub(super) level: i32,
    pub(super) about: Option<Domain>,
    pub(super) str1: Option<String>,
    pub(super) str2: Option<String>,
    pub(super) str3: Option<String>,
    pub(super) int1: i32,
    pub(super) int2: i32,
    pub(super) network: Option<Network>,
}
structure!(RemoteError {
    code,
    domain,
    message,
    level,
    about,
    str1,
    str2,
    str3,
    int1,
    int2,
    network
});

/// The error that the payload of a refusal is.
pub(super) fn refusal(payload: &[u8]) -> Result<RpcError, RpcError> {
    let RemoteError { code, domain, message, .. } = xdr::decode(payload)?;
    let message = message.unwrap_or_else(|| "the daemon gave no reason".to_owned());
    // What an older daemon does not have it calls an error of the transport; libvirt's own client
    // says the same of it as this (`src/rpc/virnetclientstream.c`).
    let unknown = code == code::VIR_ERR_RPC && message.starts_with("unknown procedure");
    let code = if unknown { code::VIR_ERR_NO_SUPPORT } else { code };
    Ok(RpcError::Remote { code, domain, message })
}
