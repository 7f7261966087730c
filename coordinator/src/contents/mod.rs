//! The contents of scripts and files that batches carry, in a folder of their own.
//!
//! ```text
//! DATA/contents/3f/3f91….       a whole content: its name is the SHA-256 of its bytes
//! DATA/contents/3f/3f91….part   what came so far of one that is being sent, or was cut
//! ```
//!
//! A file without `.part` was checked against its name and synced before it got it, so what is
//! there is right, whatever the process died of. [`shelf`] knows what there is and who may write;
//! [`writer`] and [`reader`] move the bytes, off the threads that serve; [`carry`] joins them to
//! the streams of a call.

mod brought;
pub mod carry;
mod folder;
mod limits;
mod reader;
mod shelf;
mod writer;

#[cfg(test)]
mod tests;

pub use brought::Brought;
pub use folder::is_full;
pub use limits::ContentLimits;
pub use shelf::Contents;
#[cfg(test)]
pub use writer::Begun;

/// The longest piece of a content in one message, in bytes.
pub const MAX_CHUNK: usize = 64 * 1024;
