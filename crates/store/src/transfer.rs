//! The file a fleet moves in, from one store to another: backups, and the way from an embedded
//! store to a cluster. `tamer`'s `store export`, `import` and `verify` call this.
//!
//! # The file
//! UTF-8 text, one JSON object a line, each line ended by `\n`. It is meant to be read by people and
//! by other programs; `docs/store-file.md` says the same with examples.
//!
//! 1. A header: `{"tamer-store":1,"made":…,"by":…}`: the format's version, when (Unix seconds) and by
//!    what it was made.
//! 2. One line an entry, keys strictly ascending bytewise: `key` and `value` (text), or `key64` and
//!    `value64` (Base64, padded) for what is not UTF-8; `created` and `modified`, revisions of the
//!    store it came from; `crc`, the CRC-32 (8 hex digits) of key, created, modified (big-endian
//!    `u64`) and value.
//! 3. A trailer: `{"end":{"entries":…,"revision":…,"crc":…}}`: how many entries, the revision they
//!    all are at, and the CRC-32 of every byte before the trailer's line and then of the trailer's
//!    two numbers (big-endian `u64`).
//!
//! A file without its trailer was cut short. A flipped bit shows in its line and at the end.
//!
//! # One moment
//! An export is the store at one revision even while it changes. Pages are read one after another;
//! a watch from the first page's revision collects what changes meanwhile, and a marker written and
//! deleted under [`RESERVED`] at the end says when the watch has told everything. Then the file is
//! written once more with the changes put in. A store nobody writes to is not written to.
//!
//! # All or nothing
//! An import goes into an empty store, in bounded commits. The first puts a marker under
//! [`RESERVED`], each notes in it how far it came, the last deletes it. A store with the marker is
//! half-made: [`unfinished`] tells, and importing the same file again goes on where it stopped.
//! Revisions are the new store's own; nothing that is stored may speak of a revision.

mod error;
mod export;
mod file;
mod import;
mod line;
mod reader;
mod verify;

use crate::{Key, Prefix, Revision};

pub use error::{CompareError, Defect, ExportError, FileError, ImportError, Problem};
pub use export::export;
pub use import::{import, unfinished};
pub use verify::{Difference, Differs, Report, compare, verify};

/// Keys with this prefix belong to this module; they are in no file.
pub const RESERVED: &str = "\0tamer/";

/// What was exported or imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many entries.
    pub entries: u64,
    /// Of an export: the revision that the file is a copy of. Of an import: the last commit's.
    pub revision: Revision,
}

fn reserved() -> Prefix {
    Prefix::new(RESERVED).expect("it is short")
}

fn reserved_key(name: &str) -> Key {
    Key::new(format!("{RESERVED}{name}")).expect("it is short")
}
