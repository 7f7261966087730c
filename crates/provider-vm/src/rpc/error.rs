//! What can go wrong with a call, and the daemon's own numbers for it.

use std::io;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The socket could not be opened, read or written.
    #[error("the connection to the libvirt daemon failed")]
    Io(#[from] io::Error),
    /// The connection is closed: by us, or by a daemon that ended. Whether the call was done is
    /// not known.
    #[error("the connection to the libvirt daemon is closed")]
    Closed,
    /// The peer said something that the protocol does not allow, or we were asked to.
    #[error("not the libvirt protocol: {0}")]
    Protocol(&'static str),
    /// The daemon wants a proof of who we are that we cannot give.
    #[error("the libvirt daemon does not let us in: {0}")]
    Auth(&'static str),
    /// The daemon did not do it and says why.
    #[error("{message}")]
    Remote {
        /// One of the [`code`] constants, or another of `virErrorNumber`.
        code: i32,
        /// Which part of libvirt it comes from: a number of `virErrorDomain`.
        domain: i32,
        /// In the daemon's words.
        message: String,
    },
    /// A text or a message longer than the protocol allows; the text was not sent.
    #[error("longer than the libvirt protocol allows")]
    TooLong,
    /// The reader of a stream did not keep up with the daemon; the stream was given up.
    #[error("a stream of the libvirt daemon was not read in time")]
    Overrun,
}

impl RpcError {
    /// The daemon's number, when it is the daemon that refused.
    pub const fn code(&self) -> Option<i32> {
        match self {
            Self::Remote { code, .. } => Some(*code),
            Self::Io(_)
            | Self::Closed
            | Self::Protocol(_)
            | Self::Auth(_)
            | Self::TooLong
            | Self::Overrun => None,
        }
    }

    /// The same error for somebody else whom it concerns.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Io(_) | Self::Closed => Self::Closed,
            Self::Protocol(what) => Self::Protocol(what),
            Self::Auth(why) => Self::Auth(why),
            Self::Remote { code, domain, message } => {
                Self::Remote { code: *code, domain: *domain, message: message.clone() }
            }
            Self::TooLong => Self::TooLong,
            Self::Overrun => Self::Overrun,
        }
    }
}

/// The numbers of `virErrorNumber` that somebody may want to tell apart
/// (`include/libvirt/virterror.h`, names as there).
#[expect(missing_docs, reason = "virterror.h documents them")]
pub mod code {
    pub const VIR_ERR_INTERNAL_ERROR: i32 = 1;
    pub const VIR_ERR_NO_MEMORY: i32 = 2;
    pub const VIR_ERR_NO_SUPPORT: i32 = 3;
    pub const VIR_ERR_NO_CONNECT: i32 = 5;
    pub const VIR_ERR_INVALID_CONN: i32 = 6;
    pub const VIR_ERR_INVALID_DOMAIN: i32 = 7;
    pub const VIR_ERR_INVALID_ARG: i32 = 8;
    pub const VIR_ERR_OPERATION_FAILED: i32 = 9;
    pub const VIR_ERR_XML_ERROR: i32 = 27;
    pub const VIR_ERR_DOM_EXIST: i32 = 28;
    pub const VIR_ERR_OPERATION_DENIED: i32 = 29;
    pub const VIR_ERR_SYSTEM_ERROR: i32 = 38;
    pub const VIR_ERR_RPC: i32 = 39;
    pub const VIR_ERR_NO_DOMAIN: i32 = 42;
    pub const VIR_ERR_NO_NETWORK: i32 = 43;
    pub const VIR_ERR_AUTH_FAILED: i32 = 45;
    pub const VIR_ERR_INVALID_STORAGE_POOL: i32 = 46;
    pub const VIR_ERR_INVALID_STORAGE_VOL: i32 = 47;
    pub const VIR_ERR_NO_STORAGE_POOL: i32 = 49;
    pub const VIR_ERR_NO_STORAGE_VOL: i32 = 50;
    pub const VIR_ERR_OPERATION_INVALID: i32 = 55;
    pub const VIR_ERR_CONFIG_UNSUPPORTED: i32 = 67;
    pub const VIR_ERR_OPERATION_TIMEOUT: i32 = 68;
    pub const VIR_ERR_INVALID_DOMAIN_SNAPSHOT: i32 = 71;
    pub const VIR_ERR_NO_DOMAIN_SNAPSHOT: i32 = 72;
    pub const VIR_ERR_INVALID_STREAM: i32 = 73;
    pub const VIR_ERR_ARGUMENT_UNSUPPORTED: i32 = 74;
    pub const VIR_ERR_SNAPSHOT_REVERT_RISKY: i32 = 77;
    pub const VIR_ERR_OPERATION_ABORTED: i32 = 78;
    pub const VIR_ERR_AUTH_CANCELLED: i32 = 79;
    pub const VIR_ERR_NO_DOMAIN_METADATA: i32 = 80;
    pub const VIR_ERR_OPERATION_UNSUPPORTED: i32 = 84;
    pub const VIR_ERR_AGENT_UNRESPONSIVE: i32 = 86;
    pub const VIR_ERR_RESOURCE_BUSY: i32 = 87;
    pub const VIR_ERR_ACCESS_DENIED: i32 = 88;
    pub const VIR_ERR_STORAGE_VOL_EXIST: i32 = 90;
    pub const VIR_ERR_CPU_INCOMPATIBLE: i32 = 91;
    pub const VIR_ERR_XML_INVALID_SCHEMA: i32 = 92;
    pub const VIR_ERR_AUTH_UNAVAILABLE: i32 = 94;
    pub const VIR_ERR_AGENT_UNSYNCED: i32 = 97;
}
