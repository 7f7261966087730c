//! What this host holds: its picture, kept with or without a coordinator.
//!
//! Collectors look, each at one source: packages, users, files, a provider's instances. At most
//! [`LANES`] of them look at a time, each within its own bounds of time, bytes and resources; those
//! that read files have a thread of their own ([`blocking`]) and pause so that all of them together
//! have half of one processor ([`pace`]). One that hangs delays nobody: its time ends, it is told as
//! incomplete, and what it found the last time stays as it was.
//!
//! [`Inventory`] is the one task that owns the picture. File watches and providers' events say what
//! is worth a look; everything else is looked at again and again, and a full pass proves all of it.
//! What changed is put on the disk and then told, at most once a second, as a root ([`Told`]);
//! whoever lacks nodes of its tree asks for them. Nothing here says "gone" of what was not looked
//! at, nothing forgets a picture silently: a restart goes on with its epoch and tells from when to
//! when nobody looked, and a memory that is lost begins another epoch, and says so. Secrets leave a
//! collector only as keyed hashes ([`secrets`]).

mod blocking;
mod board;
mod collect;
mod collectors;
mod found;
mod handle;
mod keeper;
mod make;
mod memory;
mod pace;
mod pattern;
pub mod read;
mod secrets;
mod settings;
mod source;
mod still;
mod store;
mod tell;
mod told;

pub use blocking::{Blocking, Look, Stop};
pub use collect::{About, Collector, Fault, Ids, Limits, News};
pub use collectors::{ConfigFile, Format};
pub use found::{Cover, Found, Full};
pub use handle::{Asked, InventoryHandle};
pub use keeper::Inventory;
pub use make::{Make, host, key, list, of, set, short, text};
pub use pace::{Pace, Worker};
pub use pattern::{Pattern, fits};
pub use secrets::{Hider, is_secret};
pub use settings::Settings;
pub use tell::tell;
pub use told::{Gap, SourceReport, Told};

/// How many collectors look at a time. Five that only wait are to end with the slowest of them, and
/// threads that wait cost next to nothing; how much work they do is bounded by [`Pace`].
pub const LANES: usize = 8;

/// What a watch of files tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// It matters to these readers.
    Some(std::collections::BTreeSet<usize>),
    /// Something was lost: it may matter to all.
    All,
}
