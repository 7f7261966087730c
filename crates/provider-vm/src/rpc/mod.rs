//! libvirt, spoken to in its own protocol over its own socket, without its library: an agent
//! starts and works on a machine that has neither.
//!
//! The protocol is that of `docs/kbase/internals/rpc.rst`, `src/rpc/virnetprotocol.x`,
//! `src/remote/remote_protocol.x` and `src/remote/qemu_protocol.x` of libvirt 9.0. Its numbers and
//! structures never change once released, so that any later daemon understands them too.
//!
//! One [`Connection`] carries many calls at once. The daemon works on five calls of one connection
//! at a time (`max_client_requests` of `libvirtd.conf`) and does not read on meanwhile. A caller
//! whose calls may take long, such as commands to a guest agent that hangs, keeps them on a
//! connection of their own; so does one that writes to a console that its guest may not read.

mod agent;
mod connection;
mod domain;
mod error;
mod event;
mod host;
mod network;
mod packet;
mod procedure;
mod snapshot;
mod stats;
mod storage;
mod stream;
mod table;
mod wire;
mod xdr;

#[cfg(unix)]
mod unix;

#[cfg(test)]
mod conversation;

pub use connection::Connection;
pub use domain::{Domain, DomainInfo, GuestAddress, GuestInterface};
pub use error::{RpcError, code};
pub use event::{Event, EventReceiver};
pub use network::Network;
pub use snapshot::Snapshot;
pub use stats::TypedValue;
pub use storage::{Pool, PoolInfo, Volume, VolumeInfo};
pub use stream::{Stream, StreamReader, StreamWriter};
