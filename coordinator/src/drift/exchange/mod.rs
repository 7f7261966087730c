//! Snapshots as files: one JSON document, written and read piece by piece.
//!
//! ```text
//! {"format":"tamer-snapshot","version":1,"fleet":"f-…","snapshot":{…},"hosts":[
//! {"id":"h-…","name":"web1","state":{"root":"…","epoch":[…],"counter":7,"at":…,"sources":{…}},
//!  "resources":[
//! {"key":"package/host/openssl","name":"openssl","properties":{"version":"3.0.14"}},
//! …]},
//! …],"end":{"hosts":2,"resources":2134}}
//! ```
//!
//! Who reads one trusts nothing of it: `format`, `version` and `fleet` come first and are checked
//! first, everything has bounds, each host's tree is made anew and must have the root that the file
//! says, and a file without its end was cut.

mod export;
mod import;

/// What the file says it is.
const FORMAT: &str = "tamer-snapshot";
/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;
/// The longest piece of a file in one message, in bytes.
pub const MAX_PIECE: usize = 64 * 1024;
