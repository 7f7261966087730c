//! The wire contract `tamer.v1` and the only conversions between wire and model.
//!
//! Programs import this crate and nobody else does. `wire` holds the generated types; everything
//! that leaves a program's edge is a type of `tamer-model`: wire to model is `TryFrom` and names
//! the field it cannot accept, model to wire is `From`.

mod batch;
mod codec;
mod command;
mod control;
mod facts;
mod files;
mod instance;
mod problem;
mod required;
mod rollout;
mod schedule;
mod task;
mod work;
mod workload;

pub use control::{HostView, TokenView, labels_in, labels_out};
pub use instance::FleetInstanceView;
pub use problem::{problem_of, status_of};
pub use required::Required;
pub use work::{start_task, work_of};

/// The generated types.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::large_enum_variant,
    clippy::allow_attributes,
    reason = "generated; documented in the .proto files"
)]
pub mod wire {
    tonic::include_proto!("tamer.v1");

    /// The encoded `FileDescriptorSet` of the package.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tamer.v1.bin"));
}

/// The major version of the wire contract: the `v1` of `tamer.v1`.
pub const WIRE_MAJOR: u32 = 1;

/// The minor version of `tamer.v1` that this build speaks. Raised when a message gains a meaning
/// that an older peer would miss; a peer one behind must still be served.
pub const WIRE_MINOR: u32 = 5;

/// The longest message either side of a session or of a control call accepts, in bytes. A task's
/// end with both kept streams at their limit is 1 MiB and a little.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The longest message a caller without a certificate may send, in bytes: a certificate request
/// is under 1 KiB, facts a few.
pub const MAX_ENROL_MESSAGE: usize = 64 * 1024;
