//! What domains use, many domains in one call.

use super::xdr::{Decode, Encode, Reader, Writer};
use super::{Connection, Domain, RpcError, procedure};

/// A value whose type the daemon chooses (`remote_typed_param_value`).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TypedValue {
    Int(i32),
    UInt(u32),
    Long(i64),
    ULong(u64),
    Double(f64),
    Bool(bool),
    Text(String),
}

impl TypedValue {
    /// The number, when it is one that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::UInt(value) => Some(u64::from(*value)),
            Self::Long(value) => u64::try_from(*value).ok(),
            Self::ULong(value) => Some(*value),
            Self::Double(_) | Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// The text, when it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Int(_)
            | Self::UInt(_)
            | Self::Long(_)
            | Self::ULong(_)
            | Self::Double(_)
            | Self::Bool(_) => None,
        }
    }
}

// The discriminants are `virTypedParameterType` of `include/libvirt/libvirt-common.h`.
impl Encode for TypedValue {
    fn encode(&self, to: &mut Writer) {
        match self {
            Self::Int(value) => (1i32, *value).encode(to),
            Self::UInt(value) => (2i32, *value).encode(to),
            Self::Long(value) => (3i32, *value).encode(to),
            Self::ULong(value) => (4i32, *value).encode(to),
            Self::Double(value) => (5i32, *value).encode(to),
            Self::Bool(value) => (6i32, i32::from(*value)).encode(to),
            Self::Text(value) => (7i32, value).encode(to),
        }
    }
}

impl Decode for TypedValue {
    fn decode(from: &mut Reader<'_>) -> Result<Self, RpcError> {
        match i32::decode(from)? {
            1 => i32::decode(from).map(Self::Int),
            2 => u32::decode(from).map(Self::UInt),
            3 => i64::decode(from).map(Self::Long),
            4 => u64::decode(from).map(Self::ULong),
            5 => f64::decode(from).map(Self::Double),
            6 => Ok(Self::Bool(i32::decode(from)? != 0)),
            7 => String::decode(from).map(Self::Text),
            _ => Err(RpcError::Protocol("a value of an unknown type")),
        }
    }
}

impl Connection {
    /// What these domains use; all domains when none is named. `groups` of
    /// `virDomainStatsTypes`, 0 for all: 1 state, 2 processors, 4 memory, 8 virtual processors,
    /// 16 interfaces, 32 disks. `flags` of `virConnectGetAllDomainStatsFlags`: 1 active ones
    /// only, 2 inactive ones only, `1 << 29` without waiting for a busy domain.
    ///
    /// Names are those of `virConnectGetAllDomainStats`: `cpu.time`, `net.0.rx.bytes`.
    pub async fn stats(
        &self,
        domains: &[Domain],
        groups: u32,
        flags: u32,
    ) -> Result<Vec<(Domain, Vec<(String, TypedValue)>)>, RpcError> {
        let arguments = (domains, groups, flags);
        self.call(procedure::CONNECT_GET_ALL_DOMAIN_STATS, &arguments).await
    }
}
