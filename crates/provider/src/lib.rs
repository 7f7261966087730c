//! The provider contract: what the agent asks of a technology that runs things, and what it gets.
//!
//! A provider is an adapter for one technology on one host. It owns the connection to that
//! technology and nothing else: no cache, no retries, no limits of its own. Those are the same for
//! all and live in [`supervise`]. The contract is made of plain values and streams of plain
//! values, so that it can be said again as an interface without Rust in it.
//!
//! - Everything is asynchronous, and dropping a future cancels what can be cancelled.
//! - A provider says what its technology cannot do in [`Provider::probe`], and refuses it with
//!   [`FaultKind::Unsupported`] when it is asked anyway.
//! - Asking for what is already so is done, not an error: starting what runs, stopping what does
//!   not. Removing what is not there is [`FaultKind::NotFound`].

#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
mod exec;
#[cfg(feature = "fake")]
pub mod fake;
mod fault;
mod options;
pub mod registry;
pub mod supervise;

pub use contract::{
    EventStream, Image, ImageSource, LogChunk, LogStream, Probe, Progress, ProgressSink, Provider,
    ProviderEvent,
};
pub use exec::{ExecInput, ExecOutput, ExecSession, MAX_EXEC_CHUNK};
pub use fault::{Fault, FaultKind};
pub use options::{OptionKind, OptionSpec, Options};

/// What a call of a provider returns.
pub type Result<T> = std::result::Result<T, Fault>;
